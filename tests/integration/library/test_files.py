"""What can become of a library's file: a full disk, a read-only one, damage; and values at the edge."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import subprocess
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.library import workload
from latm import Example, LibraryError
from latm._records import Check
from latm.library import Audit, Library

KiB = 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own; what is left of it goes with the test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.skip(f"no disk can be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * KiB)


@pytest.mark.serial
def test_a_full_disk_loses_nothing_that_was_written(disk: Path) -> None:
    library = Library(f"sqlite:///{disk / 'latm.db'}")
    first = library.add(workload.numbered(1))
    library.record(workload.entry("r", "before"))
    fill(disk)
    entries = iter(workload.entry("r", f"{number}") for number in range(1000))
    with pytest.raises(LibraryError, match=r"full: nothing was written; free some space and try again"):
        deque(map(library.record, entries), maxlen=0)
    said = len(library.journal())
    with pytest.raises(LibraryError, match="full"):
        library.add(workload.numbered(2))
    assert library.get("t") == first
    assert [each.tool.version for each in library.versions("t")] == [1]
    assert len(library.journal()) == said, "what failed left nothing behind"
    (disk / "filler").unlink()
    library.record(workload.entry("r", "after"))
    assert library.add(workload.numbered(2)).version == 2
    library.close()
    again = Library(f"sqlite:///{disk / 'latm.db'}")
    assert [each.step for each in again.journal()][-1] == "after"
    again.close()


@pytest.mark.serial
def test_no_room_for_a_new_library_is_said(disk: Path) -> None:
    fill(disk)
    with pytest.raises(LibraryError, match=r"latm\.db cannot be opened: .*full"):
        Library(f"sqlite:///{disk / 'latm.db'}")


@pytest.mark.serial
def test_a_read_only_disk_is_said(disk: Path) -> None:
    Library(f"sqlite:///{disk / 'latm.db'}").close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    before = (disk / "latm.db").read_bytes()
    with pytest.raises(LibraryError, match=r"latm\.db cannot be opened: .*make it writable, or"):
        Library(f"sqlite:///{disk / 'latm.db'}")
    with pytest.raises(LibraryError, match=r"other\.db cannot be opened: .*make it writable, or"):
        Library(f"sqlite:///{disk / 'other.db'}")
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert (disk / "latm.db").read_bytes() == before
    Library(f"sqlite:///{disk / 'latm.db'}").close()


def use_all(url: str) -> None:
    library = Library(url)
    try:
        workload.look(library)
        library.list()
        library.record(workload.entry("r", "s"))
        library.remember("t", Example("q", "a"))
        library.add(workload.numbered(7))
    finally:
        library.close()


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_is_an_error_of_ours_or_none(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "latm.db"
    library = Library(f"sqlite:///{file}")
    for step in workload.steps()[:20]:
        step(library)
    library.close()
    chance = random.Random(seed)
    content = bytearray(file.read_bytes())
    if seed % 4 == 0:
        del content[chance.randrange(len(content)) :]
    else:
        for _ in range(1 << seed % 10):
            content[chance.randrange(16, len(content))] = chance.randrange(256)
    file.write_bytes(content)
    with contextlib.suppress(LibraryError):
        use_all(f"sqlite:///{file}")


def test_damage_is_named_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "latm.db"
    library = Library(f"sqlite:///{file}")
    library.add(workload.numbered(1))
    library.close()
    content = bytearray(file.read_bytes())
    content[4096 * 2 :] = os.urandom(len(content) - 4096 * 2)
    file.write_bytes(content)
    with pytest.raises(LibraryError, match=r"restore (it|a copy)"):
        use_all(f"sqlite:///{file}")


ODD = [
    "NUL \x00 within",
    "\ud800 alone",
    "../x",
    "/etc/passwd",
    "'; drop table latm_tools; --",
    "\u2028\r\n\t",
    str(10**400),
    "x" * (1024 * KiB),
    "\N{SNOWMAN}" * 100_000,
]


@pytest.mark.parametrize("odd", ODD, ids=[each[:10].encode("unicode_escape").decode() for each in ODD])
def test_values_at_the_edge_come_back_as_they_were(url: str, odd: str) -> None:
    library = Library(url)
    check = Check(question=odd, call=f"f({10**400})", answer=odd)
    stored = library.add(
        dataclasses.replace(workload.numbered(1), contract=odd, checks=(check,), tests={odd: odd}, parser=odd)
    )
    assert library.get("t") == stored
    assert library.get("t").checks == (check,)
    library.remember("t", Example(odd, odd))
    assert [each for _, each in library.pending("t")] == [Example(odd, odd)]
    library.remember("t", Example(f"{odd} ", odd), source="feedback")
    assert list(library.overruled("t").values()) == [odd]
    library.add_negative("t", odd)
    assert library.negatives("t") == (odd,)
    library.remember_call(odd, stored, odd)
    found = library.repeat(odd)
    assert found is not None
    assert found.call == odd
    audit = Audit(tool="t", version=1, question=odd, answer=odd, other=odd, agreed=None)
    library.record_audit(audit)
    assert library.audits(stored) == (audit,)
    run = library.begin("t", "print")
    library.fail(run, (), stage="verify", error=odd)
    assert library.makings("t")[0].error == odd
    library.quarantine(stored, odd)
    assert library.versions("t")[0].reason == odd
    library.close()


@pytest.mark.parametrize("name", ["../x", "x" * (1024 * KiB), "X\x00", "\ud800x", "x'; drop table t"])
def test_names_at_the_edge_are_names(url: str, name: str) -> None:
    library = Library(url)
    library.remember(name, Example("q", "a"))
    (kept,) = library.tasks()
    assert len(kept) <= 64
    assert library.resolve(name) == kept
    library.alias(name, "t")
    assert library.resolve(name) == "t"
    assert library.find(name) is None
    with pytest.raises(LibraryError, match="has no tool"):
        library.get(name)
    library.close()
