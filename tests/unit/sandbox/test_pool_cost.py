"""What a call costs the pool does not depend on how many others wait. Counted, not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from latm_sandbox import PoolPolicy, Program, _pool, _shares
from unit.sandbox.a_pool import A, B, Bench, bench
from unit.sandbox.fake_clock import settle

pytestmark = pytest.mark.anyio

POOL = {_pool.__file__, _shares.__file__}


def lines(work: Callable[[], object]) -> int:
    """How many lines of the pool's run in `work`."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if frame.f_code.co_filename not in POOL:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


async def cost_of_a_call(it: Bench, program: Program) -> int:
    """Lines for a cell to go from one caller to the next, and for one more to come and go."""
    cell = next(cell for cell in it.pool._cells if cell.program == program)
    total = lines(lambda: it.pool.release(cell, reusable=True))
    await settle()
    (caller,) = await it.callers(program)
    total += lines(it.pool._arrange)
    caller.scope.cancel()
    await settle()
    return total


@pytest.mark.parametrize("others", ["of the same program", "of as many programs"])
async def test_a_call_costs_the_same_with_a_thousand_waiting_as_with_ten(others):
    costs = []
    for waiting in (10, 1000):
        async with bench(PoolPolicy(cells=3, spare=0, queue=5000)) as it:
            await it.callers(A, A, B)
            for n in range(waiting):
                it.caller(A if n % 2 or others == "of the same program" else Program(f"{n}"))
            await settle()
            await it.clock.advance(1)  # all of them are late
            assert it.pool._shares.waiting == waiting
            costs.append([await cost_of_a_call(it, program) for program in (A, B, A)])
    assert costs[0] == costs[1]


async def test_programs_that_have_come_and_gone_leave_nothing_behind():
    async with bench(PoolPolicy(cells=4, spare=1)) as it:
        for n in range(200):
            await it.use(Program(f"{n}"))
        assert len(it.pool._shares) <= 4
        assert it.pool.count <= 4
        assert len(it.launcher.alive) <= 4
