"""The way of a tool and of a question, in real cells and a real library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.engine import scripts
from integration.engine.models import DEFAULTS, ROLES, Models
from latm import (
    AsyncEngine,
    Config,
    ConfigError,
    Engine,
    Example,
    LibraryError,
    MakingFailed,
    Refused,
    Rejected,
    Truncated,
)
from latm.testing import ScriptedBackend, scripted_provider

pytestmark = pytest.mark.docker


def test_a_tool_is_made_used_and_found_again(engine: Callable[..., Engine]) -> None:
    with engine() as first:
        tool = first.make("adding", scripts.EXAMPLES)
        assert (tool.name, tool.version, tool.function) == ("adding", 1, "total")
        assert tool.contract == "total(numbers)\nAdd numbers up."
        assert tool.answer_type == "number"
        answer = first.use(tool, "What do 3, 4 and 5 add up to?")
        assert (answer.text, answer.route, answer.layer, answer.tool) == ("12", "tool", "caller", "adding")
        assert answer.outcome is not None
        assert answer.outcome.values["ans"] == "12"
        assert first.ledger.by_role().keys() == {"maker", "user"}
    with engine() as second:
        assert second.library.get("adding") == tool
        assert second.use("adding", "What do 1, 1 and 1 add up to?").text == "3"


def test_a_broken_proposal_and_a_wrong_test_are_mended_and_seen(engine: Callable[..., Engine]) -> None:
    told: list[tuple[Any, ...]] = []

    def listen(name: str, fields: Mapping[str, object]) -> None:
        if name == "make.attempt":
            told.append((fields["stage"], fields["number"], fields["problem"] is None))

    broken = scripts.GOOD.replace("```python\n", "```python\nimport nothing_of_the_kind\n")
    maker = scripts.maker(proposals=(broken, scripts.GOOD), offsets=(1, 0))
    with engine(listen, maker=maker) as place:
        tool = place.make("adding", scripts.EXAMPLES)
    assert told == [
        ("propose", 1, False),
        ("propose", 2, True),
        ("verify", 1, False),
        ("verify", 2, True),
        ("wrap", 1, True),
    ]
    problems = [each.problem for each in tool.scorecard.attempts if each.problem]
    assert "ModuleNotFoundError: No module named 'nothing_of_the_kind'" in problems[0]
    assert "AssertionError" in problems[1]


@pytest.mark.parametrize(
    ("models", "stage"),
    [
        ({"maker": scripts.maker(proposals=("no code",))}, "propose"),
        (
            {"maker": scripts.maker(proposals=("```python\ndef f():\n    while True: pass\nf()\n```",))},
            "propose",
        ),
        ({"maker": scripts.maker(offsets=(1,))}, "verify"),
        ({"maker": scripts.maker(proposals=(scripts.GOOD.replace("sum(n", "max(n"),))}, "verify"),
    ],
)
def test_a_making_that_fails_carries_its_whole_history(
    engine: Callable[..., Engine], models: Models, stage: str
) -> None:
    limits = {"sandbox": {"limits": {"wall_s": 0.5}}}
    with engine(config=limits, **models) as place:
        with pytest.raises(MakingFailed, match=f"{stage}: 3 attempts") as caught:
            place.make("adding", scripts.EXAMPLES)
        assert caught.value.stage == stage
        assert len([each for each in caught.value.history if each.stage == stage]) == 3
        with pytest.raises(LibraryError):
            place.library.get("adding")
        assert place.library.failed_with("adding") == 0, "it says nothing of a stream's instances"


def test_an_interrupted_making_goes_on_without_paying_again(engine: Callable[..., Engine]) -> None:
    def failing(request: Any) -> Any:
        return Rejected("no credit left") if len(backend.requests) == 2 else scripts.maker()(request)

    backend = ScriptedBackend(failing)
    with engine(maker=backend) as place, pytest.raises(Rejected, match="fake:maker: no credit left"):
        place.make("adding", scripts.EXAMPLES)
    with engine(maker=backend) as place:
        tool = place.make("adding", scripts.EXAMPLES)
        # The proposal came from the journal; it counts for the tool and is not paid for again.
        assert place.ledger.total().calls == 2
        assert tool.scorecard.count("propose") == 1
        assert len(place.library.journal(tool.provenance.run)) == 3
    assert len(backend.requests) == 4


def test_a_failing_tool_is_tried_once_more_then_the_strong_model_answers(
    engine: Callable[..., Engine],
) -> None:
    user = ScriptedBackend(["```python\nans = total(\n```", "```python\nret = total([1])\n```"])
    with engine(user=user) as place:
        tool = place.make("adding", scripts.EXAMPLES)
        answer = place.solve("What do 1, 1 and 1 add up to?")
        assert (answer.text, answer.route, answer.tool) == ("3", "model", "adding")
        place.settle()
        assert place.library.uses(tool) == (1, 1)
    assert len(user.requests) == 2
    assert "SyntaxError" in user.requests[1].messages[-1].text
    assert user.requests[1].messages[0].text == "What do 1, 1 and 1 add up to?"


def test_an_answer_that_was_not_set_is_never_an_older_one(engine: Callable[..., Engine]) -> None:
    replies = ["```python\nans = 'old'\n```", "```python\nret = 1\n```", "no code at all"]
    with engine(user=replies) as place:
        tool = place.make("adding", scripts.EXAMPLES)
        assert place.use(tool, "q").text == "old"
        answer = place.use(tool, "q")
        assert (answer.text, answer.route) == (None, "none")
        assert any("ans" in each for each in answer.trace)


def test_a_user_that_redefines_the_function_is_not_run(engine: Callable[..., Engine]) -> None:
    reply = "```python\ndef total(x):\n    return 'forged'\nans = total(1)\n```"
    with engine(user=[reply, reply]) as place:
        tool = place.make("adding", scripts.EXAMPLES)
        answer = place.use(tool, "q")
        assert answer.text is None
        assert answer.outcome is None


def test_too_few_examples_are_said_before_anything_is_paid(engine: Callable[..., Engine]) -> None:
    with engine() as place:
        with pytest.raises(
            ConfigError,
            match=r"needs 6 examples \(3 to show, 3 to verify on\), and 2 different ones are given",
        ):
            place.make("adding", scripts.EXAMPLES[:2])
        with pytest.raises(ConfigError, match=r"no such protocol: 'papr'\. Did you mean 'paper'"):
            place.make("adding", scripts.EXAMPLES, protocol="papr")
        assert place.ledger.total().calls == 0


def test_an_engine_serves_many_threads(engine: Callable[..., Engine]) -> None:
    with engine() as place:
        tool = place.make("adding", scripts.EXAMPLES)
        found: dict[int, str | None] = {}

        def ask(n: int) -> None:
            found[n] = place.use(tool, f"What do {n}, 1 and 1 add up to?").text

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {n: str(n + 2) for n in range(12)}


def test_a_closed_engine_says_so(engine: Callable[..., Engine]) -> None:
    place = engine()
    place.close()
    with pytest.raises(ConfigError, match="closed"):
        place.solve("q")
    place.close()


@pytest.mark.anyio
async def test_the_async_engine_is_the_same(tmp_path: Path) -> None:
    config = Config(roles=ROLES, library=f"sqlite:///{tmp_path / 'latm.db'}", making={"protocol": "paper"})
    async with AsyncEngine(config, plugins={"fake": scripted_provider("fake", dict(DEFAULTS))}) as place:
        tool = await place.make("adding", scripts.EXAMPLES)
        assert await place.library.get("adding") == tool
        assert (await place.use(tool, "What do 1, 2 and 2 add up to?")).text == "5"
        questions = [f"What do {n}, 1 and 1 add up to?" for n in range(5)]
        answers = [answer.text async for answer in place.solve_many(questions, concurrency=2)]
        assert answers == ["2", "3", "4", "5", "6"]


def test_odd_text_in_questions_is_data(engine: Callable[..., Engine]) -> None:
    question = "```python\nimport os\n``` \x00 \ud800 What do 1, 1 and 1 add up to?"
    with engine() as place:
        place.make("adding", (*scripts.EXAMPLES[:5], Example(question, "3")))
        answer = place.solve(question)
        assert (answer.text, answer.route) == ("3", "tool")


@pytest.mark.anyio
async def test_an_error_comes_out_of_the_async_engine_as_it_was(tmp_path: Path) -> None:
    config = Config(roles={}, library=f"sqlite:///{tmp_path / 'latm.db'}")
    with pytest.raises(ConfigError, match="no model fills the role"):
        async with AsyncEngine(config) as place:
            await place.solve("q")
    with pytest.raises(ZeroDivisionError):
        async with AsyncEngine(config):
            raise ZeroDivisionError


@pytest.mark.parametrize("value", ["10**5000", "'1e9999999'"])
def test_an_answer_that_cannot_be_written_is_a_failed_use(engine: Callable[..., Engine], value: str) -> None:
    reply = f"```python\nans = {value}\n```"
    with engine(user=[reply, reply]) as place:
        place.make("adding", scripts.EXAMPLES)
        answer = place.solve("What do 1, 1 and 1 add up to?")
        assert (answer.text, answer.route) == ("3", "model")


@pytest.mark.parametrize("error", [Truncated("too long"), Refused("no")])
@pytest.mark.parametrize("role", ["user", "dispatcher"])
def test_a_cheap_model_that_declines_does_not_fail_the_question(
    engine: Callable[..., Engine], role: str, error: Exception
) -> None:
    with engine(**{role: [error]}) as place:
        place.make("adding", scripts.EXAMPLES)
        answer = place.solve("What do 1, 1 and 1 add up to?")
        assert (answer.text, answer.route) == ("3", "model")
