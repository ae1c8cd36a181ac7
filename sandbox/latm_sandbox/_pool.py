"""The cells of one sandbox: started ahead, bound to programs, reused, thrown away.

A cell is blank, then bound to its first program for good. It is idle between calls and destroyed after an
abnormal outcome, after `max_calls`, when idle for too long, or when a program that has none needs its place.
A cell counts against the bound until its launcher says that nothing of it is left.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from latm_sandbox._cell import Cell, Lost, cell_spec
from latm_sandbox._launcher import Launcher
from latm_sandbox._limits import Limits, PoolPolicy
from latm_sandbox._program import Program
from latm_sandbox.errors import LaunchFailed, SandboxBusy, SandboxClosed, SandboxError

_PATIENCE_S: Final = 0.25
"""Seconds after which a waiting program may take over a cell that another program keeps busy: about what a
new cell costs."""
_DESTROY_S: Final = 10.0
_PING_S: Final = 600.0  # guests end by themselves after an hour without a word
_TURN_S: Final = 5.0  # between two looks at what has been idle for too long

Event = Callable[..., None]


class _Waiter:
    """A call that waits for a cell."""

    __slots__ = ("cell", "error", "event", "program", "since")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.event = anyio.Event()
        self.since = time.monotonic()
        self.cell: Cell | None = None
        self.error: SandboxError | None = None


class Pool:
    """All cells of one sandbox. Everything here runs on one event loop, so plain fields need no lock."""

    def __init__(
        self,
        name: str,
        launcher: Launcher,
        limits: Limits,
        policy: PoolPolicy,
        *,
        single_use: bool,
        event: Event,
    ) -> None:
        self._name = name
        self._launcher = launcher
        self._limits = limits
        self._policy = policy
        self._single_use = single_use
        self._event = event
        self._group: TaskGroup | None = None
        self._closed = False
        self._cells: set[Cell] = set()  # started and not yet destroyed
        self._starting = 0
        self._dying = 0
        self._fill = True  # False after a failed start, until somebody needs a cell again
        self._blank: deque[Cell] = deque()
        self._idle: OrderedDict[Cell, None] = OrderedDict()  # bound and unused, least recently used first
        self._bound: dict[Program, list[Cell]] = {}  # the same cells by program
        self._waiters: OrderedDict[_Waiter, None] = OrderedDict()

    @property
    def count(self) -> int:
        """Cells that exist in any way."""
        return len(self._cells) + self._starting

    def open(self, group: TaskGroup) -> None:
        """Use `group` for what happens in the background."""
        self._group = group
        group.start_soon(self._housekeep)

    def fill(self) -> None:
        """Start the spare cells ahead of need."""
        self._fill = True
        self._arrange()

    async def acquire(self, program: Program) -> Cell:
        """A cell for one call of `program`; to be released or discarded.

        Raises:
            SandboxBusy: the queue is full, or the wait was too long.
            SandboxUnavailable: no cell can be started.
        """
        if self._closed:
            raise SandboxClosed("the sandbox is closed")
        self._fill = True
        cell = self._take(program)
        if cell is not None:
            if self._policy.spare and not self._blank:
                self._arrange()
            return cell
        if len(self._waiters) >= self._policy.queue + self._policy.cells:
            raise SandboxBusy(
                f"all {self._policy.cells} cells are busy and {len(self._waiters)} calls wait already",
                waiting=len(self._waiters),
                waited_s=0.0,
            )
        waiter = _Waiter(program)
        self._waiters[waiter] = None
        self._arrange()
        try:
            with anyio.move_on_after(self._policy.wait_s):
                await waiter.event.wait()
        except BaseException:
            if waiter.cell is not None:
                self.release(waiter.cell, reusable=True)
            raise
        finally:
            self._waiters.pop(waiter, None)
        if waiter.error is not None:
            raise waiter.error
        if waiter.cell is None:
            raise SandboxBusy(
                f"no cell became free within {self._policy.wait_s:g} s",
                waiting=len(self._waiters),
                waited_s=time.monotonic() - waiter.since,
            )
        return waiter.cell

    def release(self, cell: Cell, *, reusable: bool) -> None:
        """Give a cell back after a call."""
        if not reusable or self._single_use or cell.calls >= self._policy.max_calls or self._closed:
            self.discard(cell)
            return
        if cell.program is None:
            self._blank.append(cell)
        else:
            if self._waiters and self._owed_to_another(cell.program):
                self.discard(cell)
                return
            self._idle[cell] = None
            self._bound.setdefault(cell.program, []).append(cell)
        if self._waiters:
            self._arrange()

    def discard(self, cell: Cell) -> None:
        """Let go of a cell at once and destroy it in the background."""
        cell.jail.abandon()
        self._dying += 1
        if self._group is not None and not self._closed:
            self._group.start_soon(self._destroy, cell)

    async def aclose(self) -> None:
        """Refuse who waits, destroy every cell, and wait until nothing is left."""
        self._closed = True
        for waiter in list(self._waiters):
            self._fail(waiter, SandboxClosed("the sandbox was closed while a call waited for a cell"))
        with anyio.move_on_after(_DESTROY_S * 2, shield=True):
            async with anyio.create_task_group() as group:
                for cell in list(self._cells):
                    cell.jail.abandon()
                    group.start_soon(self._destroy, cell)
        self._idle.clear()
        self._bound.clear()
        self._blank.clear()

    def _take(self, program: Program) -> Cell | None:
        cells = self._bound.get(program)
        if cells:
            cell = cells.pop()
            if not cells:
                del self._bound[program]
            del self._idle[cell]
            return cell
        if self._blank:
            cell = self._blank.popleft()
            cell.bind(program)
            return cell
        return None

    def _owed_to_another(self, program: Program) -> bool:
        """Whether a call of another program has waited so long that this one's cell has to make room."""
        coming = self._starting + self._dying + len(self._blank)
        late = time.monotonic() - _PATIENCE_S
        others = 0
        for waiter in self._waiters:
            if waiter.since > late:
                break
            others += waiter.program != program
        return others > coming

    def _arrange(self) -> None:
        """Hand out what is free, then start or evict what is missing."""
        if self._closed:
            return
        for waiter in list(self._waiters):
            cell = self._take(waiter.program)
            if cell is not None:
                del self._waiters[waiter]
                waiter.cell = cell
                waiter.event.set()
            elif not self._idle:
                break
        wanted = len(self._waiters)
        spare = self._policy.spare - len(self._blank) if self._fill else 0
        while self._starting < wanted + max(spare, 0) and self.count < self._policy.cells:
            self._starting += 1
            assert self._group is not None
            self._group.start_soon(self._start)
        while self._idle and wanted > self._starting + self._dying:
            self.discard(self._forget(next(iter(self._idle))))

    def _forget(self, cell: Cell) -> Cell:
        """Take an idle cell out of the books."""
        self._idle.pop(cell, None)
        if cell.program is not None and (cells := self._bound.get(cell.program)):
            cells.remove(cell)
            if not cells:
                del self._bound[cell.program]
        return cell

    async def _start(self) -> None:
        """Start one blank cell; what goes wrong is told to whoever waits for it."""
        cell: Cell | None = None
        begun = time.monotonic()
        try:
            await self._launcher.prepare()
            with anyio.fail_after(self._policy.start_s):
                jail = await self._launcher.launch(cell_spec(self._limits))
            cell = Cell(jail, self._name, self._limits)
            await cell.boot(self._policy.start_s)
        except TimeoutError:
            self._failed(
                LaunchFailed(f"no cell started within {self._policy.start_s:g} s", remedy="docker info")
            )
        except SandboxError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - a launcher's own mistake must not end the pool
            self._failed(LaunchFailed(f"the launcher {self._name!r} failed: {error!r}"))
        else:
            self._cells.add(cell)
            self._event("cell_started", cell=cell.name, seconds=time.monotonic() - begun)
            if self._closed:
                await self._destroy(cell)
            else:
                self._blank.append(cell)
        finally:
            self._starting -= 1
            self._arrange()

    def _failed(self, error: SandboxError) -> None:
        self._fill = False
        self._event("cell_failed", error=str(error))
        # Another cell may start where this one did not; where nothing can start, nobody needs to wait for it.
        hopeless = not isinstance(error, LaunchFailed)
        for waiter in list(self._waiters)[: None if hopeless else 1]:
            self._fail(waiter, error)

    def _fail(self, waiter: _Waiter, error: SandboxError) -> None:
        self._waiters.pop(waiter, None)
        waiter.error = error
        waiter.event.set()

    async def _destroy(self, cell: Cell) -> None:
        try:
            with anyio.move_on_after(_DESTROY_S, shield=True):
                await cell.jail.destroy()
        except Exception as error:  # noqa: BLE001 - as above
            self._event("cell_left", cell=cell.name, error=repr(error))
        finally:
            self._cells.discard(cell)
            self._dying -= 1
        self._event("cell_destroyed", cell=cell.name, calls=cell.calls)
        self._arrange()

    async def _housekeep(self) -> None:
        """Throw away what is idle for too long; see that what is kept still lives."""
        while True:
            await anyio.sleep(min(_TURN_S, self._policy.idle_s))
            now = time.monotonic()
            for cell in [cell for cell in self._idle if cell.used_at < now - self._policy.idle_s]:
                self.discard(self._forget(cell))
            for cell in [cell for cell in self._blank if cell.used_at < now - _PING_S]:
                self._blank.remove(cell)
                try:
                    await cell.ping(_TURN_S)
                except Lost:
                    self.discard(cell)
                else:
                    cell.used_at = now
                    self.release(cell, reusable=True)
            self._arrange()


def no_event(_name: str, /, **_fields: Any) -> None:
    """Nobody listens."""
