"""The journal as tables: old ones, many writers, and what it adds up to."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import LibraryError, cassettes
from latm._awaited import AsyncLibrary
from latm._ledger import Spend
from latm.library import JournalEntry, Library
from latm.plugin import Reply, Request, Usage

# As latm 0.1 wrote it before attempts and outcomes were kept: schema 1.
OLD = """
create table latm_meta (key varchar(64) not null primary key, value text not null);
insert into latm_meta values ('schema', '1');
create table latm_tools (id integer primary key, name varchar(64) not null, version integer not null,
    status varchar(16) not null, record text not null, uses integer not null, failures integer not null,
    created varchar(40) not null, unique (name, version));
create table latm_instances (id integer primary key, task varchar(64) not null, question text not null,
    answer text not null, tool_version integer, created varchar(40) not null);
create index ix_latm_instances_task on latm_instances (task);
create table latm_makings (run varchar(40) primary key, task varchar(64) not null,
    fingerprint varchar(64) not null, instances text not null, pending integer not null,
    state varchar(16) not null, history text, created varchar(40) not null);
create index ix_latm_makings_task on latm_makings (task);
create table latm_journal (id integer primary key, run varchar(40) not null, step varchar(64) not null,
    digest varchar(64) not null, role varchar(16) not null, model text not null, task varchar(64),
    tool varchar(64), request text not null, reply text not null, cost_usd varchar(40),
    seconds float not null, created varchar(40) not null);
create index ix_latm_journal_run on latm_journal (run, step);
"""
REPLY = '{"text":"hi","model":"m","usage":{"input":3,"cache_read":2,"output":5}}'


def entry(**changes: object) -> JournalEntry:
    plain = JournalEntry(
        run="r", step="s", digest="d", role="maker", model="a:b", request={"q": 1}, reply={"a": 1}
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A library of schema 1 with 1,203 paid replies, every third of them of a failed attempt."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD)
        rows = [
            ("r", f"s/{n}", "" if n % 3 == 0 else "d", REPLY if n else '{"text":"","model":"m"}')
            for n in range(1203)
        ]
        connection.executemany(
            "insert into latm_journal (run, step, digest, role, model, request, reply, cost_usd, seconds,"
            " created) values (?, ?, ?, 'maker', 'a:b', '{}', ?, '0.25', 1.0, '2026-01-01T00:00:00+00:00')",
            rows,
        )
        connection.commit()
    return path


def test_an_old_library_is_brought_up_to_date_and_loses_nothing(old: Path) -> None:
    for added in range(2):
        library = Library(f"sqlite:///{old}")
        entries = library.journal("r")
        assert (len(entries), len(library.journal())) == (1203, 1203 + added)
        assert {each.attempt for each in entries} == {1}
        assert [each.outcome == "failed" for each in entries] == [n % 3 == 0 for n in range(1203)]
        assert entries[0].usage == Usage()
        assert {each.usage for each in entries[1:]} == {Usage(input=3, cache_read=2, output=5)}
        assert library.recall("r", "s/1", "d") == entries[1]
        assert library.spent(run="r") == Spend(
            calls=1203,
            usage=Usage(input=3 * 1202, cache_read=2 * 1202, output=5 * 1202),
            known_usd=Decimal("300.75"),
        )
        library.record(entry(run="new"))
        library.close()


def test_a_migrated_library_has_the_tables_of_a_new_one(old: Path, tmp_path: Path) -> None:
    Library(f"sqlite:///{old}").close()
    Library(f"sqlite:///{tmp_path / 'new.db'}").close()
    shapes: list[object] = []
    for path in (old, tmp_path / "new.db"):
        with closing(sqlite3.connect(path)) as connection:
            columns = connection.execute("pragma table_info(latm_journal)").fetchall()
            indexes = connection.execute("pragma index_list(latm_journal)").fetchall()
            version = connection.execute("select value from latm_meta where key = 'schema'").fetchone()
        named = sorted(
            (name, kind.upper(), bool(notnull or key)) for _, name, kind, notnull, _, key in columns
        )
        shapes.append((named, sorted(each[1] for each in indexes), version))
    assert shapes[0] == shapes[1]


def test_many_bring_an_old_library_up_to_date_at_once(old: Path) -> None:
    faults: list[Exception] = []
    start = threading.Barrier(6)

    def open_it() -> None:
        start.wait()
        try:
            Library(f"sqlite:///{old}").close()
        except Exception as error:  # noqa: BLE001 - collected for the assertion
            faults.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_migration_that_fails_leaves_the_library_as_it_was(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("update latm_journal set reply = 'no json' where id = 700")
        connection.commit()
        before = connection.execute("select sql from sqlite_master order by name").fetchall()
    with pytest.raises(LibraryError, match=r"old\.db cannot be brought up to date: .*It was left as it is"):
        Library(f"sqlite:///{old}")
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("select sql from sqlite_master order by name").fetchall() == before


def test_many_writers_lose_nothing_and_know_when_it_is_written(library: Library) -> None:
    missing: list[str] = []

    def write(name: str) -> None:
        for number in range(10):
            library.record(entry(run=name, step=str(number)))
            if library.recall(name, str(number), "d") is None:
                missing.append(f"{name}/{number}")

    threads = [threading.Thread(target=write, args=(f"run-{n}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert len(library.journal()) == 160


def test_an_entry_that_cannot_be_written_takes_no_other_along(library: Library) -> None:
    start = threading.Barrier(8)
    faults: list[str] = []

    def write(name: str, request: object) -> None:
        start.wait()
        try:
            library.record(entry(run=name, request={"q": request}))
        except Exception:  # noqa: BLE001 - counted
            faults.append(name)

    threads = [threading.Thread(target=write, args=(f"run-{n}", object() if n == 3 else n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == ["run-3"]
    assert {each.run for each in library.journal()} == {f"run-{n}" for n in range(8)} - {"run-3"}


def test_a_failed_attempt_is_never_taken_for_an_answer(library: Library) -> None:
    library.record(entry(outcome="Truncated", attempt=1))
    assert library.recall("r", "s", "d") is None
    library.record(entry(attempt=2, price_source="config", price_date=date(2026, 10, 1)))
    found = library.recall("r", "s", "d")
    assert found is not None
    assert (found.attempt, found.price_source, found.price_date) == (2, "config", date(2026, 10, 1))


costs = st.none() | st.decimals(0, 10, places=6)
usages = st.builds(Usage, *[st.integers(0, 10**6)] * 4)


def test_what_is_recorded_once_is_there_once_however_many_record_it(tmp_path: Path) -> None:
    url, steps = f"sqlite:///{tmp_path / 'latm.db'}", [str(number) for number in range(20)]
    libraries = [Library(url) for _ in range(4)]
    found: list[tuple[str, JournalEntry | None]] = []
    together = threading.Barrier(len(libraries))

    def record(library: Library, number: int) -> None:
        for step in steps:
            together.wait(30)
            found.append((step, library.record_once(entry(step=step, attempt=number))))

    threads = [threading.Thread(target=record, args=each) for each in zip(libraries, range(4), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = {each.step: each for each in libraries[0].journal("r")}
    assert len(libraries[0].journal("r")) == len(written) == len(steps)
    assert sorted(step for step, earlier in found if earlier is None) == sorted(steps)
    assert all(earlier in (None, written[step]) for step, earlier in found)
    for library in libraries:
        library.close()


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), costs, usages), max_size=12))
def test_the_journal_adds_up_exactly(rows: list[tuple[str, Decimal | None, Usage]]) -> None:
    library = Library("sqlite://")
    for run, cost, usage in rows:
        library.record(entry(run=run, cost_usd=cost, usage=usage))
    for run in ("a", "b", None):
        chosen = [row for row in rows if run in (None, row[0])]
        assert library.spent(run=run) == Spend(
            calls=len(chosen),
            usage=sum((usage for _, _, usage in chosen), Usage()),
            known_usd=sum((cost or Decimal(0) for _, cost, _ in chosen), Decimal(0)),
            unpriced=sum(cost is None for _, cost, _ in chosen),
        )
    library.close()


def test_a_day_is_counted_from_its_start(library: Library) -> None:
    library.record(entry(cost_usd=Decimal(1)))
    now = datetime.now(UTC)
    assert library.spent(since=now - timedelta(hours=1)).known_usd == 1
    assert library.spent(since=now + timedelta(hours=1)).calls == 0


def test_a_cassette_is_made_of_the_journal(library: Library, tmp_path: Path) -> None:
    request = {"messages": [{"role": "user", "text": "q"}]}
    for role, text, outcome in (
        ("maker", "half", "Truncated"),
        ("maker", "whole", "replied"),
        ("user", "other", "replied"),
    ):
        reply = {"text": text, "model": "m", "usage": {}}
        library.record(entry(role=role, request=request, reply=reply, outcome=outcome))
    tape = tmp_path / "tape.jsonl"
    assert library.save_cassette(tape, role="maker") == 1
    assert [each.reply.text for each in cassettes.read_cassette(tape).exchanges] == ["whole"]
    with pytest.raises(FileExistsError):
        library.save_cassette(tape)
    assert [path.name for path in tmp_path.glob("*tape*")] == ["tape.jsonl"]
    assert library.save_cassette(tmp_path / "all.jsonl", run="r") == 2
    with pytest.raises(LibraryError, match="the journal has no reply of run 'other' of role 'user'"):
        library.save_cassette(tmp_path / "none.jsonl", run="other", role="user")


@pytest.mark.parametrize("begun", ["", '{"latm":', '{"latm":"cassette","version":1}'])
def test_a_cassette_that_a_crash_left_without_a_line_can_be_gone_on_with(tmp_path: Path, begun: str) -> None:
    tape = tmp_path / "tape.jsonl"
    tape.write_text(begun)
    assert cassettes.read_cassette(tape).exchanges == ()
    exchange = cassettes.Exchange(Request(messages=()), Reply(text="x", usage=Usage(), model="m"))
    cassettes.append(tape, exchange)
    assert cassettes.read_cassette(tape).exchanges == (exchange,)


@pytest.mark.anyio
async def test_an_awaited_library_tells_the_same(library: Library, tmp_path: Path) -> None:
    library.record(entry(request={"messages": []}, reply={"text": "x", "model": "m", "usage": {"input": 3}}))
    awaited = AsyncLibrary(library)
    assert await awaited.spent(run="r") == library.spent()
    assert await awaited.save_cassette(tmp_path / "tape.jsonl") == 1
