"""The beginning and the end of a cell's life."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any, Final

from latm_sandbox._cell import Cell
from latm_sandbox._clock import Clock
from latm_sandbox._launcher import CellSpec, Jail, Launcher
from latm_sandbox._refusals import none_started
from latm_sandbox._stream import StreamJail
from latm_sandbox.errors import LaunchFailed, SandboxError

_BOOT_S: Final = 1.0  # for a guest to say hello where the start of its jail took all the time

Event = Callable[..., None]


def no_event(_name: str, /, **_fields: Any) -> None:
    """Nobody listens."""


class Starter:
    """Starts blank cells of one launcher and sees to the end of cells.

    Args:
        name: the launcher's.
        launcher: what makes jails.
        spec: what each cell is.
        start_s: seconds that a start may take.
        event: is told of every start and end.
        clock: where time comes from.
    """

    def __init__(
        self,
        name: str,
        launcher: Launcher,
        spec: CellSpec,
        *,
        start_s: float,
        event: Event,
        clock: Clock,
    ) -> None:
        self._name = name
        self._launcher = launcher
        self._spec = spec
        self._start_s = start_s
        self._event = event
        self._clock = clock

    async def prepare(self) -> None:
        """Have the launcher do what every start needs.

        Raises:
            SandboxError: it cannot, for whatever reason.
        """
        with self._ours():
            await self._launcher.prepare()

    async def start(self, *, for_threads: bool) -> Cell:
        """A cell that has said hello.

        Args:
            for_threads: whether other threads than the event loop's will talk to it.

        Raises:
            SandboxError: there is none, for whatever reason.
        """
        begun = self._clock.now()
        with self._ours():
            cell = await self._launch()
        if for_threads and isinstance(cell.jail, StreamJail):
            cell.jail.leave_to_threads()
        self._event("cell_started", cell=cell.name, seconds=self._clock.now() - begun)
        return cell

    @contextlib.contextmanager
    def _ours(self) -> Generator[None]:
        """Whatever a launcher raises is an error of ours."""
        try:
            yield
        except SandboxError:
            raise
        except Exception as error:
            raise LaunchFailed(f"the launcher {self._name!r} failed: {error!r}") from error

    async def _launch(self) -> Cell:
        await self._launcher.prepare()
        begun = self._clock.now()
        jails: list[Jail] = []
        with self._clock.limit(self._start_s):
            jails.append(await self._launcher.launch(self._spec))
        if not jails:
            raise none_started(self._start_s)
        cell = Cell(jails[0], self._name, self._spec, self._clock)
        try:
            await cell.boot(max(begun + self._start_s - self._clock.now(), _BOOT_S))
        finally:
            if cell.left:
                self._event("cell_left", cell=cell.name, error=cell.left)
        return cell

    async def end(self, cell: Cell) -> None:
        """Wait until nothing of the cell is left, or its launcher gives up. Raises nothing."""
        await cell.destroy()
        if cell.left:
            self._event("cell_left", cell=cell.name, error=cell.left)
        else:
            self._event("cell_destroyed", cell=cell.name, calls=cell.calls)
