"""The open database: its transactions, its clock and the counter that tells of changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, final

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from latm._records import slug
from latm.errors import LibraryError
from latm.library._opening import begin_writing, missing_file, open_database, remedy, shown_url
from latm.library._schema import REVISION, aliases, counters

# What SQLAlchemy hands on as it is: values that no database takes.
_UNFIT = (OverflowError, UnicodeEncodeError)
# What was read is not what was written.
_DAMAGED = (json.JSONDecodeError, UnicodeDecodeError, msgspec.MsgspecError)


@final
class Database:
    """A library's database. Safe to use from any thread.

    Args:
        url: as SQLAlchemy takes it.
        create: whether to make the file that is not there; else it reads as an empty library, and what is
            written is lost.

    Raises:
        LibraryError: it cannot be opened, is not ours, or is newer than this latm.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        absent = None if create else missing_file(url)
        self._engine = open_database(url if absent is None else "sqlite://")
        # A database in memory has one connection for all threads.
        alone = isinstance(self._engine.pool, StaticPool)
        self._one_at_a_time: AbstractContextManager[object] = threading.RLock() if alone else nullcontext()
        self.url = absent or shown_url(self._engine.url)
        self.clock = _CLOCKS[self._engine.dialect.name]

    def close(self) -> None:
        """Release the database. May be called twice."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Generator[sa.Connection, None, None]:
        """A transaction for what reads, or writes with one statement."""
        try:
            with self._one_at_a_time, self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise LibraryError(f"{self.url} failed: {cause}{remedy(str(cause))}") from error
        except _UNFIT as error:
            raise LibraryError(f"{self.url} cannot hold this: {error}") from error
        except _DAMAGED as error:
            raise LibraryError(f"{self.url} is damaged; restore it from a copy: {error}") from error

    @contextmanager
    def writing(self) -> Generator[sa.Connection, None, None]:
        """A transaction that looks before it writes: no other of these begins before it has ended."""
        with self.transaction() as connection:
            begin_writing(connection)
            yield connection

    def now(self, connection: sa.Connection) -> float:
        """The database's time in seconds: the same for all hosts, whatever their own clocks say."""
        return float(connection.execute(sa.select(self.clock)).scalar_one())


def now_text() -> str:
    """The time as the tables hold it: ISO 8601 in UTC, which sorts as it passes."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def named(name: str) -> sa.ColumnElement[str]:
    """The name under which a task is kept: its own, or that of which it is an alias."""
    own = slug(name)
    target = sa.select(aliases.c.name).where(aliases.c.alias == own).scalar_subquery()
    return sa.func.coalesce(target, own)


def resolve(connection: sa.Connection, name: str) -> str:
    """What `named` gives, as text."""
    return str(connection.execute(sa.select(named(name))).scalar_one())


def changed(connection: sa.Connection) -> None:
    """Count a change that a dispatcher's index must hear of."""
    connection.execute(
        sa.update(counters).where(counters.c.name == REVISION).values(value=counters.c.value + 1)
    )


def revision(connection: sa.Connection) -> int:
    """How many such changes there were."""
    return int(connection.execute(_REVISION).scalar_one())


_REVISION = sa.select(counters.c.value).where(counters.c.name == REVISION)  # every question asks for it


# Seconds since 1970 with their fraction. PostgreSQL's now() stands still in a transaction, which may have
# waited for its turn.
_CLOCKS: dict[str, sa.ColumnElement[Any]] = {
    "sqlite": sa.literal_column("(julianday('now') - 2440587.5) * 86400.0"),
    "postgresql": sa.literal_column("extract(epoch from clock_timestamp())"),
}
