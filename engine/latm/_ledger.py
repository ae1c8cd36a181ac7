"""Tokens and money: what each call cost, and for what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from latm.config import Price
from latm.plugin import Usage

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One call of a model.

    Attributes:
        role: the role that asked.
        model: ``provider:model``.
        usage: tokens.
        cost_usd: in USD; None where the price is unknown.
        task: the task's name, once it is known.
        tool: the tool's name, for calls that made or used one.
        seconds: wall time of the call.
    """

    role: str
    model: str
    usage: Usage
    cost_usd: Decimal | None
    task: str | None = None
    tool: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """A sum of calls.

    Attributes:
        calls: how many.
        usage: their tokens.
        known_usd: the sum of the known prices, in USD.
        unpriced: how many calls have no known price.
    """

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    known_usd: Decimal = Decimal(0)
    unpriced: int = 0

    @property
    def cost_usd(self) -> Decimal | None:
        """The whole cost in USD, or None where a price is unknown: unknown is never 0."""
        return None if self.unpriced else self.known_usd

    def __add__(self, other: Spend) -> Spend:
        return Spend(
            calls=self.calls + other.calls,
            usage=self.usage + other.usage,
            known_usd=self.known_usd + other.known_usd,
            unpriced=self.unpriced + other.unpriced,
        )

    @staticmethod
    def of(entries: Iterable[Entry]) -> Spend:
        """Add entries up."""
        total = Spend()
        for entry in entries:
            total += Spend(
                calls=1,
                usage=entry.usage,
                known_usd=entry.cost_usd or Decimal(0),
                unpriced=int(entry.cost_usd is None),
            )
        return total


class Ledger:
    """What an engine has spent since it was opened. Safe to read from any thread."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._total = Spend()
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Write one call down."""
        with self._lock:
            self._entries.append(entry)
            self._total += Spend.of((entry,))

    def entries(self) -> tuple[Entry, ...]:
        """Every call, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def total(self) -> Spend:
        """Everything."""
        with self._lock:
            return self._total

    def by_role(self) -> Mapping[str, Spend]:
        """By the role that asked."""
        return self._by(lambda entry: entry.role)

    def by_task(self) -> Mapping[str, Spend]:
        """By task; calls that belong to none are left out."""
        return self._by(lambda entry: entry.task)

    def by_tool(self) -> Mapping[str, Spend]:
        """By tool, its making included; calls that belong to none are left out."""
        return self._by(lambda entry: entry.tool)

    def _by(self, key: Callable[[Entry], str | None]) -> Mapping[str, Spend]:
        groups: dict[str, list[Entry]] = {}
        for entry in self.entries():
            name = key(entry)
            if name is not None:
                groups.setdefault(name, []).append(entry)
        return {name: Spend.of(entries) for name, entries in sorted(groups.items())}


def price_of(usage: Usage, price: Price) -> Decimal:
    """Cost in USD of a call, by prices in USD per million tokens."""
    cache_read = price.input if price.cache_read is None else price.cache_read
    cache_write = price.input if price.cache_write is None else price.cache_write
    return (
        usage.input * price.input
        + usage.cache_read * cache_read
        + usage.cache_write * cache_write
        + usage.output * price.output
    ) / _MILLION
