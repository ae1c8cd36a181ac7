"""Open a database, and make sure that it is a library of ours before anything is written to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from latm.errors import LibraryError, LibraryUnreachable, MissingDependency
from latm.library._schema import REVISION, SCHEMA_VERSION, counters, meta, metadata, schema

# Writers wait for each other in no order, so that many of them may keep one waiting for long.
_BUSY_TIMEOUT_S = 30.0
# Classes of SQLSTATE: connection, authorisation, no such database, no resources, an operator's intervention.
_KEEPS_OUT = frozenset({"08", "28", "3D", "53", "57"})
_WRITERS_LOCK = 0x6C61746D  # "latm": the key of PostgreSQL's advisory lock
_SQLITE_MAGIC = b"SQLite format 3\0"


def open_database(url: str) -> sa.Engine:
    """Connect, create the tables of a new library, check those of an old one.

    Raises:
        LibraryError: the URL is wrong, the database is not ours, or newer than this latm.
        LibraryUnreachable: its server does not answer, or does not let us in.
        MissingDependency: the driver that the URL names is not installed.
    """
    try:
        parsed = sa.make_url(url)
        shown = shown_url(parsed)
    except (ArgumentError, ValueError):
        # Not shown: what cannot be taken apart may hold a password anywhere.
        raise LibraryError(
            "the library's URL cannot be read: write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
        ) from None
    engine = _connect(parsed, shown)
    try:
        _check(engine, shown)
    except BaseException:
        engine.dispose()
        raise
    return engine


def shown_url(url: sa.URL) -> str:
    """A URL as errors and reports show it: without its password, nor its query, where drivers take one."""
    return url.set(query={}).render_as_string(hide_password=True)


def missing_file(url: str) -> str | None:
    """The URL of an SQLite file that is not there, in a folder that is; None for anything else."""
    try:
        parsed = sa.make_url(url)
        shown = shown_url(parsed)
    except (ArgumentError, ValueError):
        return None
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    file = Path(str(parsed.database)).absolute()
    return shown if file.parent.is_dir() and not file.exists() else None


def _connect(url: sa.URL, shown: str) -> sa.Engine:
    options: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
        if url.database in {None, "", ":memory:"}:
            options["poolclass"] = StaticPool
        elif not (folder := Path(str(url.database)).absolute().parent).is_dir():
            raise LibraryError(f"{shown}: there is no folder {folder}: create it, or choose another file")
    else:
        options["pool_pre_ping"] = True  # a server may have been started anew since the last call
    try:
        engine = sa.create_engine(url, **options)
    except NoSuchModuleError:
        raise LibraryError(f"{shown}: no such kind of database: {url.drivername!r}") from None
    except ModuleNotFoundError as error:
        extra = "postgres" if error.name == "psycopg" else None
        raise MissingDependency(f"the library {shown}", module=str(error.name), extra=extra) from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    elif url.get_backend_name() == "postgresql":
        event.listen(engine, "connect", _configure_postgresql)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # Readers go on while one writes. What is committed outlives the process, however it ends. Only a power
    # cut may cost the last transactions, though never the file: FULL, which waits for the disk at each reply,
    # took 0.2 ms more on an idle disk and 5 ms on a busy one.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _configure_postgresql(connection: Any, _record: object) -> None:
    # Else one process that is stopped amid a transaction would stop all others for ever.
    connection.cursor().execute(f"SET lock_timeout = '{_BUSY_TIMEOUT_S:g}s'")
    connection.commit()


def begin_writing(connection: sa.Connection) -> None:
    """Make a transaction that has done nothing yet the only one that writes, until it ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS_LOCK)))


def _check(engine: sa.Engine, shown: str) -> None:
    try:
        # Look before the first write: a foreign file must stay as it is, byte for byte.
        names = set(_table_names(engine))
        if meta.name not in names:
            if names:
                raise LibraryError(
                    f"{shown} is not a latm library: it holds the tables {', '.join(sorted(names)[:5])} of "
                    "something else. Choose another file or database."
                )
            _create(engine)
        with engine.connect() as connection:
            found = schema_of(connection)
        if found is not None and found < SCHEMA_VERSION:
            _migrate(engine, shown)
    except DBAPIError as error:
        raise _told(error, engine, shown) from None
    except UnicodeDecodeError as error:
        raise LibraryError(f"{shown} is damaged ({error}). Restore it from a copy.") from None
    except SQLAlchemyError as error:
        raise LibraryError(f"{shown} cannot be opened: {error}") from None
    if found is None:
        raise LibraryError(f"{shown} is a damaged latm library: it has no schema version. Restore a copy.")
    if found > SCHEMA_VERSION:
        raise LibraryError(
            f"{shown} was written by a newer latm (schema {found}, this one knows {SCHEMA_VERSION}): "
            "pip install --upgrade latm, or choose another library. It was left as it is."
        )


def _told(error: DBAPIError, engine: sa.Engine, shown: str) -> LibraryError:
    """Why a library cannot be opened."""
    reason = str(error.orig)
    if "not a database" in reason or "malformed" in reason:
        return LibraryError(
            f"{shown} is not a latm library (or is damaged): {reason}. Choose another file, or restore it "
            "from a copy."
        )
    if engine.dialect.name != "sqlite" and _kept_out(error):
        return LibraryUnreachable(f"{shown} cannot be reached: {' '.join(reason.split())}")
    return LibraryError(f"{shown} cannot be opened: {reason}{_why(engine) or remedy(reason)}")


def _kept_out(error: DBAPIError) -> bool:
    """Whether a server was not reached, or let nobody in; its SQLSTATE is known only to who has got in."""
    state = getattr(error.orig, "sqlstate", None)
    return isinstance(error, OperationalError) and (state is None or state[:2] in _KEEPS_OUT)


def remedy(cause: str) -> str:
    """What to do about a fault of the database, as the tail of an error; "" where that is not known."""
    if "readonly" in cause or "read-only" in cause:
        return ": nothing was written; make it writable, or choose another library"
    if "full" in cause or "No space" in cause:
        return ": nothing was written; free some space and try again"
    if "locked" in cause or "lock timeout" in cause:
        return ": another process has held it for too long, perhaps one that is stopped; try again"
    if "malformed" in cause or "not a database" in cause:
        return ": the file is damaged; restore it from a copy"
    return ""


def _why(engine: sa.Engine) -> str:
    """What SQLite does not say of a file that it cannot open."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return ""
    file = Path(str(engine.url.database)).absolute()
    places = [each for each in (file.parent, file) if each.exists() and not os.access(each, os.W_OK)]
    if not places:
        return ""
    return f": {places[0]} cannot be written to, which even reading needs; make it writable, or use a copy"


def _migrate(engine: sa.Engine, shown: str) -> None:
    from latm.library._migrating import migrate  # brings Alembic, which only an old library needs

    try:
        migrate(engine)
    except ValueError as error:
        raise LibraryError(
            f"{shown} cannot be brought up to date: what it holds is damaged ({error}). It was left as it "
            "is; restore a copy, or choose another library."
        ) from None


def schema_of(connection: sa.Connection) -> int | None:
    """The schema version of a library, None where it has none that can be read.

    Schemas 1 and 2 had a row of ours alone. It is kept beside Alembic's, so that a latm of that time refuses
    a newer library with the remedy.
    """
    query = sa.select(meta.c.value).where(meta.c.key == "schema")
    found = [connection.execute(query).scalar()]
    if sa.inspect(connection).has_table(schema.name):
        found.append(connection.execute(sa.select(schema.c.version_num)).scalar())
    if not all(each is not None and each.isdecimal() for each in found):
        return None
    return max(int(str(each)) for each in found)


def _table_names(engine: sa.Engine) -> list[str]:
    # WAL is switched on by the first connection, which would already write into a foreign file.
    if engine.dialect.name != "sqlite" or engine.url.database in {None, "", ":memory:"}:
        return sa.inspect(engine).get_table_names()
    path = Path(str(engine.url.database))
    if path.is_dir():
        raise LibraryError(f"{engine.url} is a folder: name a file in it")
    if not path.exists() or path.stat().st_size == 0:
        return []
    with path.open("rb") as file:
        # SQLite takes a file shorter than its header for an empty database, and would write over it.
        if file.read(len(_SQLITE_MAGIC)) != _SQLITE_MAGIC:
            raise LibraryError(
                f"{engine.url} is not a latm library: the file is no database. Choose another file."
            )
    probe = sa.create_engine(f"sqlite:///file:{_uri_path(path)}?mode=ro&uri=true")
    try:
        return sa.inspect(probe).get_table_names()
    finally:
        probe.dispose()


def _uri_path(path: Path) -> str:
    return path.absolute().as_uri().removeprefix("file://")


def _create(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        begin_writing(connection)
        # Whoever opened the same new library a moment before has made it whole.
        if not sa.inspect(connection).has_table(meta.name):
            metadata.create_all(connection)
            connection.execute(sa.insert(meta).values(key="schema", value=str(SCHEMA_VERSION)))
            connection.execute(sa.insert(schema).values(version_num=str(SCHEMA_VERSION)))
            connection.execute(sa.insert(counters).values(name=REVISION, value=0))
