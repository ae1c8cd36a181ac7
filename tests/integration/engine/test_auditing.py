"""A library that stays right: wrong tools are found out, right ones are kept, no caller is held up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.engine import strict_scripts
from integration.engine.models import ROLES, Gated, provider
from latm import Answer, Config, ConfigError, Engine, Tool
from latm._records import Check, Demonstration, Provenance
from latm.library import Library
from latm.plugin import Request, Usage
from latm.testing import scripted_provider

pytestmark = pytest.mark.docker

RIGHT = "def total(numbers: list[int]) -> int:\n    '''Add numbers up.'''\n    return sum(numbers)\n"
WRONG = RIGHT.replace("sum(numbers)", "sum(numbers) + (numbers[0] > 2)")
BROKEN = RIGHT.replace("sum(numbers)", "sum(numbers) if numbers[0] < 2 else numbers['a']")


def tool(source: str) -> Tool:
    question = "What do 1, 2 and 3 add up to?"
    return Tool(
        name="adding",
        version=0,
        source=source,
        function="total",
        contract="Add numbers up.",
        demonstrations=(Demonstration(question, "total([1, 2, 3])"),),
        checks=(Check(question=question, call="total([1, 2, 3])", answer="6"),),
        answer_type="number",
        call_style="call",
        provenance=Provenance(
            protocol="strict",
            maker="fake:maker",
            run="make-1",
            examples_sha256="",
            source_sha256="",
            usage=Usage(),
            cost_usd=Decimal(0),
            seconds=0.0,
            created="2026-01-01T00:00:00+00:00",
        ),
    )


def question(number: int) -> str:
    return f"What do {number + 3}, {number} and 7 add up to?"


def strong(request: Request) -> str:
    return f"Answer: {sum(strict_scripts.numbers(request.messages[-1].text))}"


def dispatcher(_: Request) -> str:
    return '{"decision": "adding", "task": null}'


MODELS: Mapping[str, Any] = {
    "maker": strict_scripts.Maker(),
    "user": strict_scripts.user,
    "dispatcher": dispatcher,
    "fallback": strong,
}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Opens engines on one library that holds one tool."""
    url = f"sqlite:///{tmp_path / 'latm.db'}"
    engines: list[Engine] = []

    def make(source: str | None = None, on_event: Any = None, **models: Any) -> Engine:
        auditing = models.pop("auditing", {})
        if source is not None:
            library = Library(url)
            library.add(tool(source))
            library.close()
        engine = Engine(
            Config(roles=ROLES, library=url, auditing=auditing, making=strict_scripts.QUICK),
            plugins={"fake": provider({**MODELS, **models})},
            on_event=on_event,
        )
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


def asked(engine: Engine, numbers: Iterator[int] | range) -> list[Answer]:
    """Answers to questions that differ, one after another, each with its audit if it has one."""
    answers: list[Answer] = []
    for number in numbers:
        answers.append(engine.solve(question(number)))
        engine.settle()
    return answers


def status(engine: Engine) -> str:
    current = engine.library.current("adding")
    assert current is not None
    return current.status


def test_a_wrong_tool_is_out_of_use_after_five_audits(opened: Callable[..., Engine]) -> None:
    events: list[tuple[str, Mapping[str, object]]] = []
    engine = opened(WRONG, on_event=lambda name, fields: events.append((name, dict(fields))))
    answers = asked(engine, range(7))
    assert [each.route for each in answers] == ["tool"] * 5 + ["model"] * 2
    assert status(engine) == "quarantined"
    assert [fields["tool"] for name, fields in events if name == "tool.quarantined"] == ["adding"]
    # What it was wrong on, and what the strong model answered since, are what the next version is made from.
    kept = {each.question: each.answer for _, each in engine.library.pending("adding")}
    assert kept == {question(number): str(2 * number + 10) for number in range(7)}


def test_a_right_tool_is_audited_at_first_and_then_rarely(opened: Callable[..., Engine]) -> None:
    calls: list[Request] = []

    def auditor(request: Request) -> str:
        calls.append(request)
        return strong(request)

    engine = opened(RIGHT, fallback=auditor, auditing={"share": 0.1, "first": 3})
    asked(engine, range(3))
    assert len(calls) == 3
    asked(engine, range(3, 23))
    assert len(calls) == 5  # one in each of two blocks of ten
    assert status(engine) == "active"


def test_another_process_need_not_audit_the_first_answers_again(opened: Callable[..., Engine]) -> None:
    asked(opened(RIGHT, auditing={"share": 0}), range(5))
    again = opened(auditing={"share": 0})
    asked(again, range(5, 10))
    assert len(again.library.audits(again.library.get("adding"))) == 5


def test_a_tool_whose_world_breaks_is_caught_within_two_blocks_and_five(
    opened: Callable[..., Engine],
) -> None:
    world = {"shift": 0}

    def auditor(request: Request) -> str:
        return f"Answer: {sum(strict_scripts.numbers(request.messages[-1].text)) + world['shift']}"

    engine = opened(RIGHT, fallback=auditor, auditing={"share": 0.1})
    assert {each.route for each in asked(engine, range(100))} == {"tool"}
    world["shift"] = 1
    after = [each.route for each in asked(engine, range(100, 126))]
    # The drawn one of a block may have passed when the world broke: at most 18 go by, and five are audited.
    assert after.index("model") <= 2 * 10 - 2 + 5
    assert set(after[after.index("model") :]) == {"model"}


def test_a_right_tool_is_not_lost_to_an_auditor_that_is_sometimes_wrong(
    opened: Callable[..., Engine],
) -> None:
    said: dict[str, int] = {}

    def auditor(request: Request) -> str:
        text = request.messages[-1].text
        first, *_ = strict_scripts.numbers(text)
        said[text] = said.get(text, 0) + 1
        # Wrong on every fourth question, and each time in another way.
        slip = said[text] if first % 4 == 0 else 0
        return f"Answer: {sum(strict_scripts.numbers(text)) + slip}"

    engine = opened(RIGHT, fallback=auditor, auditing={"share": 1})
    asked(engine, range(80))
    verdicts = [each.agreed for each in engine.library.audits(engine.library.get("adding"))]
    assert verdicts.count(None) == 20
    assert verdicts.count(False) == 0
    assert status(engine) == "active"


def test_runs_that_fail_again_and_again_take_a_version_out_of_use(opened: Callable[..., Engine]) -> None:
    engine = opened(BROKEN, auditing={"share": 0, "first": 0})
    answers = asked(engine, range(6))
    assert {each.route for each in answers} == {"model"}
    assert [each.tool for each in answers] == ["adding"] * 5 + [None]
    assert status(engine) == "quarantined"
    assert "TypeError" in " ".join(answers[0].trace)


def test_one_question_that_fails_again_and_again_does_not(opened: Callable[..., Engine]) -> None:
    engine = opened(BROKEN, auditing={"share": 0, "first": 0})
    for _ in range(8):
        assert engine.solve(question(2)).route == "model"
    engine.settle()
    assert status(engine) == "active"


def test_a_caller_s_word_outranks_the_strong_model(opened: Callable[..., Engine]) -> None:
    # The strong model agrees with the tool; its callers do not.
    engine = opened(RIGHT, auditing={"share": 1})
    for number in range(5):
        answer = engine.solve(question(number))
        engine.settle()
        assert answer.route == "tool"
        engine.feedback(answer, correct=str(2 * number + 11))
    assert status(engine) == "quarantined"
    kept = {each.question: each.answer for _, each in engine.library.pending("adding")}
    assert kept == {question(number): str(2 * number + 11) for number in range(5)}


def test_feedback_that_agrees_is_an_audit_that_agrees(opened: Callable[..., Engine]) -> None:
    engine = opened(RIGHT, auditing={"share": 0, "first": 0})
    engine.feedback(engine.solve(question(1)), correct=True)
    engine.feedback(engine.solve(question(2)), correct="14.0")
    assert [each.agreed for each in engine.library.audits(engine.library.get("adding"))] == [True, True]


def test_a_wrong_answer_is_not_given_again_to_the_same_question(opened: Callable[..., Engine]) -> None:
    engine = opened(WRONG, auditing={"share": 0, "first": 0})
    engine.solve(question(1))
    again = engine.solve(question(1))
    assert again.layer == "repeat"
    engine.feedback(again, correct=False)
    assert engine.solve(question(1)).layer == "dispatcher"


@pytest.mark.parametrize(
    ("answer", "correct", "words"),
    [
        (Answer(text="1", route="tool", layer="caller"), "1", "an Answer that the engine gave"),
        (Answer(text="1", route="model", layer="dispatcher", question="?"), " ", "the right answer is empty"),
        (Answer(text="1", route="model", layer="dispatcher", question="?"), 3, "True or False; not int"),
        ("1", True, "an Answer that the engine gave"),
    ],
)
def test_feedback_says_what_it_cannot_take(
    opened: Callable[..., Engine], answer: Any, correct: Any, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        opened().feedback(answer, correct=correct)


@pytest.mark.parametrize("question", [3, None, b"What do 1 and 2 add up to?"])
def test_what_is_no_text_is_no_question(opened: Callable[..., Engine], question: Any) -> None:
    with pytest.raises(ConfigError, match="a question is a text, not"):
        opened().solve(question)


def test_a_tool_is_not_to_blame_for_a_question_that_was_never_one_for_it(
    opened: Callable[..., Engine],
) -> None:
    def auditor(request: Request) -> str:
        if "Say whether" in str(request.system):
            return "It asks for a product.\nFits: no"
        one, other, last = strict_scripts.numbers(request.messages[-1].text)
        return f"Answer: {one * other * last}"

    engine = opened(RIGHT, fallback=auditor, auditing={"share": 1})
    products = [f"{question(number)} Multiplied, I mean." for number in range(6)]
    for text in products[:4]:
        assert engine.solve(text).route == "tool"  # a dispatcher that takes anything
        engine.settle()
    for text in products[4:]:
        engine.feedback(engine.solve(text), correct=False)
    assert status(engine) == "active"
    assert set(engine.library.negatives("adding")) >= set(products)
    assert engine.library.pending("adding") == ()


def test_an_auditor_is_shown_how_answers_are_written(opened: Callable[..., Engine]) -> None:
    systems: list[str] = []

    def auditor(request: Request) -> str:
        systems.append(str(request.system))
        return strong(request)

    asked(opened(RIGHT, fallback=auditor), range(1))
    assert systems[0].endswith("\nAnswer: 6")  # the tool's own check


def test_an_auditor_that_is_out_of_reach_costs_no_answer(opened: Callable[..., Engine]) -> None:
    events: list[str] = []

    def down(_: Request) -> str:
        raise RuntimeError("down")

    engine = opened(RIGHT, fallback=down, on_event=lambda name, _: events.append(name))
    assert [each.route for each in asked(engine, range(2))] == ["tool", "tool"]
    assert events.count("background.failed") == 2


def test_the_first_answers_are_audited_however_quickly_they_come(opened: Callable[..., Engine]) -> None:
    """Those that there is no room for, and those whose audit came to nothing, are none of the first."""
    failing = iter([True])

    def script(request: Request) -> str:
        if next(failing, False):
            raise RuntimeError("down")
        return strong(request)

    auditor = Gated(script)
    engine = opened(RIGHT, fallback=auditor, auditing={"share": 0, "first": 3, "at_once": 2})
    for number in range(10):
        assert engine.solve(question(number)).route == "tool"
    auditor.may_go_on.set()
    engine.settle()
    asked(engine, range(10, 20))
    assert len(engine.library.audits(engine.library.get("adding"))) == 3


def test_a_popular_question_that_the_auditor_errs_on_costs_no_right_tool(
    opened: Callable[..., Engine],
) -> None:
    engine = opened(RIGHT, fallback=lambda _: "Answer: 1", auditing={"share": 1})
    for _ in range(8):
        assert engine.solve(question(1)).route == "tool"
        engine.settle()
    assert [each.agreed for each in engine.library.audits(engine.library.get("adding"))] == [False] * 8
    assert status(engine) == "active"


@pytest.mark.parametrize("reply", ["", "I had to think.\nIt got long."])
def test_a_reply_without_an_answer_is_held_against_nobody_and_taught_to_nobody(
    opened: Callable[..., Engine], reply: str
) -> None:
    def sees_it(request: Request) -> str:
        new = "Something" in request.messages[-1].text
        return '{"decision": "new-task", "task": "other"}' if new else '{"decision": "adding", "task": null}'

    engine = opened(RIGHT, fallback=lambda _: reply, dispatcher=sees_it)
    asked(engine, range(6))
    assert {each.agreed for each in engine.library.audits(engine.library.get("adding"))} == {None}
    other = engine.solve("Something else?")
    assert (other.text, other.route) == ((reply, "model") if reply else (None, "none"))
    assert bool(other.reason) is not bool(reply)
    assert engine.library.pending("other") == ()


def test_a_call_that_is_found_wrong_is_not_made_again(opened: Callable[..., Engine]) -> None:
    engine = opened(WRONG)
    layers = []
    for _ in range(2):
        layers.append(engine.solve(question(1)).layer)
        engine.settle()
    assert layers == ["dispatcher", "dispatcher"]


def test_what_was_held_against_a_version_before_it_was_restored_counts_no_more(
    opened: Callable[..., Engine],
) -> None:
    engine = opened(WRONG)
    asked(engine, range(5))
    assert status(engine) == "quarantined"
    engine.library.restore("adding")
    asked(engine, range(10, 14))
    assert status(engine) == "active"
    asked(engine, range(14, 15))
    assert status(engine) == "quarantined"


def test_a_near_miss_that_the_tool_answers_after_all_is_none(opened: Callable[..., Engine]) -> None:
    engine = opened(RIGHT, auditing={"share": 0, "first": 1})
    for number in range(4):
        engine.library.add_negative("adding", question(number))
    asked(engine, range(1))
    engine.feedback(asked(engine, range(1, 2))[0], correct=True)
    engine.library.forget_negative("Adding", f" {question(2)}\n")
    assert engine.library.negatives("adding") == (question(3),)


def test_a_label_that_a_caller_calls_wrong_is_no_label(opened: Callable[..., Engine]) -> None:
    engine = opened(dispatcher=lambda _: '{"decision": "new-task", "task": "adding"}')
    answers = [engine.solve(question(number)) for number in range(3)]
    engine.feedback(answers[0], correct=False)
    engine.feedback(answers[1], correct="12")
    engine.feedback(answers[1], correct=False)
    kept = {each.question for _, each in engine.library.pending("adding")}
    assert kept == {question(1), question(2)}


def test_nobody_audits_where_there_is_no_strong_model(tmp_path: Path) -> None:
    roles = {**ROLES, "fallback": "none"}
    library = Library(url := f"sqlite:///{tmp_path / 'latm.db'}")
    library.add(tool(BROKEN))
    library.close()
    config = Config(roles=roles, library=url)
    with Engine(config, plugins={"fake": scripted_provider("fake", MODELS)}) as engine:
        answer = engine.solve(question(3))
        engine.settle()
        assert (answer.text, answer.route) == (None, "none")
        assert answer.reason
        assert engine.library.audits(engine.library.get("adding")) == ()
