"""Hold a task's lease, renew it as long as the work lasts, and stop the work when another has taken it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from latm._threads import in_thread
from latm.errors import LatmError, LeaseLost

if TYPE_CHECKING:
    from latm.library import Busy, Lease, Library

LEASE_S = 30.0
"""How long a lease lasts without being renewed: what a host may take to wake up, or to lose."""

_RENEWALS = 3  # in the time of one lease
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.02, 0.5


@asynccontextmanager
async def holding(
    library: Library, task: str, *, fingerprint: str, ttl_s: float
) -> AsyncGenerator[Lease | Busy, None]:
    """The task's lease, renewed within the block and given back behind it; or who has it.

    Args:
        library: where leases are.
        task: the task's name.
        fingerprint: of the making that it is for; "" where that is not known yet.
        ttl_s: how long the lease lasts without being renewed.

    Raises:
        LeaseLost: another took the lease before the block was done; the block is cancelled then.
    """
    from latm.library import Busy, new_holder

    got = await in_thread(lambda: library.acquire(task, new_holder(), fingerprint=fingerprint, ttl_s=ttl_s))
    if isinstance(got, Busy):
        yield got
        return
    scope = anyio.CancelScope()
    beats = anyio.create_task_group()
    try:
        await beats.__aenter__()
        try:
            beats.start_soon(_renew, library, got, scope)
            with scope:
                yield got
        finally:
            # Told of no exception: a task group would wrap what the block raised.
            beats.cancel_scope.cancel()
            await beats.__aexit__(None, None, None)
    finally:
        with anyio.CancelScope(shield=True), suppress(LatmError):
            await in_thread(library.release, got)
    if scope.cancelled_caught:
        raise LeaseLost(task=got.task, ttl_s=ttl_s)


async def _renew(library: Library, lease: Lease, scope: anyio.CancelScope) -> None:
    while True:
        await anyio.sleep(lease.ttl_s / _RENEWALS)
        try:
            kept = await in_thread(library.renew, lease)
        except LatmError:
            continue  # the database is away for a moment; nothing can be stored under a lease that is lost
        if not kept:
            scope.cancel()
            return


class Patience:
    """How long to wait until the next look at a lease that another has."""

    def __init__(self) -> None:
        self._next_s = _FIRST_LOOK_S

    async def wait(self) -> None:
        """Wait a little longer each time, up to half a second."""
        await anyio.sleep(self._next_s)
        self._next_s = min(self._next_s * 1.5, _LONGEST_LOOK_S)
