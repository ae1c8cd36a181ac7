"""How many calls run at once: by the account with the service, whatever names and roles lead to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from latm import Config, Ledger
from latm._events import Events
from latm._roles import Purpose, Roles
from latm._rooms import load_plugins
from latm.library import Library
from latm.plugin import Backend, ProviderSpec, Reply, Request, Usage, hookimpl
from unit.engine.desk import ASK, FakeClock

pytestmark = pytest.mark.anyio


@dataclass
class Service:
    """Counts how many are in it at once, by the key that they came with."""

    running: dict[object, int] = field(default_factory=dict[object, int])
    most: dict[object, int] = field(default_factory=dict[object, int])

    @hookimpl
    def latm_providers(self) -> list[ProviderSpec]:
        return [ProviderSpec(name="fake", create=self.create, key_env="FAKE_KEY")]

    def create(self, model: str, options: Mapping[str, object]) -> Backend:
        return Guest(self, options.get("api_key"))


@dataclass
class Guest:
    service: Service
    key: object

    async def complete(self, request: Request) -> Reply:
        running, most = self.service.running, self.service.most
        running[self.key] = running.get(self.key, 0) + 1
        most[self.key] = max(most.get(self.key, 0), running[self.key])
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        running[self.key] -= 1
        return Reply(text="x", usage=Usage(), model="m")

    async def aclose(self) -> None:
        pass


async def crowd(tmp_path: Path, **providers: Mapping[str, Any]) -> Mapping[object, int]:
    """Thirty calls at once of each of two roles; the most that ran at once, by key."""
    service = Service()
    config = Config(roles={"maker": "fake:a", "user": "other:b"}, providers=providers)
    plugins = load_plugins(config, {"fake": service})
    library = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    roles = Roles(
        config,
        plugins,
        library=library,
        ledger=Ledger(),
        events=Events(None, plugins.event),
        clock=FakeClock(),
    )
    async with anyio.create_task_group() as tasks:
        for name in ("maker", "user"):
            role = await roles.get(name)
            for number in range(30):
                purpose = Purpose(run="r", step=f"{name}/{number}", bill=Ledger())
                tasks.start_soon(role.complete, ASK, purpose)
    await roles.aclose()
    library.close()
    return service.most


async def test_names_of_one_account_share_its_places_and_the_fewest_count(tmp_path: Path) -> None:
    most = await crowd(
        tmp_path,
        fake={"api_key": "k", "concurrency": 5},
        other={"use": "fake", "api_key": "k", "concurrency": 3},
    )
    assert most == {"k": 3}


async def test_accounts_do_not_wait_for_each_other(tmp_path: Path) -> None:
    most = await crowd(
        tmp_path,
        fake={"api_key": "one", "concurrency": 5},
        other={"use": "fake", "api_key": "two", "concurrency": 3},
    )
    assert most == {"one": 5, "two": 3}


async def test_another_host_is_another_account(tmp_path: Path) -> None:
    most = await crowd(
        tmp_path,
        fake={"api_key": "k", "concurrency": 2},
        other={"use": "fake", "api_key": "k", "concurrency": 3, "base_url": "http://other"},
    )
    assert most["k"] == 5


async def test_a_name_that_has_no_key_shares_with_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAKE_KEY", raising=False)
    service = Service()
    config = Config(
        roles={"maker": "fake:a", "user": "other:b"},
        providers={"other": {"use": "fake", "api_key": "k", "concurrency": 2}},
    )
    plugins = load_plugins(config, {"fake": service})
    library = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    events = Events(None, plugins.event)
    roles = Roles(config, plugins, library=library, ledger=Ledger(), events=events, clock=FakeClock())
    assert (await roles.get("user")).model == "other:b"
    await roles.aclose()
    library.close()
