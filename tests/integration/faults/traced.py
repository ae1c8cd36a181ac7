"""A sandbox whose containers are known by name from the moment that the engine is asked for them.

Other sandboxes of this process have cells of their own, which come and go at any time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.utils import kwargs_from_env

from integration.faults import drill
from latm_sandbox import LauncherSpec, Outcome
from latm_sandbox._launcher import CellSpec, LauncherOptions
from latm_sandbox.docker._launcher import DockerLauncher, _Attempt
from latm_sandbox.docker._owner import LABEL


class Trace:
    """Give `options` to a sandbox; then this knows its cells, by what it says and by what the engine says.

    Attributes:
        names: of every container that was ever asked for.
        events: what the sandbox told.
        most: cells that there were at once, by the events.
    """

    def __init__(self, transport: str = "auto") -> None:
        self.names: set[str] = set()
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        spec = LauncherSpec(name="docker", create=lambda options: _Traced(options, self.names))
        self.options: dict[str, Any] = {
            "launchers": (spec,),
            "launcher_options": {"transport": transport},
            "on_event": self._hear,
        }

    def _hear(self, name: str, about: Mapping[str, Any]) -> None:
        with self._lock:
            self.events.append((name, about))
            self._now += {"cell_started": 1, "cell_destroyed": -1}.get(name, 0)
            self.most = max(self.most, self._now)

    def said(self, name: str) -> int:
        """How often the sandbox told this."""
        return sum(told == name for told, _ in self.events)

    def there(self) -> set[str]:
        """Names of those that the engine still has."""
        with engine() as client:
            found = client.containers(all=True, filters={"label": f"{LABEL}=cell"})
        return {name.removeprefix("/") for one in found for name in one["Names"]} & self.names

    def gone(self) -> None:
        """None is left, at the latest after ten seconds."""
        drill.until(lambda: not self.there(), seconds=drill.GONE_S, what="all cells are removed")


class engine:  # noqa: N801 - used as a function
    """A client of the engine in use."""

    def __enter__(self) -> docker.APIClient:
        self._client = docker.APIClient(**kwargs_from_env(), version="auto", timeout=30)
        return self._client

    def __exit__(self, *_exc: object) -> None:
        self._client.close()


class _Traced(DockerLauncher):
    def __init__(self, options: LauncherOptions, names: set[str]) -> None:
        super().__init__(options)
        self._names = names

    def _start(self, spec: CellSpec, attempt: _Attempt) -> None:
        self._names.add(attempt.name)
        super()._start(spec, attempt)


def children(pid: int) -> list[int]:
    """Ids of the processes that a process has started, by any of its threads."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(number) for file in found for number in file.read_text().split()]


def end(pids: Iterable[int]) -> None:
    """End these."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def container_of(outcome: Outcome) -> str:
    """The short id of the container that ran it."""
    return outcome.cell.removeprefix("docker:")


def works(call: Any, *args: object, expected: object) -> Outcome:
    """A call after a fault gives its value, and soon."""
    begun = time.monotonic()
    outcome: Outcome = call(*args)
    assert outcome.ok, outcome
    assert outcome.value == expected
    assert time.monotonic() - begun < drill.MARGIN_S
    return outcome
