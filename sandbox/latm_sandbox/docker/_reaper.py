"""Removes what could not be removed when its time had come, because the engine was away or did not answer.

Cells are known by the names that we give them, so that one is found even when the answer to its creation, and
with it the engine's id, was lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import docker.errors
import requests

from latm_sandbox.docker._engine import ANSWER_S, connect, remove, within
from latm_sandbox.errors import SandboxError

_FIRST_S: Final = 0.25
_MOST_S: Final = 4.0  # between two looks at an engine that is away
_UNSURE_S: Final = 60.0
"""Seconds in which an engine may still make a container whose creation it has not answered."""

# What was left when a launcher closed, by engine: the next launcher of this process takes it over. Were the
# process to end before, the sweep of another one finds that the owner is dead.
_ORPHANS: dict[str, dict[str, float]] = {}
_ORPHANS_LOCK: Final = threading.Lock()


class Reaper:
    """Tries again, in a thread that lives only as long as there is something left.

    Args:
        address: where the engine is, as the SDK takes it.
    """

    def __init__(self, address: Mapping[str, Any]) -> None:
        self._address = dict(address)
        self._engine = str(address.get("base_url"))
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        with _ORPHANS_LOCK:
            # By name, until when "no such container" may yet turn out to be early.
            self._left = _ORPHANS.pop(self._engine, {})
        if self._left:
            self._start()

    def leave(self, name: str, *, unsure: bool = False) -> None:
        """Have a container removed as soon as the engine can.

        Args:
            name: the container's.
            unsure: whether the engine may still be making it.
        """
        with self._lock:
            self._left[name] = time.monotonic() + _UNSURE_S if unsure else 0.0
            if self._closing:
                self._bequeath()
            elif self._thread is None:
                self._start()
        self._wake.set()

    def close(self, seconds: float) -> None:
        """Try a last time, for so many seconds, and leave the rest to the next launcher."""
        with self._lock:
            self._closing = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(seconds)
        with self._lock:
            self._bequeath()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._live, name="latm-reaper", daemon=True)
        self._thread.start()

    def _bequeath(self) -> None:
        if self._left:
            with _ORPHANS_LOCK:
                _ORPHANS.setdefault(self._engine, {}).update(self._left)
            self._left = {}

    def _live(self) -> None:
        pause = _FIRST_S
        while True:
            last = self._closing
            self._wake.clear()
            removed = self._pass()
            with self._lock:
                if last or not self._left:
                    self._thread = None
                    return
            pause = _FIRST_S if removed else min(pause * 2, _MOST_S)
            self._wake.wait(pause)

    def _pass(self) -> bool:
        """Try all once; whether any is settled."""
        settled = False
        try:
            with within(ANSWER_S):
                client = connect(ANSWER_S, self._address)
        except SandboxError:
            return False
        try:
            for name in list(self._left):
                try:
                    with within(ANSWER_S):
                        remove(client, name)
                except docker.errors.DockerException:
                    continue
                with self._lock:
                    if self._left.get(name, 0.0) <= time.monotonic():
                        self._left.pop(name, None)
                        settled = True
        except requests.RequestException:
            pass
        finally:
            client.close()
        return settled
