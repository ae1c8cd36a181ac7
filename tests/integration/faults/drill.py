"""What every drill measures: how calls end, what is left of cells, and what grows from round to round."""

from __future__ import annotations

import gc
import os
import statistics
import threading
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

import docker
import docker.errors
import pytest
from docker.utils import kwargs_from_env

from latm_sandbox import Outcome, Program, SandboxError
from latm_sandbox.docker._owner import LABEL

MARGIN_S: Final = 2.0  # what a call may take beyond its limit, and what the first one after a fault may take
GONE_S: Final = 10.0  # by then no container of ours is left
MiB: Final = 1 << 20
_FEWEST: Final = 6  # rounds that show growth
_CALM_S: Final = 1.0  # until what a proxy in this process and a reaper have to do is done
_KEPT: Final = 6  # descriptors of two connections through a proxy here, which a pool may keep or not
_STIR: Final = 8  # descriptors that one request through a proxy has

ADD: Final = Program("def add(a, b):\n    return a + b")
NAP: Final = Program("import time\ndef nap(s):\n    time.sleep(s)\n    return s")


def rounds(short: int, *, full: int = 50) -> pytest.MarkDecorator:
    """A drill of `short` rounds for every day, and of `full` ones for the soak."""
    counts = [pytest.param(short, id="short"), pytest.param(full, id="full", marks=pytest.mark.soak)]
    return pytest.mark.parametrize("rounds", counts)


@dataclass(frozen=True, slots=True)
class Ended:
    """How one call ended.

    Attributes:
        seconds: from its beginning to its end.
        outcome: what it returned, or None.
        error: what it raised, or None.
    """

    seconds: float
    outcome: Outcome | None = None
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        """Whether it gave a value."""
        return self.outcome is not None and self.outcome.ok


class Calls:
    """Calls in threads of their own; each has to end once, in time, with an outcome or a typed error."""

    def __init__(self) -> None:
        self._threads: list[tuple[threading.Thread, float]] = []
        self._ended: list[Ended] = []

    def begin(self, call: Callable[..., Outcome], /, *args: object, limit_s: float, **kwargs: object) -> None:
        """Start `call`, which may take `limit_s` seconds and the margin."""

        def live() -> None:
            begun = time.monotonic()
            try:
                outcome = call(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - judged in `settle`
                self._ended.append(Ended(time.monotonic() - begun, error=error))
            else:
                self._ended.append(Ended(time.monotonic() - begun, outcome))

        thread = threading.Thread(target=live, name="drill", daemon=True)
        thread.start()
        self._threads.append((thread, time.monotonic() + limit_s + MARGIN_S))

    def settle(self) -> list[Ended]:
        """Wait for all; how they ended, in the order of their ends."""
        for thread, deadline in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))
        late = sum(thread.is_alive() for thread, _ in self._threads)
        assert not late, f"{late} of {len(self._threads)} calls have not ended within limit + {MARGIN_S:g} s"
        ended = list(self._ended)
        assert len(ended) == len(self._threads)
        self._threads.clear()
        self._ended.clear()
        for one in ended:
            check(one)
        return ended


def call(function: Callable[..., Outcome], /, *args: object, limit_s: float, **kwargs: object) -> Ended:
    """One call, which has to end within `limit_s` seconds and the margin."""
    calls = Calls()
    calls.begin(function, *args, limit_s=limit_s, **kwargs)
    return calls.settle()[0]


def check(ended: Ended) -> None:
    """An outcome or a typed error, and never both a value and an error."""
    if ended.error is not None:
        told = "".join(traceback.format_exception(ended.error))
        assert isinstance(ended.error, SandboxError), f"no error of the sandbox's own:\n{told}"
        assert str(ended.error)
    else:
        assert isinstance(ended.outcome, Outcome)
        assert ended.outcome.ok == (ended.outcome.error is None)


def until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Poll until `condition` is true; fail with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def cells(host: str | None = None, *, pid: int | None = None, running: bool = False) -> set[str]:
    """Ids of the containers of a process (this one), on the engine at `host` (the one that is in use)."""
    address = kwargs_from_env() if host is None else {"base_url": host}
    client = docker.APIClient(**address, version="auto", timeout=30)
    try:
        label = f"{LABEL}.pid={os.getpid() if pid is None else pid}"
        found = client.containers(all=not running, filters={"label": label})
        return {container["Id"] for container in found if _exists(client, container["Id"])}
    finally:
        client.close()


def _exists(client: docker.APIClient, container: str) -> bool:
    """After it was killed a dockerd lists some for a while that it has just removed."""
    try:
        client.inspect_container(container)
    except docker.errors.NotFound:
        return False
    return True


def gone(containers: Collection[str], host: str | None = None) -> None:
    """None of these is left, at the latest after `GONE_S`, whatever else their owner has meanwhile."""
    until(lambda: not cells(host) & set(containers), seconds=GONE_S, what="cells are removed")


def none_left(host: str | None = None, *, pid: int | None = None) -> None:
    """No container of the process is left, at the latest after `GONE_S`."""
    deadline = time.monotonic() + GONE_S
    while left := cells(host, pid=pid):
        assert time.monotonic() < deadline, f"left after {GONE_S:g} s: {sorted(left)}"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds.

    Attributes:
        descriptors: open ones.
        threads: those that Python knows.
        tasks: those that the kernel knows.
        memory: resident bytes.
    """

    descriptors: int
    threads: int
    tasks: int
    memory: int

    @classmethod
    def now(cls) -> Held:
        """As it is."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
            threads=threading.active_count(),
            tasks=sum(1 for _ in Path("/proc/self/task").iterdir()),
            memory=pages * os.sysconf("SC_PAGE_SIZE"),
        )


@dataclass(slots=True)
class Growth:
    """Whether something grows over the rounds of a drill.

    Call `sample` after each round. The first `warm` rounds may grow: pools of threads and caches fill then.
    """

    warm: int = 2
    samples: list[Held] = field(default_factory=list)

    def sample(self) -> None:
        """Look at what is held, when it is calm: what is being done in the background is no growth."""
        held = Held.now()
        least = min((sample.descriptors for sample in self.samples), default=held.descriptors)
        deadline = time.monotonic() + _CALM_S
        while held.descriptors > least + _STIR and time.monotonic() < deadline:
            time.sleep(0.02)
            held = Held.now()
        self.samples.append(held)

    def check(self, *, memory: int = 4 * MiB, count: int = 2) -> None:
        """Compare the medians of the first and of the last third; less than these is no growth."""
        settled = self.samples[self.warm :]
        if len(settled) < _FEWEST:
            return  # the short count of a drill; growth is the soak's to see
        third = max(len(settled) // 3, 1)
        for one in fields(Held):
            first = _median(settled[:third], one.name)
            last = _median(settled[-third:], one.name)
            allowed = {"memory": memory, "descriptors": max(count, _KEPT)}.get(one.name, count)
            seen = [getattr(sample, one.name) for sample in self.samples]
            assert last - first <= allowed, f"{one.name} grew from {first:g} to {last:g}: {seen}"


def _median(samples: Sequence[Held], name: str) -> float:
    return statistics.median(getattr(sample, name) for sample in samples)
