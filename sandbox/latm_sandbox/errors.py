"""Every error that latm_sandbox raises, as one tree.

SandboxError
├── SandboxUnavailable     the launcher cannot work here: no daemon, no rights; says the command that mends it
│   ├── ImageError         the image is absent, cannot be built, or lacks what a cell needs
│   └── LaunchFailed       the launcher works, yet this cell did not start or went away before the call began
├── SandboxBusy            every cell is busy and the queue is full, or the wait was too long
├── SandboxClosed          used before it was entered, after it was closed, or in a forked process
└── LimitsError            a limit is no sensible number, or a call asks for more than its sandbox has (field)

What a *program* does wrong is never an exception: it is an `Outcome`.
"""

from __future__ import annotations

__all__ = [
    "ImageError",
    "LaunchFailed",
    "LimitsError",
    "SandboxBusy",
    "SandboxClosed",
    "SandboxError",
    "SandboxUnavailable",
]


class SandboxError(Exception):
    """The root: `except SandboxError` catches all that the sandbox itself can complain of."""


class SandboxUnavailable(SandboxError):  # noqa: N818 - the contract's name
    """Nothing can be run here, and trying again will not help until someone acts.

    Args:
        message: what is wrong.
        remedy: the command or step that mends it; empty where none is known.

    Attributes:
        remedy: as given.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(f"{message}: {remedy}" if remedy else message)
        self.remedy = remedy


class ImageError(SandboxUnavailable):
    """The image of the cells is absent, cannot be built, or lacks what a cell needs."""


class LaunchFailed(SandboxUnavailable):
    """A cell did not start, or was gone before the call began."""


class SandboxBusy(SandboxError):  # noqa: N818 - says what it is
    """Every cell is busy. The call was not started.

    Attributes:
        waiting: how many calls were waiting at that moment.
        waited_s: how long this one had waited, in seconds.
    """

    def __init__(self, message: str, *, waiting: int, waited_s: float) -> None:
        super().__init__(message)
        self.waiting = waiting
        self.waited_s = waited_s


class SandboxClosed(SandboxError):  # noqa: N818 - the contract's name
    """The sandbox is not open here: not entered yet, closed, or carried into a forked process."""


class LimitsError(SandboxError, ValueError):
    """A limit is no sensible number, or asks for more than the sandbox has.

    Attributes:
        field: the name of the limit.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
