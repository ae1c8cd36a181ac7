"""The store."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any, cast, final

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from latm import cassettes
from latm._ledger import REPLIED, Spend
from latm._reading import folded
from latm._records import Attempt, Example, Tool, new_run, slug
from latm.errors import LibraryError, nearest
from latm.library._journal import Journal, JournalEntry, now_text
from latm.library._opening import open_database
from latm.library._schema import instances, makings, tools

ACTIVE, RETIRED = "active", "retired"
_MOST_CLASHES = 100


@final
class Library:
    """Tools, instances, makings and the journal in one database. Safe to use from any thread.

    Args:
        url: SQLAlchemy URL: ``sqlite:///latm.db`` or ``postgresql+psycopg://...``.

    Raises:
        LibraryError: it cannot be opened, is not ours, or is newer than this latm.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_database(url)
        # A database in memory has one connection for all threads.
        alone = isinstance(self._engine.pool, StaticPool)
        self._one_at_a_time: AbstractContextManager[object] = threading.RLock() if alone else nullcontext()
        self._journal = Journal(self._transaction)
        self.url = self._engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Release the database. May be called twice."""
        self._engine.dispose()

    # Tools

    def get(self, name: str, version: int | None = None) -> Tool:
        """A tool: the newest active version, or the one asked for.

        Raises:
            LibraryError: there is none; says the nearest name.
        """
        found = self.find(name, version)
        if found is None:
            which = name if version is None else f"{name} version {version}"
            known = [tool.name for tool in self.list()]
            hint = nearest(name, known) if version is None else ""
            raise LibraryError(f"{self.url} has no tool {which!r}.{hint}")
        return found

    def find(self, name: str, version: int | None = None) -> Tool | None:
        """Like `get`, with None where there is none."""
        query = sa.select(tools.c.record).where(tools.c.name == slug(name))
        if version is None:
            query = query.where(tools.c.status == ACTIVE).order_by(tools.c.version.desc())
        else:
            query = query.where(tools.c.version == version)
        with self._transaction() as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else msgspec.convert(row.record, Tool)

    def list(self) -> tuple[Tool, ...]:
        """The newest active version of every tool, by name."""
        newest = (
            sa.select(tools.c.name, sa.func.max(tools.c.version).label("version"))
            .where(tools.c.status == ACTIVE)
            .group_by(tools.c.name)
            .subquery()
        )
        query = (
            sa.select(tools.c.record)
            .join(newest, (tools.c.name == newest.c.name) & (tools.c.version == newest.c.version))
            .order_by(tools.c.name)
        )
        with self._transaction() as connection:
            return tuple(msgspec.convert(row.record, Tool) for row in connection.execute(query))

    def add(self, tool: Tool, *, run: str | None = None, used: Sequence[int] = ()) -> Tool:
        """Store a tool as the next version of its name.

        Args:
            tool: its ``version`` is ignored and set.
            run: the making that it came of; closed in the same transaction.
            used: ids of pending instances that it was made from; they stop pending with it.

        Returns:
            The tool with its version.
        """
        for _ in range(_MOST_CLASHES):
            try:
                with self._transaction() as connection:
                    newest = connection.execute(
                        sa.select(sa.func.max(tools.c.version)).where(tools.c.name == tool.name)
                    ).scalar()
                    stored = dataclasses.replace(tool, version=(newest or 0) + 1)
                    connection.execute(
                        sa.insert(tools).values(
                            name=stored.name,
                            version=stored.version,
                            status=ACTIVE,
                            record=_plain(stored),
                            created=now_text(),
                        )
                    )
                    if used:
                        connection.execute(
                            sa.update(instances)
                            .where(instances.c.id.in_(list(used)))
                            .values(tool_version=stored.version)
                        )
                    if run is not None:
                        self._close(connection, run, "made", stored.scorecard.attempts)
                    return stored
            except IntegrityError:
                continue  # another process took the version between the two statements
        raise LibraryError(f"{self.url}: no version of {tool.name!r} could be taken; others take them all")

    def retire(self, name: str) -> None:
        """Take every version of a tool out of use; nothing is deleted.

        Raises:
            LibraryError: there is no active tool of that name.
        """
        tool = self.get(name)
        with self._transaction() as connection:
            connection.execute(sa.update(tools).where(tools.c.name == tool.name).values(status=RETIRED))

    def count_use(self, tool: Tool, *, failed: bool) -> None:
        """Count one use of a tool's version, and whether it failed."""
        with self._transaction() as connection:
            connection.execute(
                sa.update(tools)
                .where((tools.c.name == tool.name) & (tools.c.version == tool.version))
                .values(uses=tools.c.uses + 1, failures=tools.c.failures + int(failed))
            )

    def uses(self, tool: Tool) -> tuple[int, int]:
        """How often a tool's version was used, and how often it failed."""
        query = sa.select(tools.c.uses, tools.c.failures).where(
            (tools.c.name == tool.name) & (tools.c.version == tool.version)
        )
        with self._transaction() as connection:
            row = connection.execute(query).one()
        return row.uses, row.failures

    # Instances

    def remember(self, task: str, example: Example) -> int:
        """Keep an answered question of a task that has no tool yet; gives how many are pending.

        A question that is pending already, up to white space, is not kept again: six times the same one is
        nothing to make a tool from, and nothing to verify it on.
        """
        if any(folded(known.question) == folded(example.question) for _, known in self.pending(task)):
            return len(self.pending(task))
        with self._transaction() as connection:
            connection.execute(
                sa.insert(instances).values(
                    task=slug(task), question=example.question, answer=example.answer, created=now_text()
                )
            )
            return connection.execute(
                sa.select(sa.func.count()).where(
                    (instances.c.task == slug(task)) & instances.c.tool_version.is_(None)
                )
            ).scalar_one()

    def pending(self, task: str) -> tuple[tuple[int, Example], ...]:
        """The pending instances of a task with their ids, oldest first."""
        query = (
            sa.select(instances)
            .where((instances.c.task == slug(task)) & instances.c.tool_version.is_(None))
            .order_by(instances.c.id)
        )
        with self._transaction() as connection:
            return tuple((row.id, Example(row.question, row.answer)) for row in connection.execute(query))

    def tasks(self) -> Mapping[str, tuple[Example, ...]]:
        """Tasks with pending instances and without an active tool; up to two instances of each."""
        with self._transaction() as connection:
            tooled = set(
                connection.execute(sa.select(tools.c.name).where(tools.c.status == ACTIVE)).scalars()
            )
            rows = connection.execute(
                sa.select(instances).where(instances.c.tool_version.is_(None)).order_by(instances.c.id)
            ).all()
        found: dict[str, tuple[Example, ...]] = {}
        for row in rows:
            seen = found.get(row.task, ())
            if row.task not in tooled and len(seen) < 2:  # noqa: PLR2004 - "up to two" above
                found[row.task] = (*seen, Example(row.question, row.answer))
        return found

    # Makings

    def begin(self, task: str, fingerprint: str, *, instances: Sequence[int] = (), pending: int = 0) -> str:
        """Open a making; gives its run id.

        A making with the same fingerprint that was begun and never ended (its process died) is taken up
        again under its old id, so that its paid replies are found in the journal.

        Args:
            task: the task's name.
            fingerprint: of all that decides on what the maker is asked.
            instances: ids of the pending instances that it is made from; none where a caller gave examples.
            pending: how many instances were pending.
        """
        unfinished = (makings.c.fingerprint == fingerprint) & (makings.c.state == "running")
        with self._transaction() as connection:
            run = connection.execute(sa.select(makings.c.run).where(unfinished).limit(1)).scalar()
            if run is None:
                run = new_run("make")
                connection.execute(
                    sa.insert(makings).values(
                        run=run,
                        task=slug(task),
                        fingerprint=fingerprint,
                        instances=list(instances),
                        pending=pending,
                        state="running",
                        created=now_text(),
                    )
                )
        return str(run)

    def unfinished(self, task: str) -> tuple[int, ...]:
        """Ids of the instances of a making that was begun from pending ones and never ended; else none."""
        query = (
            sa.select(makings.c.instances)
            .where((makings.c.task == slug(task)) & (makings.c.state == "running") & (makings.c.pending > 0))
            .limit(1)
        )
        with self._transaction() as connection:
            return tuple(connection.execute(query).scalar() or ())

    def fail(self, run: str, history: Sequence[Attempt]) -> None:
        """Close a making that came to nothing, with its history."""
        with self._transaction() as connection:
            self._close(connection, run, "failed", history)

    def failed_with(self, task: str) -> int:
        """The most instances that were pending when making a tool from them failed; 0 if it never did."""
        query = sa.select(sa.func.max(makings.c.pending)).where(
            (makings.c.task == slug(task)) & (makings.c.state == "failed")
        )
        with self._transaction() as connection:
            return connection.execute(query).scalar() or 0

    @staticmethod
    def _close(connection: sa.Connection, run: str, state: str, history: Sequence[Attempt]) -> None:
        connection.execute(
            sa.update(makings)
            .where(makings.c.run == run)
            .values(state=state, history=[_plain(attempt) for attempt in history])
        )

    # Journal

    def record(self, entry: JournalEntry) -> None:
        """Store a paid reply before it is used; returns when no end of the process can lose it any more."""
        self._journal.record(entry)

    def recall(self, run: str, step: str, digest: str) -> JournalEntry | None:
        """The reply that was paid for at this step of this run for this very request, if any."""
        return self._journal.recall(run, step, digest)

    def journal(self, run: str | None = None) -> tuple[JournalEntry, ...]:
        """Every paid reply, or those of one run, oldest first."""
        return self._journal.entries(run)

    def spent(self, *, run: str | None = None, since: datetime | None = None) -> Spend:
        """The sum of what the journal holds.

        Args:
            run: of this making or question only.
            since: of what was written at this time or later only; with a time zone.
        """
        return self._journal.spent(run=run, since=since)

    def save_cassette(
        self, path: str | os.PathLike[str], *, run: str | None = None, role: str | None = None
    ) -> int:
        """Write replies of the journal into a new cassette, which ``replay:PATH`` plays.

        Attempts that failed are left out.

        Args:
            path: the file; it must not exist.
            run: those of this making or question only, such as ``tool.provenance.run``.
            role: those of this role only.

        Returns:
            How many exchanges were written.

        Raises:
            LibraryError: the journal has none of these, or holds something that cannot be read.
            OSError: the file cannot be written, or exists.
        """
        chosen = [each for each in self._journal.entries(run) if role is None or each.role == role]
        if not any(each.outcome == REPLIED for each in chosen):
            of = "".join(f" of {kind} {name!r}" for kind, name in (("run", run), ("role", role)) if name)
            raise LibraryError(f"{self.url}: the journal has no reply{of}")
        try:
            return cassettes.export(chosen, path)
        except ValueError as error:
            raise LibraryError(f"{self.url}: the journal cannot be read: {error}") from None

    @contextmanager
    def _transaction(self) -> Generator[sa.Connection, None, None]:
        try:
            with self._one_at_a_time, self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise LibraryError(f"{self.url} failed: {cause}") from error


def _plain(record: object) -> Any:
    return msgspec.to_builtins(record, enc_hook=_plain_mapping)


def _plain_mapping(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__name__} has no place in a library")
