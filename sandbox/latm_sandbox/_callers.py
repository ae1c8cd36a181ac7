"""How a call comes to a cell: from a task of the event loop, or from a thread past it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from latm_sandbox._cell import IN_THREAD, Cell
from latm_sandbox._limits import Limits, PoolPolicy
from latm_sandbox._pool import Pool
from latm_sandbox._program import Program
from latm_sandbox._stream import StreamJail
from latm_sandbox._wire import Reply

Answer = Callable[[bytes], Awaitable[bytes]]


class Caller(Protocol):
    """Whoever takes cells out of a pool, one at a time."""

    policy: PoolPolicy

    async def acquire(self, program: Program, wait_s: float) -> Cell:
        """A cell; see `Pool.acquire`."""
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
        return await self._pool.acquire(program, wait_s)

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
        return self._pool.acquire_in_thread(program, wait_s)

    async def call(
        self, cell: Cell, body: bytes, limits: Limits, answer: Answer | None
    ) -> tuple[Reply, float]:
        """Block until there is a reply."""
        if isinstance(cell.jail, StreamJail):
            return await cell.call(body, limits, answer, IN_THREAD)
        reply: tuple[Reply, float] = self._in_loop(cell.call, body, limits)
        return reply
