"""Small matrices on one core.

BLAS gives each product a thread for every core. For matrices as small as ours these wait for one another: on
a busy machine of two cores a sentence took ten times the work, and a training twice the time.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

_lock = threading.Lock()
_within: list[Any] = []
"""The limit that holds, once for each thread within a block."""


@contextmanager
def one_core() -> Generator[None, None, None]:
    """Keep BLAS to one thread within the block.

    The limit is the process's, so the first thread that comes sets it, and the last that goes gives the cores
    back: what each of several finds when it comes may be another's limit.
    """
    with _lock:
        if not _within:
            known = _controller(scipy="scipy.linalg" in sys.modules)
            _within.append(known.limit(limits=1, user_api="blas"))
        else:
            _within.append(_within[0])
    try:
        yield
    finally:
        with _lock:
            limit = _within.pop()
            if not _within:
                limit.restore_original_limits()


@cache
def _controller(*, scipy: bool) -> Any:
    """What knows the libraries that are loaded; finding them takes longer than a sentence does.

    Args:
        scipy: whether scipy's own is among them by now.
    """
    del scipy
    return importlib.import_module("threadpoolctl").ThreadpoolController()
