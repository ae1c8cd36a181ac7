"""Time that passes only when someone says so."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import anyio
import anyio.lowlevel

_ROUNDS = 40  # steps of the event loop in which everything that can happen without time has happened


async def settle() -> None:
    """Let every task run until it waits for time, or for the test."""
    for _ in range(_ROUNDS):
        await anyio.lowlevel.checkpoint()


class FakeClock:
    """A `latm_sandbox._clock.Clock`."""

    def __init__(self) -> None:
        self.time = 1000.0
        self._due: dict[anyio.CancelScope, float] = {}

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        with self.limit(seconds):
            await anyio.sleep_forever()

    @contextmanager
    def limit(self, seconds: float, *, shield: bool = False) -> Generator[anyio.CancelScope, None, None]:
        with anyio.CancelScope(shield=shield) as scope:
            self._due[scope] = self.time + seconds
            if seconds <= 0:
                scope.cancel()
            try:
                yield scope
            finally:
                del self._due[scope]

    def restart(self, scope: anyio.CancelScope, seconds: float) -> None:
        self._due[scope] = self.time + seconds

    async def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever something is due on the way."""
        until = self.time + seconds
        await settle()
        while due := [at for scope, at in self._due.items() if not scope.cancel_called and at <= until]:
            self.time = max(self.time, min(due))
            for scope, at in list(self._due.items()):
                if at <= self.time:
                    scope.cancel()
            await settle()
        self.time = until
        await settle()
