"""Makings: those that are under way, those that made a tool, and those that failed, with their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import msgspec
import sqlalchemy as sa

from latm._records import Attempt, new_run
from latm.library import _leases
from latm.library._content import plain
from latm.library._database import Database, named, now_text, resolve
from latm.library._leases import Lease
from latm.library._schema import makings

State = Literal["running", "made", "failed"]
RUNNING: State = "running"
MADE: State = "made"
FAILED: State = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """One making of a tool.

    Attributes:
        run: its id; the journal holds its replies under it.
        task: the task's name.
        state: ``running`` (or its process died; the same making takes it up), ``made`` or ``failed``.
        version: of the tool that came of it; None where none did, and for those of older libraries.
        stage: the stage that gave up.
        error: what it failed with.
        history: every attempt, in order; empty while it runs.
        created: when it began; ISO 8601, UTC.
        ended: when it ended; None where it did not, and for those of older libraries.
    """

    run: str
    task: str
    state: State
    version: int | None
    stage: str | None
    error: str | None
    history: tuple[Attempt, ...]
    created: str
    ended: str | None


@final
class Makings:
    """The makings of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        task: str,
        fingerprint: str,
        *,
        instances: Sequence[int] = (),
        pending: int = 0,
        lease: Lease | None = None,
    ) -> str:
        """Open a making, or take up the same one that never ended; gives its run id."""
        unfinished = (makings.c.fingerprint == fingerprint) & (makings.c.state == RUNNING)
        token = 0 if lease is None else lease.token
        with self._database.writing() as connection:
            if lease is not None:
                _leases.check(connection, lease)
                _leases.mark(connection, lease, fingerprint)
            run = connection.execute(sa.select(makings.c.run).where(unfinished).limit(1)).scalar()
            if run is None:
                run = new_run("make")
                connection.execute(
                    sa.insert(makings).values(
                        run=run,
                        task=resolve(connection, task),
                        fingerprint=fingerprint,
                        instances=list(instances),
                        pending=pending,
                        state=RUNNING,
                        token=token,
                        created=now_text(),
                    )
                )
            else:
                connection.execute(sa.update(makings).where(makings.c.run == run).values(token=token))
        return str(run)

    def unfinished(self, task: str) -> tuple[int, ...]:
        """Ids of the instances of a making that was begun from pending ones and never ended; else none."""
        query = (
            sa.select(makings.c.instances)
            .where((makings.c.task == named(task)) & (makings.c.state == RUNNING) & (makings.c.pending > 0))
            .order_by(makings.c.created.desc())
            .limit(1)
        )
        with self._database.transaction() as connection:
            return tuple(connection.execute(query).scalar() or ())

    def fail(
        self,
        run: str,
        history: Sequence[Attempt],
        *,
        stage: str | None = None,
        error: str | None = None,
        lease: Lease | None = None,
    ) -> None:
        """Close a making that came to nothing, with its history."""
        with self._database.writing() as connection:
            if lease is not None:
                _leases.check(connection, lease)
            _close(connection, run, FAILED, history, stage=stage, error=error)

    def failed_with(self, task: str) -> int:
        """The most instances that were pending when making a tool failed, since the last that did not."""
        mine = makings.c.task == named(task)
        ended = sa.func.coalesce(makings.c.ended, makings.c.created)
        made = sa.select(sa.func.max(ended)).where(mine & (makings.c.state == MADE))
        query = sa.select(sa.func.max(makings.c.pending)).where(
            mine & (makings.c.state == FAILED) & (ended > sa.func.coalesce(made.scalar_subquery(), ""))
        )
        with self._database.transaction() as connection:
            return connection.execute(query).scalar() or 0

    def of(self, task: str) -> tuple[Making, ...]:
        """Every making of a task, newest first."""
        query = (
            sa.select(makings)
            .where(makings.c.task == named(task))
            .order_by(makings.c.created.desc(), makings.c.run)
        )
        with self._database.transaction() as connection:
            return tuple(_making(row) for row in connection.execute(query))

    def outcome(self, fingerprint: str, *, since: int) -> Making | None:
        """The newest making with a fingerprint that ended under a lease of this token or a later one."""
        query = (
            sa.select(makings)
            .where((makings.c.fingerprint == fingerprint) & (makings.c.token >= since))
            .where(makings.c.state != RUNNING)
            .order_by(makings.c.token.desc())
            .limit(1)
        )
        with self._database.transaction() as connection:
            row = connection.execute(query).first()
            return None if row is None else _making(row)


def close_made(connection: sa.Connection, run: str, history: Sequence[Attempt], version: int) -> None:
    """Close a making that a tool came of."""
    _close(connection, run, MADE, history, version=version)


def move(connection: sa.Connection, old: str, new: str) -> None:
    """Give the makings of one task that have ended to another."""
    ended = (makings.c.task == old) & (makings.c.state != RUNNING)
    connection.execute(sa.update(makings).where(ended).values(task=new))


def _close(
    connection: sa.Connection, run: str, state: State, history: Sequence[Attempt], **more: object
) -> None:
    connection.execute(
        sa.update(makings)
        .where(makings.c.run == run)
        .values(state=state, history=[plain(attempt) for attempt in history], ended=now_text(), **more)
    )


def _making(row: Any) -> Making:
    return Making(
        run=row.run,
        task=row.task,
        state=row.state,
        version=row.version,
        stage=row.stage,
        error=row.error,
        history=msgspec.convert(row.history or [], tuple[Attempt, ...]),
        created=row.created,
        ended=row.ended,
    )
