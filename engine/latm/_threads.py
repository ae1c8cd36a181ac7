"""Blocking work in worker threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: object, abandon: bool = False) -> T:
    """Run a function in a worker thread.

    Args:
        function: what to run.
        args: its arguments.
        abandon: whether a caller that is cancelled goes on at once and leaves the thread to itself. Not for
            what writes: its caller must know that it is written.
    """
    return await anyio.to_thread.run_sync(function, *args, abandon_on_cancel=abandon)
