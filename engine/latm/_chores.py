"""Work in the background: makings, audits and counts that no caller waits for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import final

import anyio
from anyio.abc import TaskGroup

from latm._events import Events


@final
class Chores:
    """What runs in the background of an open engine; ends with it.

    Args:
        tasks: where it runs.
        events: who is told of a chore that failed: nobody else could be.
    """

    def __init__(self, tasks: TaskGroup, events: Events) -> None:
        self._tasks = tasks
        self._events = events
        self._running = 0
        self._done = anyio.Event()

    @property
    def running(self) -> int:
        """How many there are."""
        return self._running

    def start(self, name: str, work: Callable[[], Awaitable[object]], *, awaited: bool = True) -> None:
        """Begin a chore.

        Args:
            name: for the event that tells of its failure.
            work: what to do.
            awaited: whether `settled` waits for it.
        """
        self._running += awaited
        self._tasks.start_soon(self._run, name, work, awaited)

    async def settled(self) -> None:
        """Wait until none is left, those included that others have begun."""
        while self._running:
            await self._done.wait()

    async def _run(self, name: str, work: Callable[[], Awaitable[object]], awaited: bool) -> None:  # noqa: FBT001 - start_soon passes by place
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - one that failed must not end the others, nor the engine
            self._events.tell("background.failed", chore=name, error=f"{type(error).__name__}: {error}")
        finally:
            self._running -= awaited
            self._done.set()
            self._done = anyio.Event()
