"""Libraries of other schema versions: older ones are taken over, newer and damaged ones left alone."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import postgres
from latm import Example, LibraryError
from latm.library import Library
from latm.library._content import plain
from latm.library._schema import SCHEMA_VERSION, VERSION_TABLE, metadata
from unit.engine.test_journal import OLD
from unit.engine.test_library import ODD, tool

# What latm had made of it before Alembic kept the version.
SECOND = """
alter table latm_journal add column attempt integer not null default '1';
alter table latm_journal add column outcome varchar(64) not null default 'replied';
alter table latm_journal add column input_tokens bigint not null default '0';
alter table latm_journal add column cache_read_tokens bigint not null default '0';
alter table latm_journal add column cache_write_tokens bigint not null default '0';
alter table latm_journal add column output_tokens bigint not null default '0';
alter table latm_journal add column price_source text;
alter table latm_journal add column price_date varchar(10);
create index ix_latm_journal_created on latm_journal (created);
update latm_meta set value = '2';
"""
WHEN = "2026-01-01T00:00:00+00:00"


def fill(connection: sqlite3.Connection) -> None:
    """Two tools, one of them retired with both its versions, and instances of three tasks."""
    for name, version, status in (("kept", 1, "active"), ("kept", 2, "active"), ("gone", 1, "retired")):
        record = json.dumps(
            plain(tool(name=name, source=f"def f(): return {version}")) | {"version": version}
        )
        connection.execute(
            "insert into latm_tools (name, version, status, record, uses, failures, created)"
            " values (?, ?, ?, ?, 3, 1, ?)",
            (name, version, status, record, WHEN),
        )
    for task, version in (("kept", 2), ("new", None), ("new", None)):
        connection.execute(
            "insert into latm_instances (task, question, answer, tool_version, created)"
            " values (?, ?, ?, ?, ?)",
            (task, json.dumps(ODD), json.dumps("a"), version, WHEN),
        )
    connection.execute(
        "insert into latm_makings (run, task, fingerprint, instances, pending, state, created)"
        " values ('make-1', 'new', 'print', '[1]', 1, 'running', ?)",
        (WHEN,),
    )


@pytest.fixture(params=[1, 2])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a % strange [name].db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD)
        if request.param == 2:
            connection.executescript(SECOND)
        fill(connection)
        connection.commit()
    return path


def tables(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("select type, name, sql from sqlite_master order by name").fetchall()


def test_an_old_library_serves_as_before(old: Path) -> None:
    for _ in range(2):
        library = Library(f"sqlite:///{old}")
        assert [(each.name, each.version) for each in library.list()] == [("kept", 2)]
        assert library.uses(library.get("kept")) == (3, 1)
        assert library.find("gone") is None
        assert [each.status for each in library.versions("gone")] == ["retired"]
        assert library.tasks() == {"new": (Example(ODD, "a"), Example(ODD, "a"))}
        assert library.unfinished("new") == (1,)
        assert library.begin("new", "print") == "make-1"
        # Digests were made: the same tool is not stored again, the same question not kept again.
        assert library.add(tool(name="kept", source="def f(): return 2")).version == 2
        assert library.remember("new", Example(f" {ODD}", "b")) == 2
        library.close()


def test_it_has_the_tables_of_a_new_one(old: Path, tmp_path: Path) -> None:
    Library(f"sqlite:///{old}").close()
    Library(f"sqlite:///{tmp_path / 'new.db'}").close()
    for path in (old, tmp_path / "new.db"):
        assert unlike(f"sqlite:///{path}") == []


def test_an_old_library_on_a_server_is_taken_over_by_many_at_once(postgres_socket: str) -> None:
    url = postgres.clear(postgres_socket)
    ddl = (OLD + SECOND).replace("id integer primary key", "id serial primary key")
    with psycopg.connect(host=postgres_socket, user="latm", dbname="postgres") as connection:
        connection.execute(ddl.encode())
        connection.execute(
            "insert into latm_instances (task, question, answer, created) values ('new', %s, '\"a\"', %s)",
            (json.dumps(ODD), WHEN),
        )
    faults = at_once(lambda: Library(url).close())
    assert faults == []
    library = Library(url)
    assert library.remember("new", Example(f" {ODD}", "b")) == 1
    assert library.add(tool()).version == 1
    library.close()
    assert unlike(url) == []


def at_once(work: Callable[[], None]) -> list[Exception]:
    """What goes wrong when six do it at the same moment."""
    faults: list[Exception] = []
    start = threading.Barrier(6)

    def one() -> None:
        start.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - collected for the assertion
            faults.append(error)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def unlike(url: str) -> list[str]:
    """What differs from the tables of a new library."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        differences = compare_metadata(context, metadata)
        assert context.get_current_revision() == str(SCHEMA_VERSION)
    engine.dispose()
    # Alembic leaves its own table out; the old tables above do not say that a primary key is never null.
    told = [str(each) for each in differences]
    return [each for each in told if VERSION_TABLE not in each and "modify_nullable" not in each]


def test_many_take_it_over_at_once(old: Path) -> None:
    assert at_once(lambda: Library(f"sqlite:///{old}").close()) == []


def test_one_that_cannot_be_read_is_left_as_it_was(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("update latm_instances set question = 'no json' where id = 2")
        connection.commit()
    before = tables(old)
    with pytest.raises(LibraryError, match=r"cannot be brought up to date: .*It was left as it is"):
        Library(f"sqlite:///{old}")
    assert tables(old) == before


def test_taking_over_says_nothing(old: Path, capfd: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    Library(f"sqlite:///{old}").close()
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers
    assert not logging.getLogger("alembic.runtime.migration").isEnabledFor(logging.INFO)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            f"update {VERSION_TABLE} set version_num = '6'",
            r"newer latm \(schema 6.*pip install --upgrade latm",
        ),
        ("update latm_meta set value = '6' where key = 'schema'", r"newer latm \(schema 6"),
        (f"update {VERSION_TABLE} set version_num = 'x'", "it has no schema version"),
        (f"delete from {VERSION_TABLE}", "it has no schema version"),
        ("delete from latm_meta", "it has no schema version"),
    ],
)
def test_one_of_an_unknown_version_is_refused_and_left_as_it_is(
    tmp_path: Path, statement: str, message: str
) -> None:
    path = tmp_path / "latm.db"
    Library(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(LibraryError, match=message):
        Library(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize("existing", [True, False])
def test_only_an_old_library_needs_alembic(tmp_path: Path, existing: bool) -> None:
    url = f"sqlite:///{tmp_path / 'latm.db'}"
    if existing:
        Library(url).close()
    probe = (
        "import sys; from latm.library import Library; Library(sys.argv[1]); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
