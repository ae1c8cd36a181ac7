"""Libraries that many work on at once, and whose workers are killed: nothing is half done or lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import postgres
from integration.library import workload
from latm import LibraryError
from latm.library import Library

PATIENCE_S = 300.0


def start(**spec: Any) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(workload.__file__)), json.dumps(spec)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str], code: int = 0) -> list[str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (code, "")
    return out.split()


def fresh(kind: str, folder: Path, number: int, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder / f'{number}.db'}"
    return postgres.clear(request.getfixturevalue("postgres_socket"))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(6, id="short"),
        pytest.param(100, id="full", marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
    ],
)
def test_kill_at_every_write_point(
    kind: str, kills: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The library is as it was after a whole step: the last one that was said to be done, or the next."""
    library = Library(fresh(kind, tmp_path, 0, request))
    states = [workload.look(library)]
    for step in workload.steps():
        step(library)
        states.append(workload.look(library))
    library.close()
    points = int(ended(start(url=fresh(kind, tmp_path, 1, request), die_at=None))[-1])
    assert points > 100
    # Spread out over all of them.
    for number in range(kills):
        die_at = 1 + number * points // kills
        url = fresh(kind, tmp_path, number + 2, request)
        said = ended(start(url=url, die_at=die_at), -signal.SIGKILL)
        done = int(said[-1]) + 1 if said else 0
        survived = Library(url)
        found = workload.look(survived)
        assert found in (states[done], states[min(done + 1, len(states) - 1)]), f"killed at {die_at}"
        # And it goes on.
        for step in workload.steps()[states.index(found, done) :]:
            step(survived)
        last = workload.look(survived)
        assert {**last, "revision": 0} == {**states[-1], "revision": 0}, f"killed at {die_at}"
        survived.close()


@pytest.mark.parametrize(
    "rounds", [pytest.param(8, id="short"), pytest.param(200, id="full", marks=pytest.mark.soak)]
)
def test_eight_processes_on_one_library(url: str, rounds: int) -> None:
    processes = [start(url=url, name=str(name), rounds=rounds) for name in range(8)]
    for process in processes:
        ended(process)
    library = Library(url)
    versions = library.versions("shared")
    assert [each.tool.version for each in versions] == list(range(8 * rounds, 0, -1))
    assert len({each.tool.source for each in versions}) == 8 * rounds
    assert library.uses(versions[-1].tool) == (8 * rounds, 4 * rounds)
    assert len(library.pending("shared")) == 8 * rounds
    assert len(library.journal()) == 8 * rounds
    assert library.spent().calls == 8 * rounds
    assert len(library.negatives("shared")) == 20
    newest = versions[0].tool
    assert library.get("shared") == newest
    library.close()


def test_a_server_that_ends_connections_is_asked_anew(postgres_socket: str) -> None:
    library = Library(postgres.clear(postgres_socket))
    library.record(workload.entry("r", "before"))
    postgres.disconnect(postgres_socket)
    library.record(workload.entry("r", "after"))
    assert [each.step for each in library.journal()] == ["before", "after"]
    postgres.clear(postgres_socket)
    with pytest.raises(LibraryError, match="failed: "):
        library.record(workload.entry("r", "s"))
    library.close()


def test_one_that_sleeps_amid_a_write_does_not_stop_the_others_for_ever(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latm.library._opening._BUSY_TIMEOUT_S", 0.2)
    library, sleeper = Library(url), Library(url)
    with sleeper._database.writing():
        assert library.list() == (), "who reads does not wait"
        with pytest.raises(LibraryError, match="another process has held it for too long"):
            library.add(workload.numbered(1))
    assert library.add(workload.numbered(1)).version == 1
    library.close()
    sleeper.close()
