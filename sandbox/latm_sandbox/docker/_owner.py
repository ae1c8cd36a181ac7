"""Whose a container is, and whether that owner is provably dead.

A container carries its owner's machine, process-id namespace, boot, process id and the start time of that
process. Only an owner of this machine and this namespace can be judged from here; of all others nothing is
known, so they are left alone.
"""

from __future__ import annotations

import functools
import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

LABEL: Final = "io.latm.sandbox"
_PROC: Final = Path("/proc")


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


@functools.cache
def _host() -> str:
    """This machine and this view of its processes."""
    machine = _read("/etc/machine-id") or f"{uuid.getnode():x}"
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return hashlib.sha256(f"{machine} {space}".encode()).hexdigest()[:16]


@functools.cache
def _boot() -> str:
    return _read("/proc/sys/kernel/random/boot_id")


def _started(pid: int) -> str | None:
    """When the process began, in ticks since boot; None when there is no such process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name of the process stands in parentheses and may hold anything; field 22 is the start time.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def labels() -> dict[str, str]:
    """Labels that say that a container is this process's."""
    pid = os.getpid()
    return {
        LABEL: "cell",
        f"{LABEL}.host": _host(),
        f"{LABEL}.boot": _boot(),
        f"{LABEL}.pid": str(pid),
        f"{LABEL}.started": _started(pid) or "",
    }


def is_dead(found: Mapping[str, str]) -> bool:
    """Whether the owner that these labels name is certainly gone."""
    if found.get(LABEL) != "cell" or found.get(f"{LABEL}.host") != _host():
        return False
    if not _boot() or not found.get(f"{LABEL}.boot"):
        return False
    if found[f"{LABEL}.boot"] != _boot():
        return True
    pid, started = found.get(f"{LABEL}.pid", ""), found.get(f"{LABEL}.started", "")
    if not pid.isdecimal() or not started:
        return False
    return _started(int(pid)) != started


def mark() -> str:
    """The same of this process in a name, for what has no labels."""
    pid = os.getpid()
    return f"{_host()}-{pid}-{_started(pid) or ''}"


def is_dead_mark(found: str) -> bool:
    """Whether the owner that a mark names is certainly gone; of an earlier boot nobody has its start time."""
    host, _, process = found.partition("-")
    pid, _, started = process.partition("-")
    names = {LABEL: "cell", f"{LABEL}.host": host, f"{LABEL}.boot": _boot()}
    return is_dead({**names, f"{LABEL}.pid": pid, f"{LABEL}.started": started})
