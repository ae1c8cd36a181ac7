"""Tokens and money: what each call cost, and for what."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from latm.config import Price
from latm.plugin import Usage

REPLIED = "replied"
"""The outcome of an attempt that gave a reply."""

TRAINED = "trained"
"""The outcome of a training job that gave a model."""

MILLION = Decimal(1_000_000)
_MOST_ENTRIES = 10_000
_GROUPS = ("role", "model", "task", "tool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One attempt of a call that used tokens.

    Attributes:
        role: the role that asked.
        model: ``provider:model``.
        usage: tokens.
        cost_usd: in USD; None where the price is unknown.
        task: the task's name, once it is known.
        tool: the tool's name, for calls that made or used one.
        seconds: wall time of the attempt.
        run: the making or the question that it belongs to.
        attempt: its number within its call, counted from 1.
        outcome: ``replied``, or the name of the error that it failed with, such as ``Truncated``; of a
            training job ``trained``.
        price_source: where the price is from: ``config``, a plugin's distribution, ``genai-prices 0.2.3``, or
            a tuner that costs nothing: ``tuner local``.
        price_date: the day of which the price is, where the source says it.
    """

    role: str
    model: str
    usage: Usage
    cost_usd: Decimal | None
    task: str | None = None
    tool: str | None = None
    seconds: float = 0.0
    run: str = ""
    attempt: int = 1
    outcome: str = REPLIED
    price_source: str | None = None
    price_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """A sum of calls.

    Attributes:
        calls: how many attempts.
        usage: their tokens.
        known_usd: the sum of the known prices, in USD.
        unpriced: how many of them have no known price.
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


class _Sum:
    """A sum of calls on its way; plain numbers, since every call adds to several."""

    __slots__ = ("_calls", "_cost", "_unpriced", "_usage")

    def __init__(self) -> None:
        self._calls = self._unpriced = 0
        self._usage = [0, 0, 0, 0]
        self._cost = Decimal(0)

    def add(self, entry: Entry) -> None:
        usage, sums = entry.usage, self._usage
        self._calls += 1
        sums[0] += usage.input
        sums[1] += usage.cache_read
        sums[2] += usage.cache_write
        sums[3] += usage.output
        if entry.cost_usd is None:
            self._unpriced += 1
        else:
            self._cost += entry.cost_usd

    def spend(self) -> Spend:
        return Spend(
            calls=self._calls, usage=Usage(*self._usage), known_usd=self._cost, unpriced=self._unpriced
        )


class Ledger:
    """What an engine has spent since it was opened. Safe to read from any thread.

    Sums are kept of everything; of single attempts the newest 10,000. The library's journal has them all.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_MOST_ENTRIES)
        self._total = _Sum()
        self._sums: Mapping[str, dict[str, _Sum]] = {name: {} for name in _GROUPS}
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Write one attempt down."""
        with self._lock:
            self._entries.append(entry)
            self._total.add(entry)
            for name, sums in self._sums.items():
                key: str | None = getattr(entry, name)
                if key is not None:
                    if key not in sums:
                        sums[key] = _Sum()
                    sums[key].add(entry)

    def entries(self) -> tuple[Entry, ...]:
        """The newest 10,000 attempts, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def total(self) -> Spend:
        """Everything."""
        with self._lock:
            return self._total.spend()

    def by_role(self) -> Mapping[str, Spend]:
        """By the role that asked."""
        return self._by("role")

    def by_model(self) -> Mapping[str, Spend]:
        """By model, as ``provider:model``."""
        return self._by("model")

    def by_task(self) -> Mapping[str, Spend]:
        """By task; calls that belong to none are left out."""
        return self._by("task")

    def by_tool(self) -> Mapping[str, Spend]:
        """By tool, its making included; calls that belong to none are left out."""
        return self._by("tool")

    def _by(self, name: str) -> Mapping[str, Spend]:
        with self._lock:
            return {key: found.spend() for key, found in sorted(self._sums[name].items())}


def price_of(usage: Usage, price: Price) -> Decimal:
    """Cost in USD of a call, by prices in USD per million tokens.

    Raises:
        ValueError: they are those of training alone.
    """
    if price.input is None or price.output is None:
        raise ValueError("a price of training alone is none of a call")
    cache_read = price.input if price.cache_read is None else price.cache_read
    cache_write = price.input if price.cache_write is None else price.cache_write
    return (
        usage.input * price.input
        + usage.cache_read * cache_read
        + usage.cache_write * cache_write
        + usage.output * price.output
    ) / MILLION
