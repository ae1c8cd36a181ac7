"""A caller that is cancelled goes on within a second, and leaves no connection and no backend behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from latm import Config, ConfigError, Ledger
from latm._clock import SystemClock
from latm._events import Events
from latm._plugins import Plugins
from latm._roles import Purpose, Roles
from latm.library import JournalEntry, Library
from latm.plugin import Backend, Message, ProviderSpec, Reply, Request, Usage, hookimpl
from latm.testing import AnthropicServer, HttpReply, OpenAIServer, scripted_provider

pytestmark = pytest.mark.anyio
ASK = Request(messages=(Message("user", "hello"),))


def roles(config: Config, library: Library, **plugins: object) -> Roles:
    loaded = Plugins.load(plugins)
    return Roles(
        config,
        loaded,
        library=library,
        ledger=Ledger(),
        events=Events(None, loaded.event),
        clock=SystemClock(),
    )


def purpose() -> Purpose:
    return Purpose(run="r", step="s", bill=Ledger(), resumable=True)


@pytest.mark.parametrize(("server", "provider"), [(OpenAIServer, "openai"), (AnthropicServer, "anthropic")])
@pytest.mark.parametrize("sent", [None, 5])
async def test_a_cancelled_call_closes_its_connection(
    tmp_path: Path, server: type[OpenAIServer | AnthropicServer], provider: str, sent: int | None
) -> None:
    library = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    with server([HttpReply(body={"a": "long one"}, hold=True, sent=sent)]) as served:
        options = {"base_url": served.base_url, "api_key": "k"}
        place = roles(Config(roles={"user": f"{provider}:m"}, providers={provider: options}), library)
        role = await place.get("user")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(role.complete, ASK, purpose())
            assert await anyio.to_thread.run_sync(served.arrived.wait, 10)
            assert served.open_connections == 1
            began = time.monotonic()
            tasks.cancel_scope.cancel()
        assert time.monotonic() - began < 1.0
        assert await anyio.to_thread.run_sync(served.wait_until_left, 1.0)
        await place.aclose()
    library.close()


class Slow:
    """A provider whose backends take until they are told to be made."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.made = 0
        self.closed = threading.Event()

    def create(self, model: str, options: Mapping[str, object]) -> Backend:
        self.asked.set()
        self.go_on.wait(30)
        self.made += 1
        return self

    async def complete(self, request: Request) -> Reply:
        return Reply(text="late", usage=Usage(), model="m")

    async def aclose(self) -> None:
        self.closed.set()

    @hookimpl
    def latm_providers(self) -> list[ProviderSpec]:
        return [ProviderSpec(name="slow", create=self.create)]


async def ask_and_be_cancelled(place: Roles, slow: Slow) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place.get, "user")
        assert await anyio.to_thread.run_sync(slow.asked.wait, 10)
        began = time.monotonic()
        tasks.cancel_scope.cancel()
    assert time.monotonic() - began < 1.0


async def test_a_backend_that_is_long_in_the_making_holds_nobody_and_is_made_once(tmp_path: Path) -> None:
    library, slow = Library(f"sqlite:///{tmp_path / 'latm.db'}"), Slow()
    place = roles(Config(roles={"user": "slow:m"}), library, slow=slow)
    await ask_and_be_cancelled(place, slow)
    slow.go_on.set()
    assert (await (await place.get("user")).complete(ASK, purpose())).text == "late"
    assert slow.made == 1
    await place.aclose()
    assert slow.closed.is_set()
    library.close()


async def test_a_backend_that_is_made_after_the_engine_was_closed_is_closed(tmp_path: Path) -> None:
    library, slow = Library(f"sqlite:///{tmp_path / 'latm.db'}"), Slow()
    place = roles(Config(roles={"user": "slow:m"}), library, slow=slow)
    await ask_and_be_cancelled(place, slow)
    await place.aclose()
    slow.go_on.set()
    assert await anyio.to_thread.run_sync(slow.closed.wait, 10)
    with pytest.raises(ConfigError, match="this engine is closed"):
        await place.get("user")
    library.close()


async def test_a_journal_that_is_slow_to_answer_holds_nobody() -> None:
    asked, go_on = threading.Event(), threading.Event()

    class Waiting:
        def recall(self, run: str, step: str, digest: str) -> JournalEntry | None:
            asked.set()
            go_on.wait(30)
            return None

    slow = Slow()
    slow.go_on.set()
    place = roles(Config(roles={"user": "slow:m"}), Waiting(), slow=slow)  # type: ignore[arg-type]
    role = await place.get("user")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(role.complete, ASK, purpose())
        assert await anyio.to_thread.run_sync(asked.wait, 10)
        began = time.monotonic()
        tasks.cancel_scope.cancel()
    assert time.monotonic() - began < 1.0
    go_on.set()
    await place.aclose()


async def test_a_role_that_is_there_does_not_wait_for_one_that_is_in_the_making(tmp_path: Path) -> None:
    library, slow = Library(f"sqlite:///{tmp_path / 'latm.db'}"), Slow()
    config = Config(roles={"user": "quick:m", "maker": "slow:m"})
    place = roles(config, library, slow=slow, quick=scripted_provider("quick", {"m": ["x"]}))
    await place.get("user")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place.get, "maker")
        assert await anyio.to_thread.run_sync(slow.asked.wait, 10)
        with anyio.fail_after(1):
            assert (await (await place.get("user")).complete(ASK, purpose())).text == "x"
        slow.go_on.set()
    await place.aclose()
    library.close()
