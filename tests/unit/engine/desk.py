"""Roles on scripted models, a real library and a clock that passes only when someone sleeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from latm import BudgetExceeded, Config, Ledger
from latm._budget import Amounts
from latm._events import Events
from latm._plugins import Plugins
from latm._roles import Purpose, Role, Roles
from latm.library import Library
from latm.plugin import Message, Request
from latm.testing import scripted_provider

ASK = Request(messages=(Message("user", "hello"),))
PRICES = {"fake:m": {"input": "1", "output": "2"}}


@dataclass
class FakeClock:
    """Time that passes only when someone sleeps."""

    time: float = 0.0
    slept: list[float] = field(default_factory=list[float])

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@dataclass
class Desk:
    roles: Roles
    clock: FakeClock
    library: Library
    told: list[tuple[str, Mapping[str, object]]]

    async def role(self, name: str = "maker") -> Role:
        return await self.roles.get(name)

    def told_names(self) -> list[str]:
        return [name for name, _ in self.told]

    async def spent_usd(self) -> Decimal:
        """What a limit in USD, which there must be, takes to be spent."""
        most = Amounts(usd=Decimal(10**9))
        with pytest.raises(BudgetExceeded) as refused:
            await self.roles.budgets.reserve(
                most, role="probe", run="probe", bill=Ledger(), task=None, resumed=False
            )
        return refused.value.spent

    async def close(self) -> None:
        await self.roles.aclose()
        self.library.close()

    def purpose(self, **changes: object) -> Purpose:
        given = {"run": "r", "step": "s", "bill": Ledger(), **changes}
        return Purpose(**given)  # type: ignore[arg-type]


def desk(tmp_path: Path | None, script: object, *, plugin: object = None, **config: object) -> Desk:
    """Roles whose maker plays the script, or is made by the plugin, which then offers ``fake``.

    Without a path the library is in memory, for what is done hundreds of times.
    """
    provider = plugin or scripted_provider("fake", {"m": script})  # type: ignore[dict-item]
    given = Config(**{"roles": {"maker": "fake:m"}, "prices": PRICES, **config})  # type: ignore[arg-type]
    told: list[tuple[str, Mapping[str, object]]] = []
    plugins = Plugins.load({"fake": provider}, allow=frozenset())
    events = Events(lambda name, fields: told.append((name, fields)), plugins.event)
    library = Library("sqlite://" if tmp_path is None else f"sqlite:///{tmp_path / 'latm.db'}")
    clock = FakeClock()
    roles = Roles(given, plugins, library=library, ledger=Ledger(), events=events, clock=clock)
    return Desk(roles, clock, library, told)
