"""What docs/embedding.md promises applications: streams, deadlines, budgets, cancelling, threads, engines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from integration.engine import scripts
from integration.engine.models import DEFAULTS, ROLES
from latm import AsyncEngine, BudgetExceeded, Config, ConfigError, DeadlineExceeded, PluginError
from latm.config import Limit
from latm.plugin import Reply, Request
from latm.testing import ScriptedBackend, scripted_provider

pytestmark = pytest.mark.docker
QUIET = {"auditing": {"share": 0, "first": 0}, "making": {"protocol": "paper"}}


def question(number: int) -> str:
    return f"What do {number}, 1 and 1 add up to?"


class Held:
    """A model that answers when it is told to; it knows how many wait, and how many were given up.

    Args:
        waits: whether a question has to wait.
        otherwise: who answers the others, and those that waited.
    """

    def __init__(
        self,
        waits: Callable[[str], bool] = lambda text: "stuck" in text,
        otherwise: Callable[[Request], str] = scripts.strong,
    ) -> None:
        self.asked = threading.Event()
        self.waiting = 0
        self.given_up = 0
        self._waits = waits
        self._otherwise = otherwise
        self._go = anyio.Event()

    async def complete(self, request: Request) -> Reply:
        if self._waits(request.messages[-1].text):
            self.waiting += 1
            self.asked.set()
            try:
                await self._go.wait()
            except BaseException:
                self.given_up += 1
                raise
            finally:
                self.waiting -= 1
        return await ScriptedBackend(self._otherwise).complete(request)

    async def aclose(self) -> None:
        pass


def plugins(**models: Any) -> Mapping[str, object]:
    provider = scripted_provider("fake", {**DEFAULTS, **{k: v for k, v in models.items() if callable(v)}})
    for name, model in models.items():
        if not callable(model):
            provider.backends[name] = model
    return {"fake": provider}


def config(folder: Path, **tables: Any) -> Config:
    return Config(roles=ROLES, library=f"sqlite:///{folder / 'latm.db'}", **{**QUIET, **tables})


def opened(folder: Path, *, on_event: Any = None, tables: Mapping[str, Any] | None = None, **models: Any):
    return AsyncEngine(config(folder, **(tables or {})), plugins=plugins(**models), on_event=on_event)


either_loop = pytest.mark.anyio


@either_loop
async def test_a_stream_becomes_cheap_on_either_event_loop(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        answers = [answer async for answer in engine.solve_many(map(question, range(6)), concurrency=3)]
        assert [answer.text for answer in answers] == [str(n + 2) for n in range(6)]
        assert {answer.route for answer in answers} == {"model"}
        await engine.settle()
        later = [answer async for answer in engine.solve_many(map(question, range(6, 12)), concurrency=3)]
        assert [answer.text for answer in later] == [str(n + 2) for n in range(6, 12)]
        assert {answer.route for answer in later} == {"tool"}


@either_loop
async def test_a_slow_consumer_slows_the_source_down(tmp_path: Path) -> None:
    taken = 0

    def source() -> Iterator[str]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield question(number)

    async with opened(tmp_path) as engine, aclosing(engine.solve_many(source(), concurrency=3)) as answers:
        for received in range(1, 8):
            await anext(answers)
            await engine.settle()  # all that could run ahead has had its time
            assert taken <= received + 3


@either_loop
async def test_a_stream_that_is_left_stops_what_is_under_way(tmp_path: Path) -> None:
    held = Held()
    async with opened(tmp_path, fallback=held) as engine:
        with anyio.fail_after(30):
            stream = engine.solve_many([question(1), "stuck?", "stuck too?"], concurrency=3)
            async with aclosing(stream) as answers:
                assert (await anext(answers)).text == "3"
                await anyio.to_thread.run_sync(held.asked.wait, 10)
            assert (await engine.solve(question(2))).text == "4"
            await until(lambda: held.waiting == 0)
            assert held.given_up >= 1


async def until(condition: Callable[[], bool]) -> None:
    """Let others go on until it holds."""
    while not condition():
        await anyio.lowlevel.checkpoint()


@either_loop
@pytest.mark.parametrize("way", ["solve", "use", "stream"])
async def test_a_deadline_ends_the_wait_and_nothing_else(tmp_path: Path, way: str) -> None:
    held = Held(otherwise=scripts.user if way == "use" else scripts.strong)
    role = "user" if way == "use" else "fallback"
    async with opened(tmp_path, **{role: held}) as engine:
        if way == "use":
            await engine.make("adding", scripts.EXAMPLES, protocol="paper")

        async def ask(text: str) -> str | None:
            if way == "use":
                return (await engine.use("adding", text, timeout_s=0.5)).text
            if way == "solve":
                return (await engine.solve(text, timeout_s=0.5)).text
            (answer,) = [each async for each in engine.solve_many([text], timeout_s=0.5)]
            return answer.text

        with anyio.fail_after(30):
            with pytest.raises(DeadlineExceeded):
                await ask("are 1 and 2 stuck?")
            assert held.given_up == 1
        assert (await engine.solve(question(3))).text == "5"


@either_loop
@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), "soon", True])
async def test_a_deadline_that_is_none_is_refused(tmp_path: Path, timeout_s: Any) -> None:
    async with opened(tmp_path) as engine:
        with pytest.raises(ConfigError, match="timeout_s"):
            await engine.solve("q", timeout_s=timeout_s)


@either_loop
async def test_cancelling_a_question_drops_its_request(tmp_path: Path) -> None:
    held = Held()
    async with opened(tmp_path, fallback=held) as engine:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(engine.solve, "stuck?")
                await anyio.to_thread.run_sync(held.asked.wait, 10)
                tasks.cancel_scope.cancel()
        assert (held.given_up, held.waiting) == (1, 0)
        assert (await engine.solve(question(1))).text == "3"


@either_loop
async def test_a_question_has_a_budget_of_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        # A dispatcher's call and the strong model's make two.
        for budget in ({"calls": 1}, Limit(calls=1)):
            with pytest.raises(BudgetExceeded) as over:
                await engine.solve(question(1), budget=budget)
            assert (over.value.role, over.value.unit, over.value.given) == ("fallback", "calls", True)
            assert str(over.value).endswith("Raise calls in the budget that came with the question.")
        assert (await engine.solve(question(1), budget={"calls": 2})).text == "3"
        # Another question's begins anew, in a stream too.
        stream = engine.solve_many(map(question, range(2, 6)), budget={"calls": 2}, concurrency=2)
        assert [answer.text async for answer in stream] == ["4", "5", "6", "7"]
        with pytest.raises(ConfigError, match="budget"):
            await engine.solve("q", budget={"call": 1})


@either_loop
async def test_the_tighter_budget_of_two_is_the_one_to_raise(tmp_path: Path) -> None:
    async with opened(tmp_path, tables={"budget": {"run": {"calls": 1}}}) as engine:
        with pytest.raises(BudgetExceeded, match=r"Raise run\.calls in \[budget\]\.$") as over:
            await engine.solve(question(1), budget={"calls": 5})
        assert not over.value.given


@either_loop
async def test_a_budget_of_one_question_binds_no_other(tmp_path: Path) -> None:
    """Models of unknown price cannot answer it; the others ask them as before, without a cap on replies."""
    caps: list[int | None] = []

    def strong(request: Request) -> str:
        caps.append(request.max_output_tokens)
        return scripts.strong(request)

    async with opened(tmp_path, fallback=strong) as engine:
        with pytest.raises(ConfigError, match="needs the price"):
            await engine.solve(question(1), budget={"usd": "1"})
        assert (await engine.solve(question(1))).text == "3"
        await engine.solve(question(2), budget={"tokens": 100_000})
        assert caps == [None, 8192]


@either_loop
async def test_a_budget_in_tokens_stops_before_the_call_that_could_exceed_it(tmp_path: Path) -> None:
    tables = {"budget": {"output_tokens": 100}}
    async with opened(tmp_path, tables=tables) as engine:
        with pytest.raises(BudgetExceeded) as over:
            await engine.solve(question(1), budget={"tokens": 50})
        assert over.value.unit == "tokens"
        assert engine.ledger.total().calls == 0
        assert (await engine.solve(question(1), budget={"tokens": 1_000_000})).text == "3"


@either_loop
async def test_an_error_ends_a_stream_in_its_place_and_the_engine_goes_on(tmp_path: Path) -> None:
    def failing(request: Request) -> Any:
        text = request.messages[-1].text
        return ValueError("odd") if "13," in text else scripts.strong(request)

    async with opened(tmp_path, fallback=failing) as engine:
        stream = engine.solve_many(map(question, range(10, 20)), concurrency=4)
        got = [(await anext(stream)).text for _ in range(3)]
        with pytest.raises(PluginError):
            await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        assert got == ["12", "13", "14"]
        assert (await engine.solve(question(1))).text == "3"


@either_loop
async def test_a_closed_engine_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        pass
    with pytest.raises(ConfigError, match="not open"):
        await engine.solve("q")
    with pytest.raises(ConfigError, match="was closed"):
        async with engine:
            pass


@either_loop
async def test_an_engine_reads_what_is_known_before_it_is_asked(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        rooms = engine._open
        assert rooms is not None
        with anyio.fail_after(20):
            while rooms.solver.dispatcher.known._revision is None:
                await anyio.lowlevel.checkpoint()


@either_loop
async def test_a_stream_that_outlives_its_engine_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        stream = engine.solve_many(map(question, range(9)), concurrency=1)
        assert (await anext(stream)).text == "2"
    with pytest.raises(ConfigError, match="engine was closed"):
        await anext(stream)


@either_loop
async def test_an_engine_closes_all_that_it_opened_where_its_caller_is_cancelled(tmp_path: Path) -> None:
    closed: list[str] = []

    class Backend(Held):
        async def aclose(self) -> None:
            await anyio.lowlevel.checkpoint()
            closed.append("backend")

    with anyio.CancelScope() as scope:
        async with opened(tmp_path, dispatcher=Backend(otherwise=scripts.dispatcher)) as engine:
            database = engine.store._database._engine
            await engine.solve(question(1))
            scope.cancel()
            await anyio.sleep_forever()
    assert closed == ["backend"]
    assert "Connections in pool: 0" in database.pool.status()
