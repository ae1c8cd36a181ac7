"""Whatever is killed or lost on the way: one job, one upload of each file, one bill, a model at the end."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.tuner import jobs
from latm.library import Library
from latm.plugin import Usage
from latm.testing import HttpReply, RecordedRequest, TuningServer
from latm.tuner import training
from latm.tuner.training import TunedModel

pytestmark = pytest.mark.anyio
TESTS = Path(__file__).parents[2]
SHORT = (3, 7)  # between an intent and its upload; after the start of the job is written down


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setattr(training, "LEASE_S", jobs.LEASE_S)
    store = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    yield store
    store.close()


def assert_once(server: TuningServer, library: Library, model: TunedModel) -> None:
    assert len(server.jobs) == 1
    assert len(server.files) == 2
    assert model.model == f"openai:{server.models[0]}"
    (job,), (paid,) = server.jobs, library.journal()
    assert (paid.run, paid.usage) == (model.run, Usage(input=job["trained_tokens"]))
    assert paid.cost_usd == model.cost_usd is not None


def program(server: TuningServer, tmp_path: Path, last: int = 0) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "integration.tuner.jobs", server.base_url, f"sqlite:///{tmp_path / 'latm.db'}",
         str(last)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
    )  # fmt: skip


class Killer:
    """Kills the program when the service gets, or has done, its n-th request; the service goes on."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen = 0
        self.victim: subprocess.Popen[bytes] | None = None

    def before(self, _request: RecordedRequest) -> HttpReply | None:
        self.seen += 1
        return self._kill() if self.seen == self.number else None

    def after(self, _request: RecordedRequest, _reply: HttpReply) -> HttpReply | None:
        self.seen += 1
        return self._kill() if self.seen == self.number else None

    def _kill(self) -> HttpReply:
        assert self.victim is not None
        os.kill(self.victim.pid, signal.SIGKILL)
        return HttpReply(reset=True)


async def killed_at_a_record(server: TuningServer, tmp_path: Path, last: int) -> bool:
    """Whether there was such a record."""
    process = program(server, tmp_path, last)
    return process.wait(60) == -signal.SIGKILL


async def killed_at_a_request(server: TuningServer, tmp_path: Path, killer: Killer) -> bool:
    """Whether there was such a request."""
    killer.victim = program(server, tmp_path)
    return killer.victim.wait(60) == -signal.SIGKILL


@pytest.mark.parametrize("last", SHORT)
async def test_killed_at_a_record(library: Library, tmp_path: Path, last: int) -> None:
    with TuningServer() as server:
        assert await killed_at_a_record(server, tmp_path, last)
        assert_once(server, library, await jobs.trained(server.base_url, library))


async def test_killed_when_the_job_was_created_and_nobody_heard(library: Library, tmp_path: Path) -> None:
    killed = False

    def after(request: RecordedRequest, _reply: HttpReply) -> HttpReply | None:
        nonlocal killed
        if request.method == "POST" and request.path.endswith("/fine_tuning/jobs") and not killed:
            killed = True
            os.kill(process.pid, signal.SIGKILL)
            return HttpReply(reset=True)
        return None

    # The service shows late what it has created.
    with TuningServer(late=2) as server:
        process = program(server, tmp_path)
        server.after = after
        assert process.wait(60) == -signal.SIGKILL
        server.after = None
        assert_once(server, library, await jobs.trained(server.base_url, library))


@pytest.mark.soak
async def test_killed_at_every_record(library: Library, tmp_path: Path) -> None:
    for last in itertools.count(1):
        with TuningServer(late=1) as server:
            folder = tmp_path / str(last)
            folder.mkdir()
            found = await killed_at_a_record(server, folder, last)
            store = Library(f"sqlite:///{folder / 'latm.db'}")
            assert_once(server, store, await jobs.trained(server.base_url, store))
            store.close()
        if not found:
            break
    assert last > 12
    sys.stdout.write(f"\nkilled at {last - 1} records\n")


@pytest.mark.soak
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_every_request(library: Library, tmp_path: Path, when: str) -> None:
    for number in itertools.count(1):
        killer = Killer(number)
        with TuningServer(late=1) as server:
            folder = tmp_path / str(number)
            folder.mkdir()
            setattr(server, when, getattr(killer, when))
            found = await killed_at_a_request(server, folder, killer)
            setattr(server, when, None)
            store = Library(f"sqlite:///{folder / 'latm.db'}")
            assert_once(server, store, await jobs.trained(server.base_url, store))
            store.close()
        if not found:
            break
    assert number > 12
    sys.stdout.write(f"\nkilled {when} {number - 1} requests\n")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_connection_that_is_lost_at_any_request(library: Library, when: str) -> None:
    """Without a crash: the same process goes on, and finds what it may have created."""
    for number in itertools.count(1):
        seen = 0

        def lose(*_: object) -> HttpReply | None:
            nonlocal seen
            seen += 1
            return HttpReply(reset=True) if seen == number else None  # noqa: B023 - called in this turn only

        with TuningServer(late=1, **{when: lose}) as server:
            store = Library("sqlite://")
            assert_once(server, store, await jobs.trained(server.base_url, store))
            store.close()
        if seen < number:
            break
    assert number > 12
