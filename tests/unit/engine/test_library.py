from __future__ import annotations

import dataclasses
import hashlib
import sqlite3
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import Demonstration, Example, LibraryError, MissingDependency, Provenance, Scorecard, Tool
from latm._records import Attempt, digest, slug
from latm.library import JournalEntry, Library
from latm.plugin import Usage

ODD = "NUL \x00, lone surrogate \ud800, quote ' and snowman \N{SNOWMAN}"


def tool(name: str = "word-sorting", source: str = "def f(): pass") -> Tool:
    return Tool(
        name=name,
        version=0,
        source=source,
        function="f",
        demonstrations=(Demonstration(ODD, "ans = f()"),),
        tests={"verification": "assert f() is None"},
        scorecard=Scorecard(attempts=(Attempt(stage="propose", number=1, reply=ODD),), notes=("n",)),
        provenance=Provenance(
            protocol="paper",
            maker="a:b",
            run="r",
            examples_sha256="0",
            source_sha256="1",
            usage=Usage(1, 2, 3, 4),
            cost_usd=Decimal("0.000001"),
            seconds=1.5,
            created="2026-01-01T00:00:00+00:00",
        ),
    )


def test_a_tool_comes_back_as_it_was_stored(library: Library) -> None:
    stored = library.add(tool())
    assert stored == dataclasses.replace(tool(), version=1)
    assert library.get("word_sorting") == library.get("Word Sorting") == stored
    assert library.list() == (stored,)


def test_versions_count_up_and_old_ones_stay(library: Library) -> None:
    library.add(tool())
    second = library.add(tool(source="def f(): return 2"))
    assert second.version == 2
    assert library.get("word-sorting") == second
    assert library.get("word-sorting", 1).source == "def f(): pass"
    assert library.list() == (second,)


def test_a_missing_tool_is_named_with_the_nearest(library: Library) -> None:
    library.add(tool())
    with pytest.raises(LibraryError, match=r"no tool 'word-sortin'.*Did you mean 'word-sorting'"):
        library.get("word-sortin")
    with pytest.raises(LibraryError, match="'word-sorting' has no version 7; its newest is 1"):
        library.get("word-sorting", 7)


def test_of_many_tools_some_are_named(library: Library) -> None:
    for number in range(25):
        library.add(tool(name=f"task-{number:02}"))
    with pytest.raises(LibraryError, match=r"Known: task-00, .*, task-19 and 5 more\.$"):
        library.get("nothing like it")


def test_a_retired_tool_is_out_of_use_and_not_deleted(library: Library) -> None:
    library.add(tool())
    library.retire("word-sorting")
    assert library.find("word-sorting") is None
    assert library.list() == ()
    assert library.get("word-sorting", 1).function == "f"


def test_instances_stop_pending_with_their_tool(library: Library) -> None:
    for number in range(3):
        assert library.remember("word sorting", Example(f"{ODD}{number}", ODD)) == number + 1
    assert {task: len(seen) for task, seen in library.tasks().items()} == {"word-sorting": 2}
    used = [number for number, _ in library.pending("word-sorting")]
    library.add(tool(), used=used[:2])
    assert [example.question for _, example in library.pending("word-sorting")] == [f"{ODD}2"]
    assert library.tasks() == {}


def test_uses_and_failures_are_counted_by_version(library: Library) -> None:
    stored = library.add(tool())
    library.count_uses(stored, uses=1, failures=0)
    library.count_uses(stored, uses=1, failures=1)
    assert library.uses(stored) == (2, 1)
    assert library.uses(library.add(tool(source="def f(): return 2"))) == (0, 0)


def test_an_unfinished_making_is_taken_up_and_a_finished_one_is_not(library: Library) -> None:
    run = library.begin("t", "print", instances=(1, 2), pending=6)
    assert library.begin("t", "print", instances=(1, 2), pending=6) == run
    assert library.begin("t", "other") != run
    assert library.unfinished("t") == (1, 2)
    library.fail(run, (Attempt(stage="propose", number=1, reply="x", problem="y"),))
    assert library.begin("t", "print", instances=(1, 2), pending=6) != run
    assert library.failed_with("t") == 6
    library.fail(library.begin("explicit", "print-2"), ())
    assert library.failed_with("explicit") == 0
    library.add(tool("t"), run=library.begin("t", "print-3", pending=12))
    assert library.failed_with("t") == 0


def entry(**changes: object) -> JournalEntry:
    plain = JournalEntry(
        run="r", step="propose/1", digest="d", role="maker", model="a:b", request={"q": ODD}, reply={"a": ODD}
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def test_a_reply_is_recalled_only_for_the_same_run_step_and_request(library: Library) -> None:
    stored = entry(cost_usd=Decimal("0.25"), task="t", tool="t", seconds=0.5)
    library.record(stored)
    assert library.recall("r", "propose/1", "d") == stored
    assert library.recall("r", "propose/1", "e") is None
    assert library.recall("r", "propose/2", "d") is None
    assert library.recall("s", "propose/1", "d") is None
    assert library.journal("r") == (stored,)


def test_what_is_stored_outlives_the_process(open_library: Callable[[], Library]) -> None:
    first = open_library()
    stored = first.add(tool())
    first.close()
    assert open_library().get("word-sorting") == stored


def test_many_threads_add_versions_without_a_gap(library: Library) -> None:
    threads = [
        threading.Thread(target=library.add, args=(tool(source=f"def f(): return {number}"),))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert library.get("word-sorting").version == 8


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be looked at" * 40, b"x"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    with pytest.raises(LibraryError, match=r"notes\.txt is not a latm library"):
        Library(f"sqlite:///{file}")
    assert file.read_bytes() == content


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    connection = sqlite3.connect(file)
    connection.execute("create table customers (id)")
    connection.commit()
    connection.close()
    before = hashlib.sha256(file.read_bytes()).digest()
    with pytest.raises(LibraryError, match="holds the tables customers of something else"):
        Library(f"sqlite:///{file}")
    assert hashlib.sha256(file.read_bytes()).digest() == before


def test_a_newer_library_is_refused_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "latm.db"
    Library(f"sqlite:///{file}").close()
    connection = sqlite3.connect(file)
    connection.execute("update latm_meta set value = '99' where key = 'schema'")
    connection.commit()
    connection.close()
    with pytest.raises(LibraryError, match=r"newer latm \(schema 99.*pip install --upgrade latm"):
        Library(f"sqlite:///{file}")


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("latm.db", LibraryError, "URL cannot be read"),
        ("postgresql:/u:secret@h/x", LibraryError, "URL cannot be read"),
        ("postgresql+psycopg://u:secret@h:abc/x", LibraryError, "URL cannot be read"),
        ("sqlite:////tmp", LibraryError, "is a folder"),
        ("sqlite:////no/such/folder/latm.db", LibraryError, "there is no folder"),
        ("nosuch://x", LibraryError, "no such kind of database"),
        ("postgresql+pg8000://u:secret@127.0.0.1/x", MissingDependency, "pip install pg8000"),
        (
            "postgresql+psycopg://u@127.0.0.1:1/x?password=secret",
            LibraryError,
            "127.0.0.1:1/x cannot be reached",
        ),
        ("sqlite:////no/such/folder/latm.db?key=secret", LibraryError, "there is no folder"),
    ],
)
def test_a_wrong_url_is_explained(url: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        Library(url)
    assert "secret" not in str(caught.value)


@given(st.text())
def test_a_name_is_its_own_slug(name: str) -> None:
    from latm import ConfigError

    try:
        short = slug(name)
    except ConfigError:
        return
    assert slug(short) == short
    assert 0 < len(short) <= 64


@pytest.mark.parametrize(
    "names",
    [
        ("c", "C++", "C#"),
        ("2+2", "2-2", "2=2"),
        ("\N{LATIN CAPITAL LETTER U WITH DIAERESIS}bung", "ubung", "bung"),
        ("\N{CYRILLIC CAPITAL LETTER DE}\N{CYRILLIC SMALL LETTER A}", "\N{CYRILLIC CAPITAL LETTER EN}"),
        ("x" * 64, "x" * 65, "x" * 66),
    ],
)
def test_names_that_differ_in_what_cannot_be_kept_of_them_are_not_one_task(
    library: Library, names: tuple[str, ...]
) -> None:
    for each in names:
        library.remember(each, Example(f"question of {each}", "a"))

    found = [library.pending(each) for each in names]

    assert [[one.question for _, one in each] for each in found] == [
        [f"question of {each}"] for each in names
    ]


@pytest.mark.parametrize(
    "name",
    [
        "word sorting",
        "Word-Sorting",
        "__word_sorting__",
        "`word-sorting`",
        "**Word: sorting!**",
        "word\tsorting",
    ],
)
def test_punctuation_only_parts_the_words_of_a_name(name: str) -> None:
    assert slug(name) == "word-sorting"


def test_an_accent_may_stand_in_a_letter_or_behind_it() -> None:
    assert slug("GR\N{LATIN CAPITAL LETTER O WITH DIAERESIS}SSE") == slug("gro\N{COMBINING DIAERESIS}sse")


def test_a_digest_does_not_mix_up_its_parts() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("\ud800") != digest("?")


def test_many_open_a_new_library_at_once(url: str) -> None:
    faults: list[Exception] = []
    start = threading.Barrier(8)

    def open_it() -> None:
        start.wait()
        try:
            Library(url).close()
        except Exception as error:  # noqa: BLE001 - collected for the assertion
            faults.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_library_in_memory_serves_many_threads() -> None:
    store = Library("sqlite://")

    def work() -> None:
        for number in range(20):
            store.remember("t", Example(f"{threading.get_ident()} {number}", "a"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.pending("t")) == 160
    store.close()
