"""Tools and their versions.

The current version of a name is the highest that is not withdrawn. It serves only if it is active, so that no
older version comes back by itself when one is quarantined or retired.
"""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import sqlalchemy as sa

from latm._records import Tool
from latm.errors import LibraryError, nearest
from latm.library import _audits, _leases, _makings
from latm.library._content import content_digest, plain, tool_of
from latm.library._database import Database, changed, named, now_text, resolve
from latm.library._leases import Lease
from latm.library._schema import instances, tools

Status = Literal["active", "quarantined", "retired", "withdrawn"]
ACTIVE: Status = "active"
QUARANTINED: Status = "quarantined"
RETIRED: Status = "retired"
WITHDRAWN: Status = "withdrawn"
_HIGHEST = 2**31 - 1  # that a column holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a tool, and what became of it.

    Attributes:
        tool: the tool itself; it never changes.
        status: ``active``; ``quarantined``: found wrong; ``retired``: out of use by a person; ``withdrawn``:
            rolled back, so that the one before is current again.
        reason: why it was quarantined; None where it was not.
        uses: how often it was used.
        failures: how often its own run failed; what a model wrote wrongly is none of them.
        created: when it was stored; ISO 8601, UTC.
    """

    tool: Tool
    status: Status
    reason: str | None
    uses: int
    failures: int
    created: str


def current(status: Status) -> sa.ColumnElement[bool]:
    """Of a row of `tools`: whether it is the current version of its name, and has this status."""
    later = tools.alias()
    newer = sa.exists().where(
        (later.c.name == tools.c.name) & (later.c.version > tools.c.version) & (later.c.status != WITHDRAWN)
    )
    return (tools.c.status == status) & ~newer


def serving() -> sa.ColumnElement[bool]:
    """Of a row of `tools`: whether it serves."""
    return current(ACTIVE)


@final
class Tools:
    """The tools of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str, version: int | None = None) -> Tool:
        """A tool, or an error that says what there is."""
        found = self.find(name, version)
        if found is not None:
            return found
        where = self._database.url
        with self._database.transaction() as connection:
            if version is not None:
                known, newest = self._newest(connection, name)
                raise LibraryError(f"{where}: {known!r} has no version {version}; its newest is {newest}.")
            current = self._existing(connection, name)
        why = f" ({current.reason})" if current.reason else ""
        raise LibraryError(
            f"{where}: {current.tool.name!r} has no version in use: version {current.tool.version} is "
            f"{current.status}{why}. Ask for a version by its number, restore it, or roll back."
        )

    def find(self, name: str, version: int | None = None) -> Tool | None:
        """The current version if it serves; or a version by its number, whatever its status."""
        if version is not None and not 0 < version <= _HIGHEST:
            return None
        query = sa.select(tools.c.record, tools.c.status).where(tools.c.name == named(name))
        if version is None:
            query = query.where(tools.c.status != WITHDRAWN).order_by(tools.c.version.desc())
        else:
            query = query.where(tools.c.version == version)
        with self._database.transaction() as connection:
            row = connection.execute(query.limit(1)).first()
            if row is None or (version is None and row.status != ACTIVE):
                return None
            return tool_of(row.record)

    def several(self, versions: Mapping[str, int]) -> tuple[Tool, ...]:
        """Some versions, whatever their status, without those that are not there."""
        if not versions:
            return ()
        # Not as pairs in a list of pairs, for which SQLite goes through the whole table.
        wanted = sa.or_(
            *((tools.c.name == name) & (tools.c.version == version) for name, version in versions.items())
        )
        with self._database.transaction() as connection:
            rows = connection.execute(sa.select(tools.c.record).where(wanted)).scalars()
            return tuple(map(tool_of, rows))

    def list(self) -> tuple[Tool, ...]:
        """The version that serves of every tool that has one, by name."""
        query = sa.select(tools.c.record).where(serving()).order_by(tools.c.name)
        with self._database.transaction() as connection:
            return tuple(tool_of(row.record) for row in connection.execute(query))

    def serving(self) -> Mapping[str, int]:
        """The version that serves of every tool that has one, by name."""
        query = sa.select(tools.c.name, tools.c.version).where(serving()).order_by(tools.c.name)
        with self._database.transaction() as connection:
            return {name: version for name, version in connection.execute(query).all()}  # noqa: C416 - rows

    def names(self) -> tuple[str, ...]:
        """Every name that has a version, whatever its status."""
        query = sa.select(tools.c.name).distinct().order_by(tools.c.name)
        with self._database.transaction() as connection:
            return tuple(connection.execute(query).scalars())

    def versions(self, name: str) -> tuple[Version, ...]:
        """Every version, newest first."""
        query = sa.select(tools).where(tools.c.name == named(name)).order_by(tools.c.version.desc())
        with self._database.transaction() as connection:
            return tuple(_version(row) for row in connection.execute(query))

    def current(self, name: str) -> Version | None:
        """The current version, whatever its status."""
        with self._database.transaction() as connection:
            return _current(connection, name)

    def add(
        self,
        tool: Tool,
        *,
        run: str | None = None,
        used: Sequence[int] = (),
        lease: Lease | None = None,
    ) -> Tool:
        """Store a tool as the next version of its name, unless the current one is the very same."""
        record = plain(tool)
        known = content_digest(record)
        with self._database.writing() as connection:
            if lease is not None:
                _leases.check(connection, lease)
            name = resolve(connection, tool.name)
            current = _current(connection, name)
            serving = current.tool if current is not None and current.status == ACTIVE else None
            # While it was made, its name may have become another word for a task that has a tool of its own.
            moved = lease is not None and lease.task != name
            if serving is not None and (moved or _digest(connection, serving) == known):
                stored = serving
            else:
                stored = _insert(connection, dataclasses.replace(tool, name=name), known)
            if used:
                connection.execute(
                    sa.update(instances)
                    .where(instances.c.id.in_(list(used)))
                    .values(tool_version=stored.version)
                )
            if run is not None:
                _makings.close_made(connection, run, tool.scorecard.attempts, stored.version)
            if used or stored is not serving:
                changed(connection)
        return stored

    def take_in(self, tool: Tool) -> Tool:
        """Store a tool from elsewhere, unless the current version is the very same, whatever its status."""
        with self._database.writing() as connection:
            found = _current(connection, tool.name)
            if found is not None and _digest(connection, found.tool) == content_digest(plain(tool)):
                return found.tool
        return self.add(tool)

    def rollback(self, name: str) -> Tool | None:
        """Withdraw the current version."""
        with self._database.writing() as connection:
            current = self._existing(connection, name)
            _set(connection, current.tool, WITHDRAWN)
            before = _current(connection, current.tool.name)
        return before.tool if before is not None and before.status == ACTIVE else None

    def retire(self, name: str) -> None:
        """Take the current version out of use."""
        with self._database.writing() as connection:
            current = self._existing(connection, name)
            if current.status == RETIRED:
                raise LibraryError(f"{self._database.url}: {current.tool.name!r} is retired already")
            _set(connection, current.tool, RETIRED)

    def restore(self, name: str) -> Tool:
        """Let the current version serve again."""
        with self._database.writing() as connection:
            current = self._existing(connection, name)
            if current.status != ACTIVE:
                _set(connection, current.tool, ACTIVE)
                name, version = current.tool.name, current.tool.version
                restored = _audits.Audit(
                    tool=name,
                    version=version,
                    question="",
                    answer="",
                    other="",
                    agreed=None,
                    source="restored",
                )
                _audits.record(connection, restored)
        return current.tool

    def quarantine(self, tool: Tool, reason: str) -> None:
        """Take one version out of use because it was found wrong."""
        with self._database.writing() as connection:
            _set(connection, tool, QUARANTINED, reason=reason, only=ACTIVE)

    def count_uses(self, tool: Tool, *, uses: int, failures: int) -> None:
        """Count uses of a tool's version, and how many of them failed."""
        with self._database.transaction() as connection:
            connection.execute(
                sa.update(tools)
                .where(_is(tool))
                .values(uses=tools.c.uses + uses, failures=tools.c.failures + failures)
            )

    def uses(self, tool: Tool) -> tuple[int, int]:
        """How often a tool's version was used, and how often it failed."""
        query = sa.select(tools.c.uses, tools.c.failures).where(_is(tool))
        with self._database.transaction() as connection:
            row = connection.execute(query).one()
        return row.uses, row.failures

    def _existing(self, connection: sa.Connection, name: str) -> Version:
        current = _current(connection, name)
        if current is None:
            known, newest = self._newest(connection, name)
            raise LibraryError(
                f"{self._database.url}: {known!r} has no version in use: all are withdrawn, the newest is "
                f"version {newest}. Ask for a version by its number."
            )
        return current

    def _newest(self, connection: sa.Connection, name: str) -> tuple[str, int]:
        """The name of a tool as it is kept, and its highest version, withdrawn or not."""
        query = sa.select(tools.c.name, sa.func.max(tools.c.version)).where(tools.c.name == named(name))
        row = connection.execute(query.group_by(tools.c.name)).first()
        if row is None:
            known = connection.execute(sa.select(tools.c.name).distinct()).scalars()
            raise LibraryError(
                f"{self._database.url} has no tool {name!r}.{nearest(name, builtins.list(known))}"
            )
        return row[0], row[1]


def _current(connection: sa.Connection, name: str) -> Version | None:
    query = (
        sa.select(tools)
        .where((tools.c.name == named(name)) & (tools.c.status != WITHDRAWN))
        .order_by(tools.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _version(row)


def _version(row: Any) -> Version:
    return Version(
        tool=tool_of(row.record),
        status=row.status,
        reason=row.reason,
        uses=row.uses,
        failures=row.failures,
        created=row.created,
    )


def _is(tool: Tool) -> sa.ColumnElement[bool]:
    return (tools.c.name == tool.name) & (tools.c.version == tool.version)


def _digest(connection: sa.Connection, tool: Tool) -> str:
    return str(connection.execute(sa.select(tools.c.digest).where(_is(tool))).scalar_one())


def _insert(connection: sa.Connection, tool: Tool, known: str) -> Tool:
    newest = connection.execute(
        sa.select(sa.func.max(tools.c.version)).where(tools.c.name == tool.name)
    ).scalar()
    stored = dataclasses.replace(tool, version=(newest or 0) + 1)
    connection.execute(
        sa.insert(tools).values(
            name=stored.name,
            version=stored.version,
            status=ACTIVE,
            record=plain(stored),
            digest=known,
            created=now_text(),
        )
    )
    return stored


def _set(
    connection: sa.Connection,
    tool: Tool,
    status: Status,
    *,
    reason: str | None = None,
    only: Status | None = None,
) -> None:
    which = _is(tool) if only is None else _is(tool) & (tools.c.status == only)
    done = connection.execute(sa.update(tools).where(which).values(status=status, reason=reason))
    if done.rowcount:
        changed(connection)
