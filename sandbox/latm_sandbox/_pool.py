"""The cells of one sandbox: started ahead, bound to programs, reused, thrown away.

A cell is blank, then bound to its first program for good. It is idle between calls and destroyed after an
abnormal outcome, after `max_calls`, when idle for too long, or when a program that has none needs its place.
A cell counts against the bound until its launcher says that nothing of it is left, or has said nothing for so
long that waiting for it would block everyone.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from latm_sandbox._cell import DESTROY_S, Cell, cell_spec
from latm_sandbox._clock import MONOTONIC, Clock
from latm_sandbox._launcher import Jail, Launcher
from latm_sandbox._limits import Limits, PoolPolicy
from latm_sandbox._program import Program
from latm_sandbox._shares import Shares, Waiter
from latm_sandbox.errors import LaunchFailed, SandboxBusy, SandboxClosed, SandboxError

PATIENCE_S: Final = 0.25
"""Seconds after which a waiting call may cost another program a cell: about what a new cell costs."""
_RETRY_S: Final = 1.0  # after a failed start, until one is tried that no program depends on
_PING_S: Final = 600.0  # guests end by themselves after an hour without a word
_BOOT_S: Final = 1.0  # for a guest to say hello where the start of its jail took all the time
_TURN_S: Final = 5.0  # between two looks at what has been idle for too long

Event = Callable[..., None]


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
        clock: Clock = MONOTONIC,
    ) -> None:
        self._name = name
        self._launcher = launcher
        self._limits = limits
        self._policy = policy
        self._single_use = single_use
        self._event = event
        self._clock = clock
        self._group: TaskGroup | None = None
        self._closed = False
        self._gone = anyio.Event()  # closed, and nothing is left
        self._cells: set[Cell] = set()  # started and not yet destroyed
        self._dying: set[Cell] = set()  # of these, what was let go of
        self._starts: set[anyio.CancelScope] = set()
        self._no_start_before = clock.now()  # but for a program that has no cell at all
        self._blank: OrderedDict[Cell, float] = OrderedDict()  # and since when; longest first
        self._idle: OrderedDict[Cell, float] = OrderedDict()  # bound and unused, likewise
        self._shares = Shares()

    @property
    def count(self) -> int:
        """Cells that exist in any way."""
        return len(self._cells) + len(self._starts)

    def open(self, group: TaskGroup) -> None:
        """Use `group` for what happens in the background."""
        self._group = group
        group.start_soon(self._housekeep)

    def fill(self) -> None:
        """Start the spare cells ahead of need."""
        self._no_start_before = self._clock.now()
        self._arrange()

    async def acquire(self, program: Program, wait_s: float | None = None) -> Cell:
        """A cell for one call of `program`; to be released or discarded.

        Args:
            program: what it is for.
            wait_s: seconds that are left of the policy's; all of them if None.

        Raises:
            SandboxBusy: the queue is full, or the wait was longer than `wait_s`.
            SandboxUnavailable: no cell can be started, or none has while the call waited.
        """
        if self._closed:
            raise SandboxClosed("the sandbox is closed")
        cell = self._take(program)
        if cell is not None:
            return cell
        self._refuse_if_full()
        waiter = Waiter(program, self._clock.now())
        self._shares.join(waiter)
        self._arrange()
        try:
            await self._wait(waiter, self._policy.wait_s if wait_s is None else wait_s)
        except BaseException:
            if waiter.cell is not None:
                self.release(waiter.cell, reusable=True)
            raise
        finally:
            self._shares.leave(waiter)
        if waiter.cell is not None:
            return waiter.cell
        raise self._why_not(waiter)

    def release(self, cell: Cell, *, reusable: bool) -> None:
        """Give a cell back after a call."""
        spent = cell.calls >= self._policy.max_calls or (self._single_use and cell.calls > 0)
        share = None if cell.program is None else self._shares.get(cell.program)
        if not reusable or spent or self._closed or share is None:
            self.discard(cell)
        elif (waiter := share.first) is None:
            self._idle[cell] = self._clock.now()
            share.idle.append(cell)
            if self._shares.waiting:
                self._arrange()
        elif self._owed_to_another(cell):
            self.discard(cell)
        else:
            self._hand(cell, waiter)

    def discard(self, cell: Cell) -> None:
        """Let go of a cell at once and destroy it in the background."""
        self._let_go(cell)
        if self._shares.waiting:
            self._arrange()

    async def aclose(self) -> None:
        """Refuse who waits, destroy every cell, and wait until nothing is left. May be called twice."""
        self._closed = True
        while (waiter := self._shares.next()) is not None:
            self._fail(waiter, SandboxClosed("the sandbox was closed while a call waited for a cell"))
        for scope in self._starts:
            scope.cancel()
        self._idle.clear()
        self._blank.clear()
        for cell in self._cells - self._dying:
            self._let_go(cell)
        self._note_the_end()
        with self._clock.limit(DESTROY_S * 2, shield=True):
            await self._gone.wait()

    def _take(self, program: Program) -> Cell | None:
        share = self._shares.get(program)
        if share is not None and share.idle:
            cell = share.idle.pop()
            del self._idle[cell]
            return cell
        if self._blank:
            cell, _ = self._blank.popitem(last=False)
            self._bind(cell, program)
            if len(self._blank) < self._policy.spare:
                self._arrange()
            return cell
        return None

    def _bind(self, cell: Cell, program: Program) -> None:
        cell.bind(program)
        self._shares.gain(program)

    def _hand(self, cell: Cell, waiter: Waiter) -> None:
        self._shares.leave(waiter)
        waiter.cell = cell
        waiter.event.set()

    def _fail(self, waiter: Waiter, error: SandboxError) -> None:
        self._shares.leave(waiter)
        waiter.error = error
        waiter.event.set()

    async def _wait(self, waiter: Waiter, wait_s: float) -> None:
        """Until the waiter has a cell or an error, or the time is over."""
        with self._clock.limit(min(wait_s, PATIENCE_S)):
            await waiter.event.wait()
        if not waiter.event.is_set() and wait_s > PATIENCE_S:
            self._shares.delay(waiter)
            self._arrange()
            with self._clock.limit(wait_s - PATIENCE_S):
                await waiter.event.wait()

    def _refuse_if_full(self) -> None:
        # A call for which a place is free or becomes free does not stand in the queue: its cell is coming.
        used = len(self._cells) - len(self._idle) - len(self._blank) - len(self._dying)
        if self._shares.waiting >= self._policy.queue + max(self._policy.cells - used, 0):
            raise SandboxBusy(
                f"of {self._policy.cells} cells none is free, and {self._shares.waiting} calls wait already",
                waiting=self._shares.waiting,
                waited_s=0.0,
            )

    def _why_not(self, waiter: Waiter) -> SandboxError:
        """What a call is told that got no cell."""
        if waiter.error is not None:
            return waiter.error
        if not self._cells:  # nobody is busy: what is wrong is that none starts
            return LaunchFailed(
                f"no cell started within {self._policy.wait_s:g} s", remedy="run `latm doctor`"
            )
        return SandboxBusy(
            f"no cell became free within {self._policy.wait_s:g} s",
            waiting=self._shares.waiting,
            waited_s=self._clock.now() - waiter.since,
        )

    def _owed_to_another(self, cell: Cell) -> bool:
        """Whether a program without any has waited so long that this one's cell has to make room."""
        late = self._clock.now() - PATIENCE_S
        if not self._shares.hungry or cell.bound_at > late:  # else each new cell would serve a single call
            return False
        coming = len(self._starts) + len(self._dying) + len(self._blank)
        return self._shares.overdue(late, coming + 1) > coming

    def _arrange(self) -> None:
        """Start or evict what is missing."""
        if self._closed:
            return
        may_start = self._clock.now() >= self._no_start_before
        # Evicting for a call whose program has a cell waits until it is late: that may come back soon.
        needed, evictable = self._shares.hungry, self._shares.hungry
        if may_start:
            spare = max(self._policy.spare - len(self._blank), 0)
            needed = self._shares.waiting + spare
            evictable = max(evictable, self._shares.late)
        while len(self._starts) < needed and self.count < self._policy.cells:
            assert self._group is not None
            scope = anyio.CancelScope()
            self._starts.add(scope)
            self._group.start_soon(self._start, scope)
        while self._idle and evictable > len(self._starts) + len(self._dying):
            self._let_go(next(iter(self._idle)))

    def _let_go(self, cell: Cell) -> None:
        """Take a cell out of the books and see to its end; once, however often it is told."""
        if cell in self._dying or cell not in self._cells:
            return
        self._dying.add(cell)
        self._blank.pop(cell, None)
        if cell.program is not None:
            share = self._shares.get(cell.program)
            if self._idle.pop(cell, None) is not None and share is not None:
                share.idle.remove(cell)
            self._shares.lose(cell.program, self._clock.now())
        try:
            cell.jail.abandon()
        except Exception as error:  # noqa: BLE001 - a launcher's own mistake must not end the pool
            self._event("cell_left", cell=cell.name, error=repr(error))
        assert self._group is not None
        self._group.start_soon(self._destroy, cell)

    async def _start(self, scope: anyio.CancelScope) -> None:
        """Start one blank cell; what goes wrong is told to whoever waits for it."""
        begun = self._clock.now()
        try:
            with scope:
                cell = await self._launch()
                self._cells.add(cell)
                self._event("cell_started", cell=cell.name, seconds=self._clock.now() - begun)
                if self._closed:
                    self._let_go(cell)
                else:
                    self._starts.discard(scope)
                    self._offer(cell, self._clock.now())
        except SandboxError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(LaunchFailed(f"the launcher {self._name!r} failed: {error!r}"))
        finally:
            self._starts.discard(scope)
            self._note_the_end()
            self._arrange()

    async def _launch(self) -> Cell:
        await self._launcher.prepare()
        begun = self._clock.now()
        jails: list[Jail] = []
        with self._clock.limit(self._policy.start_s):
            jails.append(await self._launcher.launch(cell_spec(self._limits)))
        if not jails:
            raise LaunchFailed(
                f"no cell started within {self._policy.start_s:g} s", remedy="run `latm doctor`"
            )
        cell = Cell(jails[0], self._name, self._limits, self._clock)
        try:
            await cell.boot(max(begun + self._policy.start_s - self._clock.now(), _BOOT_S))
        finally:
            if cell.left:
                self._event("cell_left", cell=cell.name, error=cell.left)
        return cell

    def _offer(self, cell: Cell, since: float) -> None:
        """Give a blank cell to the call that is next, or keep it."""
        waiter = self._shares.next()
        if waiter is None:
            self._blank[cell] = since
        else:
            self._bind(cell, waiter.program)
            self._hand(cell, waiter)

    def _failed(self, error: SandboxError) -> None:
        self._no_start_before = self._clock.now() + _RETRY_S
        self._event("cell_failed", error=str(error))
        # Whose program has a cell waits for that. Of the others one is told, since another start may work;
        # where nothing can start, all are.
        hopeless = not isinstance(error, LaunchFailed)
        while (waiter := self._shares.next_hungry()) is not None:
            self._fail(waiter, _another(error))
            if not hopeless:
                break

    async def _destroy(self, cell: Cell) -> None:
        await cell.destroy()
        self._cells.discard(cell)
        self._dying.discard(cell)
        self._note_the_end()
        if cell.left:
            self._event("cell_left", cell=cell.name, error=cell.left)
        else:
            self._event("cell_destroyed", cell=cell.name, calls=cell.calls)
        self._arrange()

    def _note_the_end(self) -> None:
        if self._closed and not self.count:
            self._gone.set()

    async def _housekeep(self) -> None:
        """Throw away what is idle for too long; see that what is kept still lives."""
        while True:
            await self._clock.sleep(min(_TURN_S, self._policy.idle_s))
            stale = self._clock.now() - self._policy.idle_s
            while self._idle and next(iter(self._idle.values())) < stale:
                self._let_go(next(iter(self._idle)))
            while len(self._blank) > self._policy.spare and next(iter(self._blank.values())) < stale:
                self._let_go(next(iter(self._blank)))
            silent = self._clock.now() - _PING_S
            for cell in [cell for cell in self._blank if cell.used_at < silent]:
                await self._ping(cell)
            self._arrange()

    async def _ping(self, cell: Cell) -> None:
        since = self._blank.pop(cell, None)
        if since is None:  # taken while another one was asked
            return
        try:
            await cell.ping(_TURN_S)
        except Exception:  # noqa: BLE001 - as above; mostly Lost
            self._let_go(cell)
            return
        if cell not in self._dying:
            cell.used_at = self._clock.now()
            self._offer(cell, since)
            if cell in self._blank:
                self._blank.move_to_end(cell, last=False)


def _another(error: SandboxError) -> SandboxError:
    """One to raise for each who is told: a single one would collect the tracebacks of them all."""
    try:
        told = copy.copy(error)
    except Exception:  # noqa: BLE001 - a launcher's own class of errors
        return error
    told.__cause__ = error
    return told


def no_event(_name: str, /, **_fields: Any) -> None:
    """Nobody listens."""
