"""Blocking work in worker threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *args: object) -> T:
    """Run a function of the library in a worker thread; not abandoned when cancelled, it may be writing."""
    return await anyio.to_thread.run_sync(function, *args)
