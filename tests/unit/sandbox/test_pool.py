"""Cells are bound, reused, thrown away and bounded as documented; on a fake launcher and a fake clock."""

from __future__ import annotations

import pytest

from latm_sandbox import Limits, PoolPolicy, SandboxBusy
from unit.sandbox.a_pool import BODY, A, B, C, bench
from unit.sandbox.fake_clock import settle

pytestmark = pytest.mark.anyio


# --- binding and reuse
async def test_a_cell_belongs_to_its_first_program_and_is_reused_for_it():
    async with bench(PoolPolicy(cells=4, spare=1)) as it:
        a, b = await it.use(A), await it.use(B)
        assert a is not b
        assert [await it.use(A), await it.use(B), await it.use(A)] == [a, b, a]
        assert (a.program, b.program) == (A, B)
        assert all(jail.loaded in (["A"], ["B"], []) for jail in it.launcher.alive)


async def test_a_busy_program_gets_a_cell_for_each_caller_up_to_the_bound():
    async with bench(PoolPolicy(cells=3, spare=0)) as it:
        callers = await it.callers(A, A, A, A, A)
        cells = [caller.cell for caller in callers]
        assert len(set(cells[:3])) == 3
        assert cells[3:] == [None, None]
        assert it.pool.count == it.launcher.most == 3
        it.pool.release(cells[1], reusable=True)
        it.pool.release(cells[0], reusable=True)
        await settle()
        assert [caller.cell for caller in callers[3:]] == [cells[1], cells[0]]  # in their order
        assert it.launcher.launches == 3


async def test_the_most_recently_used_cell_of_a_program_comes_first():
    async with bench(PoolPolicy(cells=2, spare=0)) as it:
        first, second = [caller.cell for caller in await it.callers(A, A)]
        it.pool.release(second, reusable=True)
        it.pool.release(first, reusable=True)
        await it.clock.advance(0.01)
        assert await it.use(A) is first


async def test_a_cell_that_is_still_cleaning_up_is_not_taken_while_another_is_there():
    async with bench(PoolPolicy(cells=2, spare=0)) as it:
        first, second = [caller.cell for caller in await it.callers(A, A)]
        await it.clock.advance(0.01)
        it.pool.release(second, reusable=True)
        await first.call(BODY, Limits())
        it.pool.release(first, reusable=True)
        assert await it.use(A) is second
        await it.clock.advance(0.01)
        assert await it.use(A) is second, "the other one may grow old"


async def test_a_caller_who_never_pauses_gets_a_second_cell_in_time():
    async with bench(PoolPolicy(cells=3, spare=1)) as it:
        first = await it.use(A)
        await settle()
        assert {await it.use(A) for _ in range(60)} == {first}
        used = {await it.use(A) for _ in range(20)}
        assert len(used) == 2
        assert first in used
        await settle()
        assert len({await it.use(A) for _ in range(300)}) == 2, "and no third"


async def test_a_caller_who_pauses_keeps_to_one_cell():
    async with bench(PoolPolicy(cells=3, spare=1)) as it:
        used = set()
        for _ in range(100):
            used.add(await it.use(A))
            await it.clock.advance(0.01)
        assert len(used) == 1


async def test_a_discarded_cell_is_destroyed_once_and_never_comes_back():
    async with bench(PoolPolicy(cells=2, spare=0)) as it:
        cell = await it.acquire(A)
        it.pool.discard(cell)
        it.pool.discard(cell)
        await settle()
        it.pool.discard(cell)
        await settle()
        assert cell.jail.destroyed == 1
        assert it.count("cell_destroyed") == 1
        assert await it.use(A) is not cell
        assert it.pool.count == 1


async def test_a_cell_retires_after_its_calls():
    async with bench(PoolPolicy(cells=1, spare=0, max_calls=3)) as it:
        cells = [await it.use(A) for _ in range(7)]
        assert [cells.count(cell) for cell in dict.fromkeys(cells)] == [3, 3, 1]


async def test_single_use_cells_serve_one_call_each():
    async with bench(PoolPolicy(cells=2, spare=1), single_use=True) as it:
        assert len({await it.use(A) for _ in range(5)}) == 5


async def test_a_single_use_cell_that_was_not_used_is_not_wasted():
    async with bench(PoolPolicy(cells=1, spare=0), single_use=True) as it:
        cell = await it.acquire(A)
        it.pool.release(cell, reusable=True)
        assert await it.acquire(A) is cell
        it.pool.discard(cell)


# --- spare cells
async def test_spare_cells_are_started_ahead_and_refilled():
    async with bench(PoolPolicy(cells=4, spare=2)) as it:
        it.pool.fill()
        await settle()
        assert it.launcher.launches == 2
        await it.use(A)
        assert it.launcher.launches == 3
        await it.use(B)
        assert it.launcher.launches == 4
        await it.use(C)
        assert it.launcher.launches == 4  # four is the bound
        assert it.pool.count == 4


async def test_without_spares_nothing_is_started_ahead():
    async with bench(PoolPolicy(cells=4, spare=0)) as it:
        it.pool.fill()
        await it.use(A)
        assert it.launcher.launches == 1


async def test_a_call_that_finds_a_spare_cell_waits_for_nothing():
    async with bench(PoolPolicy(cells=2, spare=1), start_s=5) as it:
        it.pool.fill()
        await it.clock.advance(5)
        before = it.clock.now()
        await it.use(A)
        assert it.clock.now() == before


# --- time
async def test_what_is_idle_for_too_long_goes_and_what_is_used_stays():
    async with bench(PoolPolicy(cells=3, spare=0, idle_s=100)) as it:
        old, kept = await it.use(A), await it.use(B)
        busy = await it.acquire(C)
        await it.clock.advance(90)
        assert await it.use(B) is kept
        await it.clock.advance(20)
        assert (old.jail.destroyed, kept.jail.destroyed, busy.jail.destroyed) == (1, 0, 0)
        await it.clock.advance(100)
        assert kept.jail.destroyed == 1
        assert it.pool.count == 1
        it.pool.release(busy, reusable=True)
        assert await it.use(C) is busy


async def test_blank_cells_beyond_the_spare_ones_go_when_idle_for_too_long():
    async with bench(PoolPolicy(cells=4, spare=1, idle_s=100), start_s=1) as it:
        callers = await it.callers(A, A, A)
        for caller in callers:
            caller.scope.cancel()
        await it.clock.advance(2)
        assert it.pool.count == 4
        await it.clock.advance(90)
        assert it.pool.count == 4
        await it.clock.advance(20)
        assert it.pool.count == 1


async def test_a_silent_blank_cell_is_asked_whether_it_lives():
    async with bench(PoolPolicy(cells=2, spare=2, idle_s=5000)) as it:
        it.pool.fill()
        await settle()
        dead, alive = sorted(it.launcher.alive, key=lambda jail: jail.id)
        dead.end()
        await it.clock.advance(590)
        assert it.launcher.launches == 2
        await it.clock.advance(20)
        assert it.launcher.launches == 3
        assert (dead.destroyed, alive.destroyed) == (1, 0)
        assert it.pool.count == 2


async def test_a_pinged_cell_is_still_blank_even_if_cells_are_of_single_use():
    async with bench(PoolPolicy(cells=1, spare=1, idle_s=5000), single_use=True) as it:
        it.pool.fill()
        await it.clock.advance(4000)
        assert it.launcher.launches == 1
        assert await it.use(A)


async def test_a_stream_that_breaks_in_an_unheard_of_way_does_not_end_the_pool():
    async with bench(PoolPolicy(cells=1, spare=1, idle_s=5000)) as it:
        it.pool.fill()
        await settle()
        it.launcher.broken_stream = ZeroDivisionError()
        await it.clock.advance(610)
        it.launcher.broken_stream = None
        await it.clock.advance(10)
        assert (await it.use(A)).jail.id != "cell-1"


# --- bounds
async def test_the_queue_is_bounded_and_says_how_long_it_is():
    async with bench(PoolPolicy(cells=2, spare=0, queue=3), start_s=1) as it:
        callers = await it.callers(*[A] * 5)  # two for whom cells are started, and three in the queue
        assert all(caller.waits for caller in callers)
        with pytest.raises(SandboxBusy, match="wait already") as raised:
            await it.acquire(A)
        assert (raised.value.waiting, raised.value.waited_s) == (5, 0.0)
        await it.clock.advance(1)
        assert [caller.waits for caller in callers] == [False, False, True, True, True]
        with pytest.raises(SandboxBusy):
            await it.acquire(B)
        callers[4].scope.cancel()
        await settle()
        (more,) = await it.callers(B)
        assert more.waits


async def test_no_queue_means_that_only_cells_that_come_are_waited_for():
    async with bench(PoolPolicy(cells=2, spare=0, queue=0)) as it:
        first, second, third = await it.callers(A, A, A)
        assert first.cell is not second.cell
        assert isinstance(third.error, SandboxBusy)


async def test_a_wait_ends_after_its_time_and_says_how_long_it_was():
    async with bench(PoolPolicy(cells=1, spare=0, wait_s=7)) as it:
        cell = await it.acquire(A)
        first, second = await it.callers(A, B)
        await it.clock.advance(6.9)
        assert first.waits
        assert second.waits
        await it.clock.advance(0.2)
        for caller in (first, second):
            assert isinstance(caller.error, SandboxBusy)
            assert "within 7 s" in str(caller.error)
            assert caller.error.waited_s == pytest.approx(7)
        assert {first.error.waiting, second.error.waiting} == {0, 1}
        it.pool.release(cell, reusable=True)
        assert await it.use(A) is cell  # nobody of those who went is in the way


async def test_a_call_may_have_less_time_than_the_policy_gives():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.pool.discard(await it.acquire(A))
        await settle()
        cell = await it.acquire(A)
        with pytest.raises(SandboxBusy):
            await it.acquire(A, 0.0)
        it.pool.release(cell, reusable=True)
        assert await it.acquire(A, 0.0) is cell
        it.pool.discard(cell)


async def test_who_is_cancelled_while_waiting_leaves_no_trace():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        cell = await it.acquire(A)
        first, second = await it.callers(A, A)
        first.scope.cancel()
        await settle()
        assert first.cancelled
        it.pool.release(cell, reusable=True)
        await settle()
        assert second.cell is cell


async def test_a_cell_given_to_one_who_is_cancelled_goes_to_the_next():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        cell = await it.acquire(A)
        first, second = await it.callers(A, A)
        it.pool.release(cell, reusable=True)
        first.scope.cancel()  # it has the cell already and does not know it
        await settle()
        assert {first.cell, second.cell} - {None} == {cell}
        assert first.cancelled or first.cell is cell
        if first.cell is not None:
            it.pool.release(cell, reusable=True)
            await settle()
        assert second.cell is cell
