"""Who gets the next cell, and who makes room for it; on a fake launcher and a fake clock."""

from __future__ import annotations

import pytest

from latm_sandbox import PoolPolicy
from latm_sandbox._pool import PATIENCE_S
from unit.sandbox.a_pool import A, B, C, D, bench
from unit.sandbox.fake_clock import settle

pytestmark = pytest.mark.anyio


async def test_the_least_recently_used_makes_room():
    async with bench(PoolPolicy(cells=3, spare=0)) as it:
        a, b, c = await it.use(A), await it.use(B), await it.use(C)
        assert await it.use(A) is a
        await it.use(D)
        assert (a.jail.destroyed, b.jail.destroyed, c.jail.destroyed) == (0, 1, 0)
        assert it.launcher.most <= 3


async def test_a_second_call_of_a_program_evicts_another_only_after_a_while():
    async with bench(PoolPolicy(cells=2, spare=0)) as it:
        other = await it.use(B)
        await it.callers(A)
        (second,) = await it.callers(A)
        await it.clock.advance(PATIENCE_S * 0.9)
        assert second.waits
        assert other.jail.destroyed == 0
        await it.clock.advance(PATIENCE_S * 0.2)
        assert other.jail.destroyed == 1
        assert second.cell is not None


async def test_one_hot_program_keeps_another_no_longer_than_a_patience_and_a_start():
    start_s, call_s = 0.3, 0.01
    async with bench(PoolPolicy(cells=2, spare=0, queue=10_000), start_s=start_s) as it:
        for _ in range(200):
            it.group.start_soon(it.keep_calling, A, call_s, [])
        await it.clock.advance(1)
        begun = it.clock.now()
        (other,) = await it.callers(B)
        while other.waits and it.clock.now() < begun + 5:
            await it.clock.advance(call_s)
        assert it.clock.now() - begun < PATIENCE_S + start_s + 3 * call_s
        assert other.cell is not None


async def test_programs_without_a_cell_take_turns_in_their_order():
    served = []
    async with bench(PoolPolicy(cells=1, spare=0, wait_s=1000), start_s=0.1) as it:

        async def call(program):
            cell = await it.acquire(program)
            served.append(program)
            await it.clock.sleep(1)
            it.pool.release(cell, reusable=True)

        for program in (A, A, A, B, B, C, D):
            it.group.start_soon(call, program)
            await settle()
        await it.clock.advance(60)
        # Each of the others comes before A's second call has cost it a second turn.
        assert served == [A, B, C, D, A, B, A]


async def test_a_hot_programs_cell_serves_for_a_while_before_it_is_taken():
    served = []
    async with bench(PoolPolicy(cells=1, spare=0, wait_s=1000), start_s=0.3) as it:
        for program in (A, A, B, B):
            it.group.start_soon(it.keep_calling, program, 0.01, served)
        await it.clock.advance(20)
        # 0.25 s of calls for each start of 0.3 s, and not a start for each call.
        assert len(served) > 700
        assert 0.4 < served.count(A) / len(served) < 0.6


async def test_nobody_makes_room_for_one_who_has_only_just_come():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        cell = await it.acquire(A)
        await it.clock.advance(1)
        other, same = await it.callers(B, A)
        await it.clock.advance(PATIENCE_S * 0.9)
        it.pool.release(cell, reusable=True)
        await settle()
        assert same.cell is cell
        await it.callers(A)
        await it.clock.advance(PATIENCE_S * 0.2)
        it.pool.release(cell, reusable=True)
        await settle()
        assert other.cell is not None
        assert cell.jail.destroyed == 1


async def test_one_cell_makes_room_for_one_program():
    async with bench(PoolPolicy(cells=3, spare=0), start_s=1) as it:
        callers = await it.callers(A, A, A)
        await it.clock.advance(1)
        other, *same = await it.callers(B, A, A, A)
        await it.clock.advance(PATIENCE_S * 2)
        for caller in callers:
            it.pool.release(caller.cell, reusable=True)
            await settle()
        assert sum(caller.cell.jail.destroyed for caller in callers) == 1
        assert [caller.waits for caller in same] == [False, False, True]
        await it.clock.advance(1)
        assert other.cell is not None


async def test_two_hot_programs_with_a_cell_each_do_not_take_each_others():
    async with bench(PoolPolicy(cells=2, spare=0, wait_s=1000), start_s=0.1) as it:
        for program in (A, B):
            it.group.start_soon(it.keep_calling, program, 1, [])
        await it.clock.advance(1)
        for program in (A, B) * 20:
            it.group.start_soon(it.keep_calling, program, 1, [])
        await it.clock.advance(100)
        assert it.launcher.launches == 2


async def test_a_blank_cell_goes_to_the_program_that_has_fewest():
    async with bench(PoolPolicy(cells=4, spare=0), start_s=0.1) as it:
        first = await it.callers(A, A, B)
        await it.clock.advance(0.1)
        assert all(caller.cell for caller in first)
        late_a, late_b = await it.callers(A, B)  # one more cell can be had
        await it.clock.advance(0.1)
        assert late_a.waits
        assert late_b.cell is not None
