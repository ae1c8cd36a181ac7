"""Many processes on one library: one making for all, taken over from the dead and from those who sleep."""

from __future__ import annotations

import json
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import postgres
from integration.engine import leasing, scripts
from latm.library import Library
from latm.testing import OpenAIServer, RecordedRequest, read_request

pytestmark = pytest.mark.docker
MAKER = scripts.maker()
CALLS = 3  # propose, verify, wrap
PATIENCE_S = 120.0


@dataclass
class Drill:
    """The maker's server, the processes that ask it, and all that they say."""

    folder: Path
    library: str
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    said: queue.Queue[tuple[int, dict[str, Any]]] = field(default_factory=queue.Queue)
    replies: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    before: Callable[[int], None] = lambda _number: None

    def answer(self, request: RecordedRequest) -> str:
        with self.lock:
            self.replies += 1
            number = self.replies
        self.before(number)
        return MAKER(read_request(request))

    def start(self, base_url: str, *, callers: int = 1, die_at: int | None = None) -> int:
        spec = {"base_url": base_url, "library": self.library, "callers": callers, "die_at": die_at}
        number = len(self.processes)
        with (self.folder / f"{number}.err").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, str(Path(leasing.__file__)), json.dumps(spec)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.processes.append(process)
        threading.Thread(target=self._hear, args=(number, process), daemon=True).start()
        return number

    def _hear(self, number: int, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.said.put((number, json.loads(line)))
        self.said.put((number, {"event": "ended"}))

    def go(self, number: int) -> None:
        stdin = self.processes[number].stdin
        assert stdin is not None
        stdin.write("go\n")
        stdin.flush()

    def hear(self, event: str, count: int = 1) -> list[tuple[int, dict[str, Any]]]:
        """Wait until something was said so often; what is said in between is dropped."""
        found: list[tuple[int, dict[str, Any]]] = []
        while len(found) < count:
            number, fields = self.said.get(timeout=PATIENCE_S)
            if fields["event"] == event:
                found.append((number, fields))
            elif fields["event"] == "ended":
                code = self.processes[number].wait(PATIENCE_S)
                assert code in (0, -signal.SIGKILL), (self.folder / f"{number}.err").read_text()
        return found

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()

    def check(self, made: list[dict[str, Any]], *, versions: int = 1) -> None:
        """The library holds one making and one tool, which all were given."""
        library = Library(self.library)
        (making,) = library.makings("adding")
        (tool,) = library.list()
        assert len(library.versions("adding")) == versions
        paid = len(library.journal(making.run))
        library.close()
        assert (making.state, making.version) == ("made", tool.version)
        assert paid == self.replies
        assert {(each["version"], each["run"], each["source"]) for each in made} == {
            (tool.version, making.run, tool.source)
        }


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    drill = Drill(tmp_path, f"sqlite:///{tmp_path / 'latm.db'}")
    with ExitStack() as stack:
        stack.callback(drill.close)
        yield drill


@contextmanager
def serving(drill: Drill) -> Iterator[str]:
    with OpenAIServer(drill.answer) as server:
        yield server.base_url


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)])
def test_fifty_who_make_one_task_in_four_processes_pay_for_one_making(
    drill: Drill, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        drill.library = postgres.clear(request.getfixturevalue("postgres_socket"))
    waiting = threading.Event()
    drill.before = lambda number: None if number > 1 else _wait(waiting)
    with serving(drill) as base_url:
        for callers in (13, 13, 12, 12):
            drill.start(base_url, callers=callers)
        drill.hear("ready", 4)
        for number in range(4):
            drill.go(number)
        # Nobody gets a reply before all the others wait.
        drill.hear("make.waiting", 49)
        waiting.set()
        made = [fields for _, fields in drill.hear("made", 50)]
    assert drill.replies == CALLS
    drill.check(made)


def _wait(event: threading.Event) -> None:
    assert event.wait(PATIENCE_S)


@pytest.mark.parametrize(
    "call", [pytest.param(each, marks=() if each == 2 else pytest.mark.soak) for each in range(1, CALLS + 1)]
)
def test_who_waits_takes_over_from_a_dead_holder_and_pays_for_the_rest_alone(drill: Drill, call: int) -> None:
    waiting = threading.Event()
    drill.before = lambda number: None if number > 1 else _wait(waiting)
    with serving(drill) as base_url:
        first = drill.start(base_url, die_at=call)
        drill.hear("ready")
        drill.go(first)
        drill.hear("make.start")
        drill.start(base_url, callers=3)
        drill.hear("ready")
        drill.go(1)
        drill.hear("make.waiting", 3)
        waiting.set()
        made = [fields for _, fields in drill.hear("made", 3)]
        (_, done) = drill.hear("done")[0]
    assert drill.processes[first].wait(PATIENCE_S) == -signal.SIGKILL
    assert (drill.replies, done["paid"]) == (CALLS, CALLS - call)
    drill.check(made)


def test_a_holder_that_was_paused_beyond_its_lease_publishes_nothing(drill: Drill) -> None:
    paused = threading.Event()
    taken = threading.Event()

    def before(number: int) -> None:
        if number == CALLS:  # the last call of the first holder, on which the tool would be stored
            paused.set()
            _wait(taken)

    drill.before = before
    with serving(drill) as base_url:
        first = drill.start(base_url)
        drill.hear("ready")
        drill.go(first)
        _wait(paused)
        drill.processes[first].send_signal(signal.SIGSTOP)
        # The time of its lease passes.
        with closing(sqlite3.connect(drill.folder / "latm.db")) as connection:
            connection.execute("update latm_leases set expires = 0")
            connection.commit()
        drill.start(base_url)
        drill.hear("ready")
        drill.go(1)
        made = [drill.hear("made")[0]]
        taken.set()
        drill.processes[first].send_signal(signal.SIGCONT)
        made += drill.hear("made")
    assert [number for number, _ in made] == [1, first]
    # The call on which the first one slept was made once more by its successor.
    assert drill.replies == CALLS + 1
    drill.check([fields for _, fields in made])
