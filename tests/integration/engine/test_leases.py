"""Who waits for another's making: gets its tool or its failure, goes on after it, or is cancelled at once."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from integration.engine import scripts
from latm import AsyncEngine, Config, MakingFailed, Tool
from latm.errors import LeaseLost
from latm.library import Library
from latm.testing import HttpReply, OpenAIServer, RecordedRequest, read_request

pytestmark = [pytest.mark.docker, pytest.mark.anyio]
CALLS = 3
BAD = "No."


@dataclass
class House:
    """Engines on one library and one server, whose first reply is held back until it is let go."""

    folder: Path
    maker: Callable[[Any], str] = field(default_factory=scripts.maker)
    go: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    fail_first: bool = False
    url: str = ""
    replies: int = 0
    heard: list[str] = field(default_factory=list)
    waiting: anyio.Event = field(default_factory=anyio.Event)

    def answer(self, request: RecordedRequest) -> str | HttpReply:
        self.replies += 1
        if self.replies == 1:
            self.asked.set()
            assert self.go.wait(60)
            if self.fail_first:
                self.replies = 0
                self.fail_first = False
                return HttpReply(status=400, body={"error": {"message": "no"}})
        return self.maker(read_request(request))

    def listen(self, name: str, _fields: object) -> None:
        self.heard.append(name)
        if name == "make.waiting":
            self.waiting.set()

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[AsyncEngine]:
        config = Config(
            roles={"maker": "openai:m"},
            providers={"openai": {"base_url": self.url, "api_key": "k"}},
            library=f"sqlite:///{self.folder / 'latm.db'}",
            making={"protocol": "paper"},
        )
        async with AsyncEngine(config, on_event=self.listen) as engine:
            yield engine

    async def until_asked(self) -> None:
        assert await anyio.to_thread.run_sync(self.asked.wait, 60)

    def library(self) -> Library:
        return Library(f"sqlite:///{self.folder / 'latm.db'}")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    with OpenAIServer(house.answer) as server:
        house.url = server.base_url
        yield house
        house.go.set()


async def both(house: House, *examples: Any) -> list[Tool | Exception]:
    """What becomes of two makings, the second of which begins while the first is under way."""
    got: list[Tool | Exception] = [ValueError(), ValueError()]

    async def make(engine: AsyncEngine, number: int) -> None:
        try:
            got[number] = await engine.make("adding", examples[number])
        except Exception as error:  # noqa: BLE001 - looked at by the test
            got[number] = error

    async with AsyncExitStack() as stack:
        engines = [await stack.enter_async_context(house.engine()) for _ in range(2)]
        async with anyio.create_task_group() as group:
            group.start_soon(make, engines[0], 0)
            await house.until_asked()
            group.start_soon(make, engines[1], 1)
            with anyio.fail_after(60):
                await house.waiting.wait()
            house.go.set()
    return got


async def test_the_same_making_is_shared(house: House) -> None:
    first, second = await both(house, scripts.EXAMPLES, scripts.EXAMPLES)
    assert isinstance(first, Tool)
    assert first == second
    assert house.replies == CALLS
    assert house.heard.count("make.start") == 1


async def test_its_failure_is_shared_with_its_history(house: House) -> None:
    house.maker = lambda _request: BAD
    first, second = await both(house, scripts.EXAMPLES, scripts.EXAMPLES)
    assert isinstance(first, MakingFailed)
    assert isinstance(second, MakingFailed)
    assert (str(second), second.stage, second.history) == (str(first), "propose", first.history)
    assert house.replies == len(first.history) == 3
    # Who comes later has not waited for it, and tries anew.
    async with house.engine() as engine:
        with pytest.raises(MakingFailed):
            await engine.make("adding", scripts.EXAMPLES)
    assert house.replies == 6


async def test_another_making_of_the_task_comes_after_it(house: House) -> None:
    # The same function from other examples would be the same tool; this one has another docstring.
    other = scripts.maker(proposals=(scripts.GOOD.replace("Add numbers up", "Sum them up"),))
    first = scripts.EXAMPLES[0].question
    house.maker = lambda request: (scripts.maker() if first in request.messages[0].text else other)(request)
    made = await both(house, scripts.EXAMPLES, scripts.EXAMPLES[1:])
    assert [each.version if isinstance(each, Tool) else each for each in made] == [1, 2]
    assert house.replies == 2 * CALLS


async def test_who_waits_goes_on_where_the_holder_s_model_failed(house: House) -> None:
    house.fail_first = True
    first, second = await both(house, scripts.EXAMPLES, scripts.EXAMPLES)
    assert type(first).__name__ == "Rejected"
    assert isinstance(second, Tool)
    library = house.library()
    assert [each.state for each in library.makings("adding")] == ["made"]
    library.close()


async def test_who_waits_is_cancelled_at_once(house: House) -> None:
    async with house.engine() as holder, house.engine() as other, anyio.create_task_group() as group:
        group.start_soon(holder.make, "adding", scripts.EXAMPLES)
        await house.until_asked()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as waiters:
                waiters.start_soon(other.make, "adding", scripts.EXAMPLES)
                await house.waiting.wait()
                began = time.monotonic()
                scope.cancel()
        assert time.monotonic() - began < 1.0
        house.go.set()
    assert house.replies == CALLS


async def test_a_holder_that_is_cancelled_gives_its_lease_back(house: House) -> None:
    async with house.engine() as holder:
        async with anyio.create_task_group() as group:
            group.start_soon(holder.make, "adding", scripts.EXAMPLES)
            await house.until_asked()
            group.cancel_scope.cancel()
        house.go.set()
        async with holder._rooms.maker.lease("adding") as lease:
            assert lease is not None
            assert lease.token == 2
            async with holder._rooms.maker.lease("Adding") as another:
                assert another is None


async def test_a_lease_is_renewed_as_long_as_its_block_runs(house: House) -> None:
    async with house.engine() as engine:
        maker = dataclasses.replace(engine._rooms.maker, lease_s=0.3)
        seen: set[float] = set()
        with closing(sqlite3.connect(house.folder / "latm.db", isolation_level=None)) as database:
            async with maker.lease("adding"):
                with anyio.fail_after(30):
                    while len(seen) < 4:
                        seen.add(database.execute("select expires from latm_leases").fetchone()[0])
                        await anyio.lowlevel.checkpoint()


async def test_work_under_a_lost_lease_is_stopped(house: House) -> None:
    async with house.engine() as engine:
        maker = dataclasses.replace(engine._rooms.maker, lease_s=0.3)

        async def sleep_on() -> None:
            async with maker.lease("adding"):
                with closing(sqlite3.connect(house.folder / "latm.db")) as database:
                    database.execute("update latm_leases set token = 7, holder = 'another'")
                    database.commit()
                with anyio.fail_after(30):
                    await anyio.sleep_forever()

        with pytest.raises(LeaseLost, match="'adding' was paused"):
            await sleep_on()
        async with maker.lease("adding") as lease:
            assert lease is None or lease.token == 8
        library = house.library()
        assert library.list() == ()
        library.close()


async def test_a_making_under_a_lease_that_its_caller_holds(house: House) -> None:
    house.go.set()
    async with house.engine() as engine:
        rooms = engine._rooms
        async with rooms.maker.lease("adding") as lease:
            settings = engine.config.making
            tool = await rooms.maker.make("adding", scripts.EXAMPLES, settings=settings, held=lease)
        assert await engine.library.get("adding") == tool
