"""Whatever callers, launcher and clock do in whatever order, the pool keeps its word."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latm_sandbox import (
    LaunchFailed,
    PoolPolicy,
    SandboxBusy,
    SandboxClosed,
    SandboxError,
    SandboxUnavailable,
)
from latm_sandbox._cell import Cell
from unit.sandbox.a_pool import BODY, A, B, Bench, C, Caller, D, bench
from unit.sandbox.fake_clock import settle

PROGRAMS = (A, B, C, D)
LAUNCH = (None, None, LaunchFailed("full"), SandboxUnavailable("gone"), ZeroDivisionError("bug"))

number = st.integers(0, 7)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), number),
        st.tuples(st.just("ask"), number),
        st.tuples(st.just("release"), number),
        st.tuples(st.just("release"), number),
        st.tuples(st.just("call"), number),
        st.tuples(st.just("discard"), number),
        st.tuples(st.just("cancel"), number),
        st.tuples(st.just("release and cancel"), number),
        st.tuples(st.just("advance"), st.sampled_from([0.05, 0.2, 0.3, 1.5, 11.0])),
        st.tuples(st.just("launch"), st.sampled_from(LAUNCH)),
        st.tuples(st.just("launch hangs"), st.booleans()),
        st.tuples(st.just("destroy"), st.sampled_from([None, None, ZeroDivisionError("bug")])),
        st.tuples(st.just("destroy hangs"), st.booleans()),
        st.tuples(st.just("kill"), number),
    ),
    min_size=25,
    max_size=60,
)
policies = st.builds(
    lambda cells, spare, max_calls, queue: PoolPolicy(
        cells=cells, spare=min(spare, cells), max_calls=max_calls, queue=queue, wait_s=10_000, start_s=20
    ),
    cells=st.integers(1, 3),
    spare=st.integers(0, 2),
    max_calls=st.sampled_from([2, 100]),
    queue=st.sampled_from([0, 2, 100]),
)


@dataclass
class World:
    """All that has been asked of a pool, and what must be true of it."""

    it: Bench
    policy: PoolPolicy
    callers: list[Caller] = field(default_factory=list)
    held: dict[Cell, Caller] = field(default_factory=dict)
    given: list[Caller] = field(default_factory=list)  # who got a cell, in that order

    async def do(self, what: str, value: Any) -> None:
        """One step."""
        it, launcher = self.it, self.it.launcher
        match what:
            case "ask":
                self.callers.append(it.caller(PROGRAMS[value % len(PROGRAMS)]))
            case "advance":
                await it.clock.advance(value)
            case "launch":
                launcher.launch_error = value
            case "launch hangs":
                launcher.launch_hangs = value
            case "destroy":
                launcher.destroy_error = value
            case "destroy hangs":
                launcher.destroy_hangs = value
            case "cancel":
                self.cancel(value)
            case "kill":
                for jail in sorted(launcher.alive, key=lambda jail: jail.id)[value : value + 1]:
                    jail.end()
            case _:
                await self.with_a_cell(what, value)
        await settle()
        self.look()

    def cancel(self, value: int) -> None:
        """Cancel one who waits."""
        waiting = [caller for caller in self.callers if caller.waits]
        if waiting:
            waiting[value % len(waiting)].scope.cancel()

    async def with_a_cell(self, what: str, value: int) -> None:
        """What one who has a cell does with it."""
        if not self.held:
            return
        cell = list(self.held)[value % len(self.held)]
        if what == "call":
            try:
                await cell.call(BODY, self.it.limits)
            except Exception:  # noqa: BLE001 - the cell was killed
                what = "discard"
            else:
                return
        del self.held[cell]
        if what == "discard":
            self.it.pool.discard(cell)
        else:
            self.it.pool.release(cell, reusable=True)
        if what == "release and cancel":
            self.cancel(0)

    def look(self) -> None:
        """See that nothing is as it must never be."""
        it = self.it
        for caller in self.callers:
            assert caller.ends <= 1
            if caller.cell is not None and caller not in self.given:
                self.given.append(caller)
                assert caller.cell not in self.held, "a cell was given to two"
                self.held[caller.cell] = caller
                assert caller.cell.program == caller.program, "a cell of one program serves another"
            assert caller.error is None or isinstance(caller.error, SandboxError)
        assert all(len(jail.loaded) <= 1 for jail in it.launcher.alive), "a cell was bound twice"
        # One that could not be destroyed is reported, and counts no more.
        assert len(it.launcher.alive) <= self.policy.cells + it.count("cell_left")
        assert it.pool.count <= self.policy.cells
        waiting = [caller for caller in self.callers if caller.waits]
        assert it.pool._shares.waiting == len(waiting)
        assert len(waiting) <= self.policy.queue + self.policy.cells
        for first, second in combinations(self.callers, 2):
            if first.program == second.program and second in self.given:
                assert not first.waits, "a later call of the same program came first"

    async def drain(self) -> None:
        """Let everything work again: then everyone who waits is served, however the cells were left."""
        launcher = self.it.launcher
        launcher.launch_error = launcher.destroy_error = None
        launcher.launch_hangs = launcher.destroy_hangs = False
        await self.it.clock.advance(25)  # what hangs is given up
        self.look()
        waiting = [caller for caller in self.callers if caller.waits]
        for _ in range(len(waiting) + 1):
            for cell in list(self.held):
                del self.held[cell]
                self.it.pool.release(cell, reusable=True)
            await self.it.clock.advance(1)
            self.look()
        # Each round serves at least one; a start that failed late may have been told to one of them.
        assert not any(caller.waits for caller in waiting), "someone starves"
        assert not any(isinstance(caller.error, SandboxBusy | SandboxClosed) for caller in waiting)

    def forget_what_is_left(self) -> None:
        """Those whose destruction failed are there for ever."""
        left = {fields["cell"] for name, fields in self.it.events if name == "cell_left"}
        for jail in list(self.it.launcher.alive):
            if f"fake:{jail.id}" in left:
                self.it.launcher.alive.discard(jail)


async def live(policy: PoolPolicy, single_use: bool, start_s: float, todo: list[tuple[str, Any]]) -> None:
    world = None
    async with bench(policy, single_use=single_use, start_s=start_s) as it:
        world = World(it, policy)
        for what, value in todo:
            await world.do(what, value)
        await world.drain()
        for program in PROGRAMS:  # some wait while it closes
            world.callers.append(it.caller(program))
        await settle()
        world.look()
        world.forget_what_is_left()
    assert all(caller.ends == 1 for caller in world.callers)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("examples", [60, pytest.param(3000, marks=pytest.mark.soak)])
def test_the_pool_keeps_its_word_whatever_happens(backend, examples):
    @settings(max_examples=examples)
    @given(policies, st.booleans(), st.sampled_from([0.0, 0.1]), steps)
    def check(policy: PoolPolicy, single_use: bool, start_s: float, todo: list[tuple[str, Any]]) -> None:
        anyio.run(live, policy, single_use, start_s, todo, backend=backend)

    check()
