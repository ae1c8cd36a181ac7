"""What a call is told that gets no cell."""

from __future__ import annotations

import copy

from latm_sandbox.errors import LaunchFailed, SandboxBusy, SandboxError


def none_started(seconds: float) -> LaunchFailed:
    """No cell has said hello within `seconds`."""
    return LaunchFailed(f"no cell started within {seconds:g} s", remedy="run `latm doctor`")


def none_free(seconds: float, *, waiting: int, waited_s: float) -> SandboxBusy:
    """All cells were busy for `seconds`."""
    return SandboxBusy(f"no cell became free within {seconds:g} s", waiting=waiting, waited_s=waited_s)


def queue_full(cells: int, *, waiting: int) -> SandboxBusy:
    """As many wait as may."""
    text = f"of {cells} cells none is free, and {waiting} calls wait already"
    return SandboxBusy(text, waiting=waiting, waited_s=0.0)


def another(error: SandboxError) -> SandboxError:
    """One to raise for each who is told: a single one would collect the tracebacks of them all."""
    try:
        told = copy.copy(error)
    except Exception:  # noqa: BLE001 - a launcher's own class of errors
        return error
    told.__cause__ = error
    return told
