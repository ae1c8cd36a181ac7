"""How a call comes to a cell: from a task of the event loop, or from a thread past it."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import anyio

from latm_sandbox._cell import IN_THREAD, Cell
from latm_sandbox._interrupts import Waiting
from latm_sandbox._limits import Limits, PoolPolicy
from latm_sandbox._pool import PATIENCE_S, Pool
from latm_sandbox._program import Program
from latm_sandbox._stream import StreamJail
from latm_sandbox._wire import Reply

Answer = Callable[[bytes], Awaitable[bytes]]


class Caller(Protocol):
    """Whoever takes cells out of a pool, one at a time."""

    policy: PoolPolicy

    async def acquire(self, program: Program, wait_s: float) -> Cell:
        """A cell for one call, to be released or discarded; waited for as long as that.

        Raises:
            SandboxBusy: the queue is full, or the wait was longer than `wait_s`.
            SandboxUnavailable: no cell can be started, or none has while the call waited.
        """
        ...

    async def call(
        self, cell: Cell, body: bytes, limits: Limits, answer: Answer | None
    ) -> tuple[Reply, float]:
        """The reply of a cell; see `Cell.call`."""
        ...

    def release(self, cell: Cell, *, reusable: bool) -> None:
        """Give the cell back."""
        ...

    def discard(self, cell: Cell) -> None:
        """Have the cell destroyed."""
        ...


class TaskCaller:
    """A task."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.policy = pool.policy
        self.release = pool.release
        self.discard = pool.discard

    async def acquire(self, program: Program, wait_s: float) -> Cell:
        """Wait for a cell."""
        event = anyio.Event()
        got = self._pool.enter(program, event)
        if isinstance(got, Cell):
            return got
        limit = self._pool.clock.limit
        try:
            with limit(min(wait_s, PATIENCE_S)):
                await event.wait()
            if not event.is_set() and wait_s > PATIENCE_S:
                self._pool.delay(got)
                with limit(wait_s - PATIENCE_S):
                    await event.wait()
        except BaseException:
            self._pool.give_up(got)
            raise
        return self._pool.served(got)

    async def call(
        self, cell: Cell, body: bytes, limits: Limits, answer: Answer | None
    ) -> tuple[Reply, float]:
        """Wait for the reply."""
        return await cell.call(body, limits, answer)


class ThreadCaller:
    """A thread that is not the loop's. Nothing here is ever suspended.

    Args:
        pool: it has been opened for threads.
        in_loop: runs a coroutine function in the loop and returns its result.
    """

    def __init__(self, pool: Pool, in_loop: Callable[..., Any]) -> None:
        self._pool = pool
        self.policy = pool.policy
        self._in_loop = in_loop
        self.release = pool.release
        self.discard = pool.discard

    async def acquire(self, program: Program, wait_s: float) -> Cell:
        """Block until there is a cell."""
        event = threading.Event()
        got = self._pool.enter(program, event)
        if isinstance(got, Cell):
            return got
        try:
            with Waiting():
                event.wait(min(wait_s, PATIENCE_S))
            if not event.is_set() and wait_s > PATIENCE_S:
                self._pool.delay(got)
                with Waiting():
                    event.wait(min(wait_s - PATIENCE_S, threading.TIMEOUT_MAX))
        except BaseException:
            self._pool.give_up(got)
            raise
        return self._pool.served(got)

    async def call(
        self, cell: Cell, body: bytes, limits: Limits, answer: Answer | None
    ) -> tuple[Reply, float]:
        """Block until there is a reply."""
        if isinstance(cell.jail, StreamJail):
            return await cell.call(body, limits, answer, IN_THREAD)
        reply: tuple[Reply, float] = self._in_loop(cell.call, body, limits)
        return reply
