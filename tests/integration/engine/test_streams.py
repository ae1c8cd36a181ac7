"""Many questions: in order, learnt from, left early, closed in between; in real cells and a real library."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from integration.engine import scripts
from integration.engine.fake_clock import FakeClock
from integration.engine.models import DEFAULTS, ROLES
from latm import (
    Answer,
    AsyncEngine,
    Config,
    ConfigError,
    Engine,
    LibraryError,
    PluginError,
    Rejected,
)
from latm.testing import ScriptedBackend, scripted_provider

pytestmark = pytest.mark.docker


def settled(place: Engine, questions: list[str]) -> list[Answer]:
    """Answers one after another, each with what it set off in the background."""
    answers: list[Answer] = []
    for question in questions:
        answers.append(place.solve(question))
        place.settle()
    return answers


def test_a_stream_goes_from_the_strong_model_to_the_tool(engine: Callable[..., Engine]) -> None:
    questions = [f"What do {n}, 1 and 1 add up to?" for n in range(9)] + ["What is the capital of France?"]
    with engine() as place:
        answers = settled(place, questions)
        assert [answer.text for answer in answers] == [str(n + 2) for n in range(9)] + ["Paris"]
        assert [answer.route for answer in answers] == ["model"] * 6 + ["tool"] * 3 + ["model"]
        assert answers[5].trace[-1] == "It is instance 6 of adding."
        assert place.library.tasks() == {}
        again = place.solve("What do 5, 5 and 5 add up to?")
        assert (again.text, again.tool, again.tool_version) == ("15", "adding", 1)


def test_many_questions_at_once_come_in_order_and_make_one_tool(engine: Callable[..., Engine]) -> None:
    questions = [f"What do {n}, 1 and 1 add up to?" for n in range(40)]
    with engine() as place:
        answers = list(place.solve_many(iter(questions), concurrency=8))
        assert [answer.text for answer in answers] == [str(n + 2) for n in range(40)]
        place.settle()
        assert [version.tool.version for version in place.library.versions("adding")] == [1]
        assert place.solve("What do 50, 1 and 1 add up to?").route == "tool"


def test_a_stream_may_be_left_early(engine: Callable[..., Engine]) -> None:
    taken: list[int] = []

    def source() -> Any:
        for n in range(1000):
            taken.append(n)
            yield f"What do {n}, 1 and 1 add up to?"

    with engine() as place:
        answers = place.solve_many(source(), concurrency=2)
        assert next(answers).text == "2"
        answers.close()  # type: ignore[attr-defined]
        assert len(taken) < 10
        assert place.solve("What do 1, 1 and 1 add up to?").text == "3"


def test_an_error_is_raised_in_its_place_in_the_order(engine: Callable[..., Engine]) -> None:
    def failing(request: Any) -> Any:
        return ValueError("odd") if "13" in request.messages[-1].text else scripts.strong(request)

    with engine(fallback=failing) as place:
        answers = place.solve_many(["What do 1, 1 and 1 add up to?", "Is 13 lucky?", "Is 3?"], concurrency=3)
        assert next(answers).text == "3"
        with pytest.raises(PluginError, match="ValueError"):
            next(answers)


def test_a_making_behind_a_question_that_fails_does_not_lose_the_answer(
    engine: Callable[..., Engine],
) -> None:
    maker = ScriptedBackend(scripts.maker(proposals=("no code",)))
    with engine(maker=maker) as place:
        asked: list[int] = []
        for n in range(15):
            (answer,) = settled(place, [f"What do {n}, 1 and 1 add up to?"])
            assert answer.text == str(n + 2)
            asked.append(len(maker.requests))
        # It is not tried again for each further question, only with as many new instances.
        assert asked == [0] * 5 + [3] * 6 + [6] * 4
        assert [making.state for making in place.library.makings("adding")] == ["failed", "failed"]


@pytest.mark.anyio
async def test_a_cancelled_engine_closes(tmp_path: Path) -> None:
    waiting = anyio.Event()

    class Stuck:
        async def complete(self, request: object) -> Any:
            waiting.set()
            await anyio.sleep_forever()

        async def aclose(self) -> None:
            pass

    plugin = scripted_provider("fake", {"m": []})
    plugin.backends["m"] = Stuck()  # type: ignore[assignment]
    config = Config(roles={"dispatcher": "fake:m"}, library=f"sqlite:///{tmp_path / 'latm.db'}")

    async def work() -> None:
        async with AsyncEngine(config, plugins={"fake": plugin}) as place:
            await place.solve("q")

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            await waiting.wait()
            tasks.cancel_scope.cancel()


def test_an_interrupted_making_of_a_stream_is_taken_up_and_not_begun_anew(tmp_path: Path) -> None:
    clock = FakeClock()

    def maker(request: Any) -> Any:
        broke = len(request.messages) > 1 and clock.time < 100
        return Rejected("no credit left") if broke else scripts.maker()(request)

    backend = ScriptedBackend(maker)
    provider = scripted_provider("fake", {**DEFAULTS, "maker": backend})
    config = Config(roles=ROLES, library=f"sqlite:///{tmp_path / 'latm.db'}", making={"protocol": "paper"})

    async def main() -> None:
        async with AsyncEngine(config, plugins={"fake": provider}, clock=clock) as place:
            for n in range(12):
                answer = await place.solve(f"What do {n}, 1 and 1 add up to?")
                await place.settle()
                assert answer.route == "model"
            assert len(backend.requests) == 2, "a proposal and the call that failed; then it rests"
            clock.time = 100
            await place.solve("What do 1, 1 and 1 add up to?")
            await place.settle()
            assert len(backend.requests) == 4, "the proposal came from the journal"
            assert (await place.solve("What do 2, 2 and 2 add up to?")).route == "tool"

    anyio.run(main)


def test_a_source_of_questions_that_breaks_loses_no_answer(engine: Callable[..., Engine]) -> None:
    def source() -> Any:
        yield "What do 1, 1 and 1 add up to?"
        yield "What do 2, 1 and 1 add up to?"
        raise OSError("the file is gone")

    with engine() as place:
        answers = place.solve_many(source(), concurrency=8)
        assert [next(answers).text, next(answers).text] == ["3", "4"]
        with pytest.raises(OSError, match="the file is gone"):
            next(answers)


def test_a_library_that_fails_behind_an_answer_does_not_lose_it(
    engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise LibraryError("disk full")

    with engine() as place:
        monkeypatch.setattr(type(place.library), "remember", broken)
        answer = place.solve("What do 1, 1 and 1 add up to?")
        assert answer.text == "3"
        assert answer.trace[-1] == "Nothing was learnt of it: disk full"


def test_closing_stops_what_runs_and_says_so(engine: Callable[..., Engine]) -> None:
    asked = threading.Event()

    class Slow:
        closed = False

        async def complete(self, request: object) -> Any:
            asked.set()
            await anyio.sleep_forever()

        async def aclose(self) -> None:
            self.closed = True

    slow = Slow()
    place = engine(dispatcher=["never"])
    provider = place._core._given["fake"]
    provider.backends["dispatcher"] = slow  # type: ignore[attr-defined]
    place.__enter__()
    said: list[BaseException] = []

    def ask() -> None:
        try:
            place.solve("q")
        except ConfigError as error:
            said.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(20)
    place.close()
    thread.join(20)
    assert not thread.is_alive()
    assert "closed while it worked on this" in str(said[0])
    assert slow.closed


def test_an_engine_left_in_a_stream_closes(engine: Callable[..., Engine]) -> None:
    place = engine()
    answers = place.solve_many(f"What do {n}, 1 and 1 add up to?" for n in range(100))
    assert next(answers).text == "2"
    place.close()
    with pytest.raises(ConfigError, match="closed while it was answering"):
        list(answers)


def test_a_question_asked_again_and_again_makes_no_tool(engine: Callable[..., Engine]) -> None:
    with engine() as place:
        answers = [place.solve("What do 1,  1 and 1 add up to?") for _ in range(8)]
        assert {answer.route for answer in answers} == {"model"}
        assert len(place.library.pending("adding")) == 1
        with pytest.raises(ConfigError, match="and 1 different one is given"):
            place.make("adding", [scripts.EXAMPLES[0]] * 6)
        with pytest.raises(ConfigError, match="question is empty"):
            place.solve(" ")
