"""Leases: for each task at most one maker at a time, whatever process or host it is in.

A lease has a token that grows with every holder. Who was paused so long that another took the task over holds
an old token, and can store nothing by it. Time is the database's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import sqlalchemy as sa

from latm.errors import LeaseLost
from latm.library._database import Database, named, resolve
from latm.library._holder import is_dead
from latm.library._schema import leases

_NOBODY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to make a tool for a task.

    Attributes:
        task: the task's name.
        token: grows by one with every holder of the task's lease.
        holder: who has it; see `latm.library.new_holder`.
        ttl_s: seconds after which it ends, counted from the last renewal.
    """

    task: str
    token: int
    holder: str
    ttl_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Someone else has the lease.

    Attributes:
        task: the task's name.
        token: the token of that lease.
        holder: who has it.
        fingerprint: of the making that it is held for.
        left_s: seconds until it ends if it is not renewed.
    """

    task: str
    token: int
    holder: str
    fingerprint: str
    left_s: float


@final
class Leases:
    """The leases of a library."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, task: str, holder: str, *, fingerprint: str, ttl_s: float) -> Lease | Busy:
        """Take the lease of a task that nobody has, whose time is over, or whose holder is certainly dead."""
        # Many may look again and again while one has it: they must not keep writers waiting.
        with self._database.transaction() as connection:
            if isinstance(found := self._look(connection, task), Busy):
                return found
        with self._database.writing() as connection:
            if isinstance(found := self._look(connection, task), Busy):
                return found
            name = resolve(connection, task)
            values = {
                "token": found + 1,
                "holder": holder,
                "fingerprint": fingerprint,
                "expires": self._database.now(connection) + ttl_s,
            }
            if found == 0:
                connection.execute(sa.insert(leases).values(task=name, **values))
            else:
                connection.execute(sa.update(leases).where(leases.c.task == name).values(values))
        return Lease(task=name, token=found + 1, holder=holder, ttl_s=ttl_s)

    def _look(self, connection: sa.Connection, task: str) -> Busy | int:
        """Who has the lease; or, where it is free, the token of the last who had it: 0 if nobody ever did."""
        held = connection.execute(sa.select(leases).where(leases.c.task == named(task))).first()
        if held is None:
            return 0
        now = self._database.now(connection)
        if held.holder == _NOBODY or held.expires <= now or is_dead(held.holder):
            return int(held.token)
        return Busy(
            task=held.task,
            token=held.token,
            holder=held.holder,
            fingerprint=held.fingerprint,
            left_s=held.expires - now,
        )

    def renew(self, lease: Lease) -> bool:
        """Begin the time of a lease anew; False where another has it by now."""
        with self._database.writing() as connection:
            expires = self._database.now(connection) + lease.ttl_s
            done = connection.execute(
                sa.update(leases)
                .where(_is(lease) & (leases.c.holder == lease.holder))
                .values(expires=expires)
            )
        return done.rowcount == 1

    def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens where another has it by now."""
        with self._database.transaction() as connection:
            connection.execute(
                sa.update(leases).where(_is(lease)).values(holder=_NOBODY, fingerprint="", expires=0.0)
            )


def check(connection: sa.Connection, lease: Lease) -> None:
    """See that a lease is the newest of its task.

    Raises:
        LeaseLost: it is not.
    """
    newest = connection.execute(sa.select(leases.c.token).where(leases.c.task == lease.task)).scalar()
    if newest != lease.token:
        raise LeaseLost(task=lease.task, ttl_s=lease.ttl_s)


def mark(connection: sa.Connection, lease: Lease, fingerprint: str) -> None:
    """Say which making a lease is held for."""
    connection.execute(sa.update(leases).where(_is(lease)).values(fingerprint=fingerprint))


def _is(lease: Lease) -> sa.ColumnElement[bool]:
    return (leases.c.task == lease.task) & (leases.c.token == lease.token)
