"""Which program has how many cells, and whose call is the next to get one.

Within a program the calls are served in their order. Between programs the one that has no cell goes first,
and of several the one that has had none for the longest. No step here looks at more programs or calls than
there are cells, however many wait.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import islice

import anyio

from latm_sandbox._cell import Cell
from latm_sandbox._program import Program
from latm_sandbox.errors import SandboxError


class Waiter:
    """A call that waits for a cell."""

    __slots__ = ("cell", "error", "event", "late", "program", "since")

    def __init__(self, program: Program, since: float, event: anyio.Event | threading.Event) -> None:
        self.program = program
        self.since = since
        self.late = False  # whether it has waited longer than a new cell takes
        self.event = event
        self.cell: Cell | None = None
        self.error: SandboxError | None = None


class Share:
    """One program's cells and calls."""

    __slots__ = ("cells", "hungry_since", "idle", "waiters")

    def __init__(self) -> None:
        self.cells = 0  # bound to the program and not let go of, idle ones included
        self.idle: list[Cell] = []
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()
        self.hungry_since = 0.0

    @property
    def first(self) -> Waiter | None:
        """Who has waited longest."""
        return next(iter(self.waiters), None)


class Shares:
    """Every program that has a cell or waits for one."""

    def __init__(self) -> None:
        self.waiting = 0  # calls
        self.late = 0  # of them, those that have waited for long
        self._of: dict[Program, Share] = {}
        # Programs with waiting calls: without any cell, longest so first; and with at least one.
        self._hungry: OrderedDict[Share, None] = OrderedDict()
        self._served: OrderedDict[Share, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    @property
    def hungry(self) -> int:
        """Programs that wait and have no cell."""
        return len(self._hungry)

    def get(self, program: Program) -> Share | None:
        """The program's share, if it has one."""
        return self._of.get(program)

    def join(self, waiter: Waiter) -> None:
        """Let a call wait."""
        share = self._of.setdefault(waiter.program, Share())
        share.waiters[waiter] = None
        self.waiting += 1
        if len(share.waiters) == 1:
            self._list(share, waiter.since)

    def leave(self, waiter: Waiter) -> None:
        """Let a call wait no longer. One that does not wait is left alone."""
        share = self._of.get(waiter.program)
        if share is None or waiter not in share.waiters:
            return
        del share.waiters[waiter]
        self.waiting -= 1
        self.late -= waiter.late
        if not share.waiters:
            self._hungry.pop(share, None)
            self._served.pop(share, None)
            if not share.cells:
                del self._of[waiter.program]

    def delay(self, waiter: Waiter) -> None:
        """Note that a call has waited for long."""
        waiter.late = True
        self.late += 1

    def gain(self, program: Program) -> None:
        """A cell was bound to the program."""
        share = self._of.setdefault(program, Share())
        share.cells += 1
        if share in self._hungry:
            del self._hungry[share]
            self._served[share] = None

    def lose(self, program: Program, now: float) -> None:
        """One of the program's cells was let go of."""
        share = self._of[program]
        share.cells -= 1
        if share.cells:
            return
        if share.waiters:
            del self._served[share]
            self._list(share, now)  # at the end: it has had its turn
        else:
            del self._of[program]

    def next(self) -> Waiter | None:
        """Whose call a cell without a program should serve."""
        waiter = self.next_hungry()
        if waiter is None and self._served:
            # There are no more of these than there are cells.
            waiter = min(self._served, key=_need).first
        return waiter

    def next_hungry(self) -> Waiter | None:
        """The first call of the program that has been without a cell for the longest."""
        share = next(iter(self._hungry), None)
        return None if share is None else share.first

    def overdue(self, before: float, most: int) -> int:
        """How many programs have been without a cell since `before`; counts no further than `most`."""
        return sum(share.hungry_since <= before for share in islice(self._hungry, most))

    def _list(self, share: Share, now: float) -> None:
        if share.cells:
            self._served[share] = None
        else:
            share.hungry_since = now
            self._hungry[share] = None


def _need(share: Share) -> tuple[int, float]:
    first = share.first
    assert first is not None
    return share.cells, first.since
