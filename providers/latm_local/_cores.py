"""Small matrices on one core.

BLAS gives each product a thread for every core. For matrices as small as ours these wait for one another: on
a busy machine of two cores a sentence took ten times the work, and a training twice the time.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_core() -> AbstractContextManager[object]:
    """Keep BLAS to one thread within the block.

    The limit is the process's. While another thread has set one, that stays: threadpoolctl sees to it, from
    3.8 on, that nobody gives back what is not his.
    """
    known = _controller(scipy="scipy.linalg" in sys.modules)
    limit: AbstractContextManager[object] = known.limit(limits=1, user_api="blas")
    return limit


@cache
def _controller(*, scipy: bool) -> Any:
    """What knows the libraries that are loaded; finding them takes longer than a sentence does.

    Args:
        scipy: whether scipy's own is among them by now.
    """
    del scipy
    return importlib.import_module("threadpoolctl").ThreadpoolController()
