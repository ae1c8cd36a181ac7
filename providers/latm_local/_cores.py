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

_taken = threading.Lock()


@contextmanager
def one_core() -> Generator[None, None, None]:
    """Keep BLAS to one thread within the block.

    The limit is the process's, and threadpoolctl lets only the thread that set OpenBLAS's lift it. Of several
    threads the first sets it, and gives the cores back when it goes; the others set nothing, and may have all
    cores for the rest of their way.
    """
    if not _taken.acquire(blocking=False):
        yield
        return
    try:
        with _controller(scipy="scipy.linalg" in sys.modules).limit(limits=1, user_api="blas"):
            yield
    finally:
        _taken.release()


@cache
def _controller(*, scipy: bool) -> Any:
    """What knows the libraries that are loaded; finding them takes longer than a sentence does.

    Args:
        scipy: whether scipy's own is among them by now.
    """
    del scipy
    return importlib.import_module("threadpoolctl").ThreadpoolController()
