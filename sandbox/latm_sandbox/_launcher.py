"""The seam between the sandbox and whatever can start a cell.

A launcher starts a Python interpreter in a jail and hands on its stdin and stdout as a stream of bytes.
Nothing else is asked of it: the protocol, the pool and the limits of a call are the sandbox's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from latm_sandbox._images import Image
from latm_sandbox._limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that `check` looked at.

    Attributes:
        name: what was looked at.
        ok: whether it is as it must be.
        detail: what was found.
        remedy: the command or step that mends it; empty when ok.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSpec:
    """What a launcher is asked to start.

    Attributes:
        arguments: what follows the interpreter on its command line. The program there reads its own source
            from stdin, speaks on stdout, and complains on stderr.
        limits: memory, processes and scratch of the cell.
        environment: the environment of the interpreter, whole.
    """

    arguments: tuple[str, ...]
    limits: Limits
    environment: Mapping[str, str]


@runtime_checkable
class Jail(Protocol):
    """One running interpreter, jailed. Owned by one caller at a time."""

    @property
    def id(self) -> str:
        """How the launcher calls it."""
        ...

    async def send(self, data: bytes) -> None:
        """Write all of `data` to its stdin.

        Raises:
            OSError: it is gone.
        """
        ...

    async def receive(self) -> bytes:
        """The next bytes from its stdout, at most 1 MiB; empty when there will be none.

        Raises:
            OSError: the stream broke.
        """
        ...

    def abandon(self) -> None:
        """Let go of the stream at once, without waiting: an honest guest ends by itself then."""
        ...

    async def destroy(self) -> str:
        """Make certain that no process of it is left; what it last complained of, bounded, for people."""
        ...


@runtime_checkable
class Launcher(Protocol):
    """Starts jails. May be used by several tasks at once."""

    async def prepare(self) -> None:
        """Do what every launch needs, such as building an image. Called again, it returns at once.

        Raises:
            SandboxUnavailable: nothing can be started here; says what mends it.
        """
        ...

    async def launch(self, spec: CellSpec) -> Jail:
        """Start one jail. When cancelled, it leaves none behind.

        Raises:
            LaunchFailed: this one did not start.
            SandboxUnavailable: none will.
        """
        ...

    async def check(self) -> tuple[Finding, ...]:
        """What a person should know about this launcher here. Raises nothing."""
        ...

    async def aclose(self) -> None:
        """Let go of what is held. May be called twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherOptions:
    """What the sandbox tells a launcher when it creates it.

    Attributes:
        image: the image that was asked for; None is the launcher's default. Launchers without images refuse.
        extra: the launcher's own options, unread by the sandbox.
    """

    image: Image | str | None = None
    extra: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherSpec:
    """A way to start cells, as a plugin offers it.

    Attributes:
        name: as the user chooses it: ``Sandbox(launcher="docker")``.
        create: makes the launcher; what it needs is imported here, not before.
        summary: one line for people.
    """

    name: str
    create: Callable[[LauncherOptions], Launcher]
    summary: str = ""
