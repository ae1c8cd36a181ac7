"""Who holds a lease, and whether that process is certainly dead.

Only a process of this machine's boot and of this namespace of process ids can be judged from here. Of all
others nothing is known: their leases end by time.
"""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def new_holder() -> str:
    """A name for a holder in this process, different each time."""
    pid = os.getpid()
    return " ".join((_place() or "-", str(pid), _started(pid) or "-", os.urandom(8).hex()))


def is_dead(holder: str) -> bool:
    """Whether the process that the name is of is certainly gone."""
    parts = holder.split(" ")
    if len(parts) != 4 or "-" in parts or not parts[1].isdecimal():  # noqa: PLR2004 - as `new_holder` writes
        return False
    place, pid, started, _ = parts
    return place == _place() and _started(int(pid)) != started


def _place() -> str | None:
    """This boot of this machine, and this view of its processes."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        space = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return None
    return f"{boot}/{space}"


def _started(pid: int) -> str | None:
    """When a process began, in ticks since boot; None where there is none."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name of the process stands in parentheses and may hold anything; field 22 is the start time.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
