"""The cells of one sandbox: started ahead, bound to programs, reused, thrown away.

A cell is blank, then bound to its first program for good. It is idle between calls and destroyed after an
abnormal outcome, after `max_calls`, when idle for too long, or when a program that has none needs its place.
A cell counts against the bound until its launcher says that nothing of it is left, or has said nothing for so
long that waiting for it would block everyone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import anyio
from anyio.abc import TaskGroup

from latm_sandbox._cell import DESTROY_S, Cell
from latm_sandbox._clock import MONOTONIC, Clock
from latm_sandbox._errands import Errands, Ring
from latm_sandbox._launcher import CellSpec, Launcher
from latm_sandbox._limits import PoolPolicy
from latm_sandbox._program import Program
from latm_sandbox._refusals import another, none_free, none_started, queue_full
from latm_sandbox._shares import Share, Shares, Waiter
from latm_sandbox._starter import Event, Starter
from latm_sandbox.errors import LaunchFailed, SandboxClosed, SandboxError

PATIENCE_S: Final = 0.25
"""Seconds after which a waiting call may cost another program a cell: about what a new cell costs."""
_CLEANING_S: Final = 0.003  # about what a guest takes to clean up after a call
_STEADY: Final = 64  # calls after which a program is worth a second cell
_RETRY_S: Final = 1.0  # after a failed start, until one is tried that no program depends on
_PING_S: Final = 600.0  # guests end by themselves after an hour without a word
_TURN_S: Final = 5.0  # between two looks at what has been idle for too long


class Pool:
    """All cells of one sandbox.

    Cells start and end on one event loop. Threads may take, pass on and give back those that are there: so
    the books are only opened under the lock, and what needs the loop is an errand for it.
    """

    def __init__(
        self,
        name: str,
        launcher: Launcher,
        spec: CellSpec,
        policy: PoolPolicy,
        *,
        single_use: bool,
        event: Event,
        clock: Clock = MONOTONIC,
    ) -> None:
        self._starter = Starter(name, launcher, spec, start_s=policy.start_s, event=event, clock=clock)
        self.policy = policy
        self._single_use = single_use
        self._event = event
        self.clock = clock
        self._group: TaskGroup | None = None
        self._lock = threading.RLock()
        self._closed = False
        self._gone = anyio.Event()  # closed, and nothing is left
        self._upkeep = anyio.CancelScope()
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

    def open(self, group: TaskGroup, ring: Ring | None = None) -> None:
        """Use `group` for what happens in the background.

        Args:
            group: of the event loop in which this is called.
            ring: runs a function in that loop, from any thread. Without it no thread may use the pool.
        """
        self._group = group
        self._errands = Errands(group, ring)
        group.start_soon(self._housekeep)

    async def prepare(self) -> None:
        """Do what every start needs, such as building an image; then start the spare cells.

        Raises:
            SandboxError: it cannot be done.
        """
        await self._starter.prepare()
        self.fill()

    def fill(self) -> None:
        """Start the spare cells ahead of need."""
        with self._lock:
            self._no_start_before = self.clock.now()
            self._arrange()

    def enter(self, program: Program, event: anyio.Event | threading.Event) -> Cell | Waiter:
        """A cell for one call of `program`, or a place in the queue; the cell is to be released or discarded.

        Args:
            program: what it is for.
            event: is set when the wait has brought something; see `served`.

        Raises:
            SandboxBusy: the queue is full.
            SandboxClosed: this is.
        """
        with self._lock:
            if self._closed:
                raise SandboxClosed("the sandbox is closed")
            cell = self._take(program)
            if cell is not None:
                return cell
            self._refuse_if_full()
            waiter = Waiter(program, self.clock.now(), event)
            self._shares.join(waiter)
            self._arrange()
            return waiter

    def delay(self, waiter: Waiter) -> None:
        """A call has waited for `PATIENCE_S`."""
        with self._lock:
            if waiter.cell is None and waiter.error is None:
                self._shares.delay(waiter)
                self._arrange()

    def give_up(self, waiter: Waiter) -> None:
        """A call waits no longer, whether it has a cell by now or not."""
        with self._lock:
            self._shares.leave(waiter)
            if waiter.cell is not None:
                self.release(waiter.cell, reusable=True)

    def served(self, waiter: Waiter) -> Cell:
        """What the wait has brought, now that it is over.

        Raises:
            SandboxBusy: none became free.
            SandboxError: none can be started, or none has while the call waited; or this was closed.
        """
        with self._lock:
            self._shares.leave(waiter)
            if waiter.cell is not None:
                return waiter.cell
            if waiter.error is not None:
                raise waiter.error
            if not self._cells:  # nobody is busy: what is wrong is that none starts
                raise none_started(self.policy.wait_s)
            waited_s = self.clock.now() - waiter.since
            raise none_free(self.policy.wait_s, waiting=self._shares.waiting, waited_s=waited_s)

    def release(self, cell: Cell, *, reusable: bool) -> None:
        """Give a cell back after a call. From any thread."""
        with self._lock:
            spent = cell.calls >= self.policy.max_calls or (self._single_use and cell.calls > 0)
            share = None if cell.program is None else self._shares.get(cell.program)
            if not reusable or spent or self._closed or share is None:
                self.discard(cell)
            elif (waiter := share.first) is None:
                self._idle[cell] = self.clock.now()
                share.idle.append(cell)
                if self._shares.waiting:
                    self._arrange()
            elif self._owed_to_another(cell):
                self.discard(cell)
            else:
                self._hand(cell, waiter)

    def discard(self, cell: Cell) -> None:
        """Let go of a cell at once and destroy it in the background. From any thread."""
        if self._errands.is_elsewhere():
            self._errands.send(lambda: self.discard(cell))
            return
        with self._lock:
            self._let_go(cell)
            if self._shares.waiting or self._single_use:
                self._arrange()

    async def aclose(self) -> None:
        """Refuse who waits, destroy every cell, and wait until nothing is left. May be called twice."""
        with self._lock:
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
        try:
            with self.clock.limit(DESTROY_S * 2, shield=True):
                await self._gone.wait()
        finally:
            # One by one: the group is not ours, and the body of a sandbox that it closes itself is in it too.
            self._upkeep.cancel()
            self._errands.close()

    def _take(self, program: Program) -> Cell | None:
        share = self._shares.get(program)
        if share is not None and share.idle and not self._deserves_another(share):
            # The one that was used last, so that others may grow old, unless it is still cleaning up.
            rested = len(share.idle) > 1 and self._is_cleaning(share.idle[-1])
            cell = share.idle.pop(0 if rested else -1)
            del self._idle[cell]
            return cell
        if self._blank:
            cell, _ = self._blank.popitem(last=False)
            self._bind(cell, program)
            # A cell for one call is made up for when that is over: to start another would slow it down.
            if len(self._blank) < self.policy.spare and not (self._single_use and self._blank):
                self._arrange()
            return cell
        return None

    def _is_cleaning(self, cell: Cell) -> bool:
        return self.clock.now() - cell.used_at < _CLEANING_S

    def _deserves_another(self, share: Share) -> bool:
        """Whether a caller who never pauses gets a second cell, to serve while the other one cleans up."""
        if share.cells > 1 or not self._blank or self.count >= self.policy.cells:
            return False
        (cell,) = share.idle
        return cell.calls >= _STEADY and self._is_cleaning(cell)

    def _bind(self, cell: Cell, program: Program) -> None:
        cell.bind(program)
        self._shares.gain(program)

    def _hand(self, cell: Cell, waiter: Waiter) -> None:
        self._shares.leave(waiter)
        waiter.cell = cell
        self._wake(waiter)

    def _fail(self, waiter: Waiter, error: SandboxError) -> None:
        self._shares.leave(waiter)
        waiter.error = error
        self._wake(waiter)

    def _wake(self, waiter: Waiter) -> None:
        if isinstance(waiter.event, threading.Event) or not self._errands.is_elsewhere():
            waiter.event.set()
        else:
            self._errands.send(waiter.event.set)

    def _refuse_if_full(self) -> None:
        # A call for which a place is free or becomes free does not stand in the queue: its cell is coming.
        used = len(self._cells) - len(self._idle) - len(self._blank) - len(self._dying)
        if self._shares.waiting >= self.policy.queue + max(self.policy.cells - used, 0):
            raise queue_full(self.policy.cells, waiting=self._shares.waiting)

    def _owed_to_another(self, cell: Cell) -> bool:
        """Whether a program without any has waited so long that this one's cell has to make room."""
        late = self.clock.now() - PATIENCE_S
        if not self._shares.hungry or cell.bound_at > late:  # else each new cell would serve a single call
            return False
        coming = len(self._starts) + len(self._dying) + len(self._blank)
        return self._shares.overdue(late, coming + 1) > coming

    def _arrange(self) -> None:
        """Start or evict what is missing."""
        with self._lock:
            if self._closed:
                return
            may_start = self.clock.now() >= self._no_start_before
            # Evicting for a call whose program has a cell waits until it is late: that may come back soon.
            needed, evictable = self._shares.hungry, self._shares.hungry
            if may_start:
                spare = max(self.policy.spare - len(self._blank), 0)
                needed = self._shares.waiting + spare
                evictable = max(evictable, self._shares.late)
            if self._errands.is_elsewhere():
                start = len(self._starts) < needed and self.count < self.policy.cells
                if start or (self._idle and evictable > len(self._starts) + len(self._dying)):
                    self._errands.send(self._arrange)
                return
            while len(self._starts) < needed and self.count < self.policy.cells:
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
            self._shares.lose(cell.program, self.clock.now())
        try:
            cell.jail.abandon()
        except Exception as error:  # noqa: BLE001 - a launcher's own mistake must not end the pool
            self._event("cell_left", cell=cell.name, error=repr(error))
        assert self._group is not None
        self._group.start_soon(self._destroy, cell)

    async def _start(self, scope: anyio.CancelScope) -> None:
        """Start one blank cell; what goes wrong is told to whoever waits for it."""
        begun = self.clock.now()
        try:
            with scope:
                cell = await self._starter.start(for_threads=self._errands.for_threads)
                with self._lock:
                    self._cells.add(cell)
                    if self._closed:
                        self._let_go(cell)
                    else:
                        self._starts.discard(scope)
                        self._offer(cell, self.clock.now())
        except SandboxError as error:
            self._failed(error, begun)
        finally:
            with self._lock:
                self._starts.discard(scope)
                self._note_the_end()
                self._arrange()

    def _offer(self, cell: Cell, since: float) -> None:
        """Give a blank cell to the call that is next, or keep it."""
        waiter = self._shares.next()
        if waiter is None:
            self._blank[cell] = since
        else:
            self._bind(cell, waiter.program)
            self._hand(cell, waiter)

    def _failed(self, error: SandboxError, begun: float) -> None:
        self._no_start_before = self.clock.now() + _RETRY_S
        self._event("cell_failed", error=str(error))
        # Whose program has a cell waits for that. Of the others one is told, since another start may work;
        # where nothing can start, all are. Who came after that start began is owed another one.
        hopeless = not isinstance(error, LaunchFailed)
        with self._lock:
            while (waiter := self._shares.next_hungry()) is not None and waiter.since <= begun:
                self._fail(waiter, another(error))
                if not hopeless:
                    break

    async def _destroy(self, cell: Cell) -> None:
        await self._starter.end(cell)
        with self._lock:
            self._cells.discard(cell)
            self._dying.discard(cell)
            self._note_the_end()
            self._arrange()

    def _note_the_end(self) -> None:
        if self._closed and not self.count:
            self._gone.set()

    async def _housekeep(self) -> None:
        """Throw away what is idle for too long; see that what is kept still lives."""
        with self._upkeep:
            while True:
                await self.clock.sleep(min(_TURN_S, self.policy.idle_s))
                for cell in self._weed():
                    await self._ping(cell)
                self._arrange()

    def _weed(self) -> list[Cell]:
        """Let go of what nobody has used for too long; the blank cells that have said nothing for long."""
        stale = self.clock.now() - self.policy.idle_s
        silent = self.clock.now() - _PING_S
        with self._lock:
            while self._idle and next(iter(self._idle.values())) < stale:
                self._let_go(next(iter(self._idle)))
            while len(self._blank) > self.policy.spare and next(iter(self._blank.values())) < stale:
                self._let_go(next(iter(self._blank)))
            return [cell for cell in self._blank if cell.used_at < silent]

    async def _ping(self, cell: Cell) -> None:
        with self._lock:
            since = self._blank.pop(cell, None)
        if since is None:  # taken while another one was asked
            return
        try:
            await cell.ping(_TURN_S)
        except Exception:  # noqa: BLE001 - as above; mostly Lost
            with self._lock:
                self._let_go(cell)
            return
        with self._lock:
            if cell not in self._dying:
                cell.used_at = self.clock.now()
                self._offer(cell, since)
                if cell in self._blank:
                    self._blank.move_to_end(cell, last=False)
