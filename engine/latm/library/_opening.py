"""Open a database, and make sure that it is a library of ours before anything is written to it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from latm.errors import LibraryError, MissingDependency
from latm.library._migrating import migrate
from latm.library._schema import SCHEMA_VERSION, meta, metadata

_CREATE_ATTEMPTS = 20
_BUSY_TIMEOUT_S = 10.0
_SQLITE_MAGIC = b"SQLite format 3\0"


def open_database(url: str) -> sa.Engine:
    """Connect, create the tables of a new library, check those of an old one.

    Raises:
        LibraryError: the URL is wrong, the database is out of reach, not ours, or newer than this latm.
        MissingDependency: the driver that the URL names is not installed.
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        # Not shown: what cannot be taken apart may hold a password anywhere.
        raise LibraryError(
            "the library's URL cannot be read: write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
        ) from None
    shown = parsed.render_as_string(hide_password=True)
    engine = _connect(parsed, shown)
    try:
        _check(engine, shown)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _connect(url: sa.URL, shown: str) -> sa.Engine:
    options: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
        if url.database in {None, "", ":memory:"}:
            options["poolclass"] = StaticPool
        elif not (folder := Path(str(url.database)).absolute().parent).is_dir():
            raise LibraryError(f"{shown}: there is no folder {folder}: create it, or choose another file")
    try:
        engine = sa.create_engine(url, **options)
    except NoSuchModuleError:
        raise LibraryError(f"{shown}: no such kind of database: {url.drivername!r}") from None
    except ModuleNotFoundError as error:
        raise MissingDependency(f"the library {shown}", module=str(error.name)) from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
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
        found = _schema_of(engine)
        if found is None:
            _create(engine)  # whoever is making it has not come to this line yet, or died before it
            found = _schema_of(engine)
        if found is not None and found.isdecimal() and int(found) < SCHEMA_VERSION:
            _migrate(engine, shown)
    except DBAPIError as error:
        reason = str(error.orig)
        if "not a database" in reason or "malformed" in reason:
            raise LibraryError(
                f"{shown} is not a latm library (or is damaged): {reason}. Choose another file, or restore "
                "it from a copy."
            ) from None
        raise LibraryError(f"{shown} cannot be opened: {reason}") from None
    except SQLAlchemyError as error:
        raise LibraryError(f"{shown} cannot be opened: {error}") from None
    if found is None or not str(found).isdecimal():
        raise LibraryError(f"{shown} is a damaged latm library: it has no schema version. Restore a copy.")
    if int(found) > SCHEMA_VERSION:
        raise LibraryError(
            f"{shown} was written by a newer latm (schema {found}, this one knows {SCHEMA_VERSION}): "
            "pip install --upgrade latm, or choose another library. It was left as it is."
        )


def _migrate(engine: sa.Engine, shown: str) -> None:
    try:
        migrate(engine)
    except ValueError as error:
        raise LibraryError(
            f"{shown} cannot be brought up to date: its journal is damaged ({error}). It was left as it is; "
            "restore a copy, or choose another library."
        ) from None


def _schema_of(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        return connection.execute(sa.select(meta.c.value).where(meta.c.key == "schema")).scalar()


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
    # Two processes may open a new library at the same moment: every step can be done twice.
    for attempt in range(_CREATE_ATTEMPTS):
        try:
            metadata.create_all(engine, checkfirst=True)
            break
        except DBAPIError as error:
            # Someone made a table between our look and our own making of it; each round gets further.
            if "already exists" not in str(error.orig) or attempt == _CREATE_ATTEMPTS - 1:
                raise
    with contextlib.suppress(IntegrityError), engine.begin() as connection:
        present = connection.execute(sa.select(meta.c.value).where(meta.c.key == "schema")).scalar()
        if present is None:
            connection.execute(sa.insert(meta).values(key="schema", value=str(SCHEMA_VERSION)))
