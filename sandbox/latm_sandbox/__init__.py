r"""Run untrusted Python in isolated cells.

::

    with Sandbox() as sandbox:
        outcome = sandbox.call(Program("def add(a, b):\n    return a + b"), 1, 2)
        assert outcome.value == 3

Importing this package imports no Docker SDK, opens nothing and reads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latm_sandbox._images import Image
from latm_sandbox._launcher import CellSpec, Finding, Jail, Launcher, LauncherOptions, LauncherSpec
from latm_sandbox._limits import KiB, Limits, MiB, PoolPolicy
from latm_sandbox._outcome import Outcome, ProgramError, Status, TestReport
from latm_sandbox._program import Program
from latm_sandbox.errors import (
    ImageError,
    LaunchFailed,
    LimitsError,
    SandboxBusy,
    SandboxClosed,
    SandboxError,
    SandboxUnavailable,
)

if TYPE_CHECKING:
    from latm_sandbox._sandbox import AsyncSandbox
    from latm_sandbox._sync import Sandbox

__all__ = [
    "AsyncSandbox",
    "CellSpec",
    "Finding",
    "Image",
    "ImageError",
    "Jail",
    "KiB",
    "LaunchFailed",
    "Launcher",
    "LauncherOptions",
    "LauncherSpec",
    "Limits",
    "LimitsError",
    "MiB",
    "Outcome",
    "PoolPolicy",
    "Program",
    "ProgramError",
    "Sandbox",
    "SandboxBusy",
    "SandboxClosed",
    "SandboxError",
    "SandboxUnavailable",
    "Status",
    "TestReport",
]


def __getattr__(name: str) -> Any:
    """The two sandboxes bring an event loop; who only names a `LauncherSpec` does not pay for it."""
    if name == "AsyncSandbox":
        from latm_sandbox._sandbox import AsyncSandbox

        return AsyncSandbox
    if name == "Sandbox":
        from latm_sandbox._sync import Sandbox

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
