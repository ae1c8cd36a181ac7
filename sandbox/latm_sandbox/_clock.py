"""Time, as the pool and its cells see it: seconds that only ever grow, whatever is done to the wall clock."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

import anyio


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Seconds since a moment that means nothing; never less than before."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after that long."""
        ...

    def limit(self, seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
        """A scope that is cancelled after that long, and says so in its `cancelled_caught`."""
        ...

    def restart(self, scope: anyio.CancelScope, seconds: float) -> None:
        """Give a scope that `limit` made another time, counted from now."""
        ...


class _Monotonic:
    """The real one."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def limit(self, seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
        return anyio.move_on_after(seconds, shield=shield)

    def restart(self, scope: anyio.CancelScope, seconds: float) -> None:
        scope.deadline = anyio.current_time() + seconds


MONOTONIC: Final[Clock] = _Monotonic()
"""What is used unless a test brings its own."""


@contextmanager
def deadline(clock: Clock, seconds: float) -> Generator[anyio.CancelScope]:
    """A scope that ends in TimeoutError when it takes longer than that."""
    with clock.limit(seconds) as scope:
        yield scope
    if scope.cancelled_caught:
        raise TimeoutError
