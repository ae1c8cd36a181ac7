"""The journal: every attempt that was paid for, written down before its reply is used."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, final

import sqlalchemy as sa

from latm._ledger import REPLIED, Spend
from latm.library._database import now_text
from latm.library._schema import journal
from latm.plugin import Usage

_BUCKETS = ("input", "cache_read", "cache_write", "output")
_INSERT = sa.insert(journal)
_ENTRIES = sa.select(journal).order_by(journal.c.id)
_TOKENS = [journal.c[f"{bucket}_tokens"] for bucket in _BUCKETS]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One attempt that was paid for.

    Attributes:
        run: the making or the question that it was paid for.
        step: where in the run, such as ``propose/2``.
        digest: SHA-256 of the request; a reply is only found again under the very same request.
        role: who asked.
        model: ``provider:model``.
        request: the request, as JSON data.
        reply: the reply, as JSON data.
        task: the task's name, where it is known.
        tool: the tool's name, where one is made or used.
        cost_usd: price in USD; None where it is unknown.
        seconds: wall time of the attempt.
        attempt: its number within its call, counted from 1.
        outcome: ``replied``, or the name of the error that it failed with; only the former is found again.
        usage: tokens.
        price_source: who named the price.
        price_date: the day of which the price is, where that is known.
    """

    run: str
    step: str
    digest: str
    role: str
    model: str
    request: Mapping[str, object]
    reply: Mapping[str, object]
    task: str | None = None
    tool: str | None = None
    cost_usd: Decimal | None = None
    seconds: float = 0.0
    attempt: int = 1
    outcome: str = REPLIED
    usage: Usage = field(default_factory=Usage)
    price_source: str | None = None
    price_date: date | None = None


class _Pending:
    """An entry on its way into the database, and what became of it."""

    __slots__ = ("error", "settled", "values")

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.settled = False
        self.error: BaseException | None = None


@final
class Journal:
    """The journal of a library. Safe to use from any thread.

    Args:
        transaction: opens a transaction of the library's.
        writing: the same, of those that look before they write.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[sa.Connection]],
        writing: Callable[[], AbstractContextManager[sa.Connection]],
    ) -> None:
        self._transaction = transaction
        self._writing_alone = writing
        self._queue: list[_Pending] = []
        self._queueing = threading.Lock()
        self._writing = threading.Lock()

    def record(self, entry: JournalEntry) -> None:
        """Store an entry; returns when no end of this process can lose it any more.

        Those that come while another is being written share the next transaction, so that many callers at
        once wait hardly longer than one.
        """
        pending = _Pending(_row(entry))
        with self._queueing:
            self._queue.append(pending)
        with self._writing:
            if not pending.settled:
                with self._queueing:
                    batch, self._queue = self._queue, []
                self._write(batch)
        if pending.error is not None:
            raise pending.error

    def record_once(self, entry: JournalEntry) -> JournalEntry | None:
        """Store an entry unless its run has one at its step, which is given back then.

        No other process can store one in between.
        """
        query = _ENTRIES.where((journal.c.run == entry.run) & (journal.c.step == entry.step)).limit(1)
        with self._writing_alone() as connection:
            row = connection.execute(query).mappings().first()
            if row is None:
                connection.execute(_INSERT, [_row(entry)])
            return None if row is None else _entry(row)

    def recall(self, run: str, step: str, digest: str) -> JournalEntry | None:
        """The reply that was paid for at this step of this run for this very request, if any."""
        query = (
            sa.select(journal)
            .where((journal.c.run == run) & (journal.c.step == step) & (journal.c.digest == digest))
            .where(journal.c.outcome == REPLIED)
            .order_by(journal.c.id)
            .limit(1)
        )
        with self._transaction() as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else _entry(row)

    def entries(self, run: str | None = None) -> tuple[JournalEntry, ...]:
        """Every entry, or those of one run, oldest first."""
        query = _ENTRIES if run is None else _ENTRIES.where(journal.c.run == run)
        with self._transaction() as connection:
            return tuple(_entry(row) for row in connection.execute(query).mappings())

    def spent(self, *, run: str | None = None, since: datetime | None = None) -> Spend:
        """The sum of the entries of a run, or since a time, or of all."""
        query = sa.select(journal.c.cost_usd, sa.func.count(), *(sa.func.sum(column) for column in _TOKENS))
        if run is not None:
            query = query.where(journal.c.run == run)
        if since is not None:
            query = query.where(journal.c.created >= since.astimezone(UTC).isoformat(timespec="milliseconds"))
        # Grouped by price, since databases add up decimals as floats; calls of one price are many.
        with self._transaction() as connection:
            rows: Sequence[Any] = connection.execute(query.group_by(journal.c.cost_usd)).all()
        return sum((_sum(*row) for row in rows), Spend())

    def _write(self, batch: list[_Pending]) -> None:
        error = self._insert([each.values for each in batch])
        for each in batch:
            # One that cannot be written must not take the others of its transaction along.
            each.error = self._insert([each.values]) if error is not None and len(batch) > 1 else error
            each.settled = True

    def _insert(self, rows: list[dict[str, Any]]) -> BaseException | None:
        try:
            with self._transaction() as connection:
                connection.execute(_INSERT, rows)
        except BaseException as error:  # noqa: BLE001 - raised where each entry came from
            return error
        return None


def _sum(cost: str | None, calls: int, *tokens: int) -> Spend:
    return Spend(
        calls=calls,
        usage=Usage(*(int(count) for count in tokens)),
        known_usd=Decimal(cost or 0) * calls,
        unpriced=calls if cost is None else 0,
    )


def _row(entry: JournalEntry) -> dict[str, Any]:
    values = {item.name: getattr(entry, item.name) for item in dataclasses.fields(entry)}
    usage: Usage = values.pop("usage")
    values |= {f"{bucket}_tokens": getattr(usage, bucket) for bucket in _BUCKETS}
    values["cost_usd"] = None if entry.cost_usd is None else str(entry.cost_usd)
    values["price_date"] = None if entry.price_date is None else entry.price_date.isoformat()
    return {**values, "created": now_text()}


def _entry(row: Mapping[Any, Any]) -> JournalEntry:
    values: dict[str, Any] = {
        item.name: row[item.name] for item in dataclasses.fields(JournalEntry) if item.name != "usage"
    }
    values["usage"] = Usage(*(row[column] for column in _TOKENS))
    if values["cost_usd"] is not None:
        values["cost_usd"] = Decimal(values["cost_usd"])
    if values["price_date"] is not None:
        values["price_date"] = date.fromisoformat(values["price_date"])
    return JournalEntry(**values)
