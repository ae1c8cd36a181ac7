"""What was answered: by which layer, for which tool, at what cost and how quickly.

Counted and not written one by one: a million answers a day must not fill the database. The newest rows hold
what came between two writes; older ones are added up by the hour.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, final

import sqlalchemy as sa

from latm._records import Route
from latm.library._database import Database, now_text
from latm.library._schema import COUNTED_SINCE, journal, meta, traffic

MOST_FINE = 10_000
"""Rows that are kept as they were written."""

_TIDY_EVERY = 5_000
_HOUR = len("2026-01-01T00")
_Key = tuple[str | None, str | None, int | None, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Answers of one kind that came at about the same time.

    Attributes:
        task: the task's name, where it is known.
        tool: the tool that was tried, if one was.
        version: its version.
        layer: what decided on the route, as in `latm.Answer`.
        route: ``tool``, ``model`` or ``none``.
        questions: how many.
        known_usd: the sum of the known costs of these answers, every model counted, in USD.
        unpriced: how many of them have a cost that is not known.
        seconds: wall time of all of them together.
        times: how many took how long, by the steps of `latm._latency`.
        at: when the last of them was written down; ISO 8601, UTC. Where it is empty, that is now.
    """

    task: str | None
    tool: str | None
    version: int | None
    layer: str
    route: Route
    questions: int
    known_usd: Decimal
    unpriced: int
    seconds: float
    times: Mapping[int, int] = field(default_factory=dict[int, int])
    at: str = ""

    @property
    def key(self) -> _Key:
        """What has to be the same in two of them for their sum to be one."""
        return self.task, self.tool, self.version, self.layer, self.route

    def __add__(self, other: Answered) -> Answered:
        return dataclasses.replace(
            self,
            questions=self.questions + other.questions,
            known_usd=self.known_usd + other.known_usd,
            unpriced=self.unpriced + other.unpriced,
            seconds=self.seconds + other.seconds,
            times=Counter(self.times) + Counter(other.times),
            at=max(self.at, other.at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """An entry of the journal without what was said.

    Attributes:
        run: the making, question, audit or tuning that it was paid for.
        step: where in the run.
        role: who asked.
        model: ``provider:model``.
        task: the task's name, where it is known.
        tool: the tool's name, where one is made or used.
        cost_usd: price in USD; None where it is unknown.
        seconds: wall time.
        outcome: ``replied``, or what else came of it.
        at: when it was written down; ISO 8601, UTC.
    """

    run: str
    step: str
    role: str
    model: str
    task: str | None
    tool: str | None
    cost_usd: Decimal | None
    seconds: float
    outcome: str
    at: str


@final
class Counts:
    """The counts of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, answered: Sequence[Answered]) -> None:
        """Write counts down; now and then, add old ones up."""
        if not answered:
            return
        with self._database.transaction() as connection:
            number = 0
            for each in answered:
                done = connection.execute(
                    sa.insert(traffic).values(_row(each, at=each.at or now_text(), hour=False))
                )
                number = int(done.inserted_primary_key[0]) if done.inserted_primary_key else 0
        if number % _TIDY_EVERY < len(answered):
            self.tidy()

    def tidy(self, *, keep: int = MOST_FINE) -> None:
        """Add what is older than the newest rows up by the hour."""
        fine = sa.select(traffic).where(traffic.c.hour.is_(False)).order_by(traffic.c.id.desc())
        with self._database.writing() as connection:
            old = connection.execute(fine.offset(keep)).all()
            if not old:
                return
            hours = {row.created[:_HOUR] for row in old}
            within = (traffic.c.created >= min(hours)) & (traffic.c.created < max(hours) + "~")
            known = connection.execute(sa.select(traffic).where(traffic.c.hour.is_(True) & within)).all()
            rows = [*(row for row in known if row.created[:_HOUR] in hours), *old]
            numbers = [row.id for row in rows]
            sums = _added(map(_answered, rows))
            for start in range(0, len(numbers), 500):
                chosen = numbers[start : start + 500]
                connection.execute(sa.delete(traffic).where(traffic.c.id.in_(chosen)))
            connection.execute(sa.insert(traffic), [_row(each, at=each.at, hour=True) for each in sums])

    def all(self) -> tuple[Answered, ...]:
        """Every count, oldest first."""
        query = sa.select(traffic).order_by(traffic.c.created, traffic.c.id)
        with self._database.transaction() as connection:
            return tuple(map(_answered, connection.execute(query)))

    def since(self) -> str | None:
        """When counting began, where the library is older."""
        query = sa.select(meta.c.value).where(meta.c.key == COUNTED_SINCE)
        with self._database.transaction() as connection:
            return connection.execute(query).scalar()

    def payments(self) -> tuple[Payment, ...]:
        """The journal, oldest first, without requests and replies."""
        names = ("run", "step", "role", "model", "task", "tool", "cost_usd", "seconds", "outcome")
        query = sa.select(*(journal.c[name] for name in names), journal.c.created).order_by(journal.c.id)
        with self._database.transaction() as connection:
            return tuple(
                Payment(
                    run=row.run,
                    step=row.step,
                    role=row.role,
                    model=row.model,
                    task=row.task,
                    tool=row.tool,
                    cost_usd=None if row.cost_usd is None else Decimal(row.cost_usd),
                    seconds=row.seconds,
                    outcome=row.outcome,
                    at=row.created,
                )
                for row in connection.execute(query)
            )


def _added(rows: Iterable[Answered]) -> list[Answered]:
    sums: dict[tuple[str, _Key], Answered] = {}
    for row in rows:
        place = row.at[:_HOUR], row.key
        sums[place] = row if place not in sums else sums[place] + row
    return sorted(sums.values(), key=lambda each: each.at)


def _row(each: Answered, *, at: str, hour: bool) -> dict[str, Any]:
    return {
        "task": each.task,
        "tool": each.tool,
        "version": each.version,
        "layer": each.layer,
        "route": each.route,
        "questions": each.questions,
        "known_usd": str(each.known_usd),
        "unpriced": each.unpriced,
        "seconds": each.seconds,
        "times": {str(step): count for step, count in each.times.items()},
        "hour": hour,
        "created": at,
    }


def _answered(row: Any) -> Answered:
    return Answered(
        task=row.task,
        tool=row.tool,
        version=row.version,
        layer=row.layer,
        route=row.route,
        questions=row.questions,
        known_usd=Decimal(row.known_usd),
        unpriced=row.unpriced,
        seconds=row.seconds,
        times={int(step): count for step, count in row.times.items()},
        at=row.created,
    )
