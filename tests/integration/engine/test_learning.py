"""From answered questions to tools: in the background, once, and without a second tool for the same thing."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.engine import strict_scripts
from integration.engine.models import ROLES, Gated, provider
from latm import Config, Engine
from latm.library import Busy
from latm.plugin import Request

pytestmark = pytest.mark.docker

WAIT_S = 60


def question(number: int) -> str:
    return f"What do {number + 3}, {number} and 7 add up to?"


def strong(request: Request) -> str:
    return f"Answer: {sum(strict_scripts.numbers(request.messages[-1].text))}000"


def names(request: Request) -> list[str]:
    schema: Any = request.response_schema
    return list(schema["properties"]["decision"]["enum"])


def dispatcher(request: Request) -> str:
    if "adding" in names(request):
        return json.dumps({"decision": "adding", "task": None})
    return json.dumps({"decision": "new-task", "task": "Adding"})


MODELS: Mapping[str, Any] = {
    "user": strict_scripts.user,
    "dispatcher": dispatcher,
    "fallback": strong,
}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    engines: list[Engine] = []

    def make(on_event: Any = None, config: Mapping[str, Any] | None = None, **models: Any) -> Engine:
        made = {**MODELS, "maker": strict_scripts.Maker(), **models}
        engine = Engine(
            Config(
                roles=ROLES,
                library=f"sqlite:///{tmp_path / 'latm.db'}",
                **{"making": strict_scripts.QUICK, **(config or {})},
            ),
            plugins={"fake": provider(made)},
            on_event=on_event,
        )
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


def test_a_tool_is_made_while_callers_go_on(opened: Callable[..., Engine]) -> None:
    maker = Gated(strict_scripts.Maker())
    engine = opened(maker=maker)
    answers = [engine.solve(question(number)) for number in range(9)]
    assert maker.asked.wait(WAIT_S)
    answers += [engine.solve(question(number)) for number in range(9, 12)]  # three more than are needed
    assert {each.route for each in answers} == {"model"}
    maker.may_go_on.set()
    engine.settle()
    assert engine.solve(question(20)).route == "tool"
    assert [tool.version for tool in engine.library.list()] == [1]
    # What came while it was made has nothing to wait for.
    assert len(engine.library.pending("adding")) == 3


def test_an_answer_says_where_it_was_learnt(opened: Callable[..., Engine]) -> None:
    engine = opened()
    first = engine.solve(question(1))
    assert (first.task, first.route, first.question) == ("adding", "model", question(1))
    assert "It is instance 1 of adding." in first.trace
    assert first.run.startswith("ask-")


def test_a_caller_s_label_is_what_a_tool_is_made_from(opened: Callable[..., Engine]) -> None:
    def wrong(request: Request) -> str:
        # The ninth begins the making, before a word on it can come.
        return strong(request) if request.messages[-1].text == question(8) else "Answer: 1"

    engine = opened(fallback=wrong, config={"auditing": {"share": 0, "first": 0}})
    for number in range(8):
        answer = engine.solve(question(number))
        engine.feedback(answer, correct=f"{2 * number + 10}000")
    engine.solve(question(8))
    engine.settle()
    tool = engine.library.get("adding")
    assert {each.answer for each in tool.checks} <= {f"{2 * number + 10}000" for number in range(9)}


def test_a_tool_that_a_person_retired_does_not_come_back_by_itself(opened: Callable[..., Engine]) -> None:
    engine = opened()
    for number in range(9):
        engine.solve(question(number))
    engine.settle()
    engine.library.retire("adding")
    answers = [engine.solve(question(number)) for number in range(10, 20)]
    engine.settle()
    assert {each.route for each in answers} == {"model"}
    assert [each.status for each in engine.library.versions("adding")] == ["retired"]
    assert engine.library.pending("adding") == ()


def test_the_next_version_compares_as_the_one_before_did(opened: Callable[..., Engine]) -> None:
    engine = opened()
    for number in range(9):
        engine.solve(question(number))
    engine.settle()
    first = engine.library.get("adding")
    assert first.answer_type == "number"
    again = engine.library.add(dataclasses.replace(first, answer_type="number:0.5", contract="Nearly."))
    engine.library.quarantine(again, "wrong")
    for number in range(20, 29):
        engine.solve(question(number))
    engine.settle()
    assert engine.library.get("adding").answer_type == "number:0.5"


def test_a_making_begins_anew_where_a_label_that_it_began_with_was_wrong(
    opened: Callable[..., Engine],
) -> None:
    gated = Gated(strict_scripts.Maker())
    engine = opened(maker=gated)
    answers = [engine.solve(question(number)) for number in range(9)]
    assert gated.asked.wait(WAIT_S)
    engine.feedback(answers[0], correct=False)
    engine.close()
    gated.may_go_on.set()
    again = opened()
    again.solve(question(30))
    again.settle()
    assert again.library.get("adding").version == 1


def test_a_task_that_no_tool_can_be_made_for_costs_later_questions_nothing(
    opened: Callable[..., Engine],
) -> None:
    engine = opened(maker=lambda _: "I cannot.")
    for number in range(11):
        engine.solve(question(number))
        engine.settle()
    # The tenth question saw that it is not time; none after it looked again.
    taken = engine.library.acquire("adding", "test", fingerprint="", ttl_s=1)
    assert not isinstance(taken, Busy)
    assert taken.token == 3
    assert [each.state for each in engine.library.makings("adding")] == ["failed"]


def test_an_engine_that_closes_leaves_a_making_to_be_gone_on_with(opened: Callable[..., Engine]) -> None:
    begun, script = threading.Event(), strict_scripts.Maker()

    def maker(request: Request) -> str:
        begun.set()
        return script(request)

    engine = opened(maker=maker)
    for number in range(9):
        engine.solve(question(number))
    assert begun.wait(WAIT_S)
    engine.close()
    again = opened()
    again.solve(question(30))
    again.settle()
    assert again.library.get("adding").version == 1
    runs = [entry for entry in again.library.journal() if entry.role == "maker"]
    steps = [entry.step for entry in runs]
    assert len(steps) == len(set(steps)), "a reply was paid for twice"


def test_the_same_under_another_name_is_merged(opened: Callable[..., Engine]) -> None:
    def names_by_size(request: Request) -> str:
        large = strict_scripts.numbers(request.messages[-1].text)[0] >= 100
        wanted = "Sum of three" if large else "Adding"
        known = [name for name in names(request) if name == wanted.lower().replace(" ", "-")]
        return json.dumps({"decision": known[0] if known else "new-task", "task": wanted})

    told: list[str] = []
    engine = opened(dispatcher=names_by_size, on_event=lambda name, _: told.append(name))
    for number in (*range(9), *range(100, 109)):
        engine.solve(question(number))
        engine.settle()
    assert [tool.name for tool in engine.library.list()] == ["adding"]
    assert engine.library.resolve("Sum of three") == "adding"
    assert "make.merged" in told


def test_what_is_alike_at_first_sight_only_is_not_merged(opened: Callable[..., Engine]) -> None:
    """A maximum and a sum: the same for lists with one number above nought, and nowhere else."""

    def two_tasks(request: Request) -> str:
        text = request.messages[-1].text
        wanted = "largest" if "largest" in text else "adding"
        return json.dumps({"decision": wanted if wanted in names(request) else "new-task", "task": wanted})

    def knows(request: Request) -> str:
        text = request.messages[-1].text
        numbers = strict_scripts.numbers(text)
        return f"Answer: {max(numbers) if 'largest' in text else sum(numbers)}000"

    def maker(request: Request) -> str:
        text = request.messages[0].text
        if "largest" not in text:
            return strict_scripts.Maker()(request)
        good = strict_scripts.GOOD.replace("sum(numbers)", "max(numbers, default=0)")
        return strict_scripts.Maker(functions=(good,), properties=("none",))(request)

    engine = opened(dispatcher=two_tasks, fallback=knows, maker=maker)
    for number in range(9):
        engine.solve(question(number))
        engine.solve(question(number).replace("add up to", "have as the largest"))
    engine.settle()
    assert [tool.name for tool in engine.library.list()] == ["adding", "largest"]
