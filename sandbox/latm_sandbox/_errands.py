"""What threads want done in an event loop that is not theirs."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

Ring = Callable[[Callable[[], object]], object]
"""Runs a function in an event loop, from any thread; RuntimeError when that loop has ended."""


class Errands:
    """A queue of functions to be called in the loop.

    Args:
        group: of that loop; this is created there.
        ring: how to reach it. Without it there are no other threads.
    """

    def __init__(self, group: TaskGroup, ring: Ring | None) -> None:
        self._ring = ring
        self._thread = threading.get_ident()
        self._bell = anyio.Event()
        self._errands: deque[Callable[[], object]] = deque()
        self._scope = anyio.CancelScope()
        if ring is not None:
            group.start_soon(self._run)

    @property
    def for_threads(self) -> bool:
        """Whether other threads than the loop's are expected."""
        return self._ring is not None

    def is_elsewhere(self) -> bool:
        """Whether this is another thread than the loop's."""
        return self._ring is not None and threading.get_ident() != self._thread

    def send(self, errand: Callable[[], object]) -> None:
        """Have it done soon. Where the loop has ended nothing is left to be done."""
        assert self._ring is not None
        self._errands.append(errand)
        with contextlib.suppress(RuntimeError):
            self._ring(self._answer)

    def close(self) -> None:
        """Do no more of them. To be called in the loop."""
        self._scope.cancel()

    def _answer(self) -> None:
        self._bell.set()

    async def _run(self) -> None:
        # In a task: not all that is wanted works in a callback of the loop.
        with self._scope:
            while True:
                await self._bell.wait()
                self._bell = anyio.Event()
                while self._errands:
                    self._errands.popleft()()
