"""What the interpreter of a cell is started with: its arguments and its environment."""

from __future__ import annotations

import re
from typing import Final

from latm_sandbox import guest
from latm_sandbox._launcher import CellSpec
from latm_sandbox._limits import Limits

_ARGUMENTS: Final = ("-S", "-s", "-B", "-c", guest.BOOTSTRAP)  # not -I, which ignores the hash seed
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108 - the cell's own
    "LANG": "C.UTF-8",
    # Else every child resolves the interpreter's symbols anew, and dirties the pages that hold them.
    "LD_BIND_NOW": "1",
    # A pool of threads for each core runs into the limit of processes; there is one caller anyway.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}
_MOST: Final = (1 << 32) - 1  # of a hash seed, see PYTHONHASHSEED
_NAME: Final = r"(?:[A-Za-z]{3,10}|<[A-Za-z0-9+-]{3,10}>)"
_OFFSET: Final = r"[+-]?\d{1,2}(?::\d{2}){0,2}"
_DATE: Final = r"(?:M\d{1,2}\.\d\.\d|J?\d{1,3})(?:/[+-]?\d{1,3}(?::\d{2}){0,2})?"
# As POSIX writes a time zone: that needs no file, and a cell has none of a zone.
_ZONE: Final = re.compile(rf"UTC|{_NAME}{_OFFSET}(?:{_NAME}(?:{_OFFSET})?(?:,{_DATE},{_DATE})?)?")


def cell_spec(limits: Limits, *, hash_seed: int = 0, time_zone: str = "UTC") -> CellSpec:
    """What a launcher is to start.

    Raises:
        ValueError: seed or zone is none.
    """
    if type(hash_seed) is not int or not 0 <= hash_seed <= _MOST:
        raise ValueError(f"hash_seed: a whole number from 0 to {_MOST} is wanted, not {hash_seed!r}")
    if _ZONE.fullmatch(str(time_zone)) is None:
        raise ValueError(
            f"time_zone: {time_zone!r} is not written as POSIX does: UTC, JST-9, CET-1CEST,M3.5.0,M10.5.0/3; "
            "a name such as Europe/Berlin needs a file, and cells have none"
        )
    environment = {**_ENVIRONMENT, "TZ": time_zone, "PYTHONHASHSEED": str(hash_seed)}
    return CellSpec(arguments=_ARGUMENTS, limits=limits, environment=environment)
