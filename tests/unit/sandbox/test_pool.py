"""Cells are bound, reused, thrown away and bounded as documented; on a fake launcher and a fake clock."""

from __future__ import annotations

import pytest

from latm_sandbox import LaunchFailed, Limits, PoolPolicy, SandboxBusy, SandboxClosed, SandboxUnavailable
from latm_sandbox._cell import DESTROY_S
from latm_sandbox._pool import PATIENCE_S
from unit.sandbox.a_pool import BODY, A, B, C, D, bench
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
        cell = await it.pool.acquire(A)
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
        cell = await it.pool.acquire(A)
        it.pool.release(cell, reusable=True)
        assert await it.pool.acquire(A) is cell
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
        busy = await it.pool.acquire(C)
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
            await it.pool.acquire(A)
        assert (raised.value.waiting, raised.value.waited_s) == (5, 0.0)
        await it.clock.advance(1)
        assert [caller.waits for caller in callers] == [False, False, True, True, True]
        with pytest.raises(SandboxBusy):
            await it.pool.acquire(B)
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
        cell = await it.pool.acquire(A)
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
        it.pool.discard(await it.pool.acquire(A))
        await settle()
        cell = await it.pool.acquire(A)
        with pytest.raises(SandboxBusy):
            await it.pool.acquire(A, 0.0)
        it.pool.release(cell, reusable=True)
        assert await it.pool.acquire(A, 0.0) is cell
        it.pool.discard(cell)


async def test_who_is_cancelled_while_waiting_leaves_no_trace():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        cell = await it.pool.acquire(A)
        first, second = await it.callers(A, A)
        first.scope.cancel()
        await settle()
        assert first.cancelled
        it.pool.release(cell, reusable=True)
        await settle()
        assert second.cell is cell


async def test_a_cell_given_to_one_who_is_cancelled_goes_to_the_next():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        cell = await it.pool.acquire(A)
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


# --- eviction and fairness
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
            cell = await it.pool.acquire(program)
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
        cell = await it.pool.acquire(A)
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


# --- what goes wrong at a start
async def test_a_failed_start_is_told_to_one_and_the_next_has_another_chance():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.launcher.launch_errors.append(LaunchFailed("no luck", remedy="try again"))
        first, second = await it.callers(A, A)
        assert isinstance(first.error, LaunchFailed)
        assert first.error.remedy == "try again"
        assert second.cell is not None
        assert it.count("cell_failed") == 1


async def test_when_every_start_fails_each_call_is_told_once():
    async with bench(PoolPolicy(cells=2, spare=1), start_s=0.1) as it:
        it.launcher.launch_error = LaunchFailed("never")
        callers = await it.callers(A, A, B, C, C)
        await it.clock.advance(5)
        assert [type(caller.error) for caller in callers] == [LaunchFailed] * 5
        assert [caller.ends for caller in callers] == [1] * 5
        it.launcher.launch_error = None
        (next_one,) = await it.callers(A)
        await it.clock.advance(0.1)
        assert next_one.cell is not None


async def test_where_nothing_can_start_all_are_told_at_once_each_by_an_error_of_its_own():
    async with bench(PoolPolicy(cells=1, spare=0), start_s=0.1) as it:
        it.launcher.launch_error = SandboxUnavailable("no engine", remedy="start it")
        callers = await it.callers(A, B, C)
        await it.clock.advance(0.1)
        assert it.launcher.launches == 1
        errors = [caller.error for caller in callers]
        assert [(type(error), str(error), error.remedy) for error in errors] == [
            (SandboxUnavailable, "no engine: start it", "start it")
        ] * 3
        assert len(set(map(id, errors))) == 3
        assert all(error.__cause__ is it.launcher.launch_error for error in errors)


async def test_an_error_that_cannot_be_copied_is_told_all_the_same():
    class Odd(SandboxUnavailable):
        def __init__(self, first: str, second: str) -> None:
            super().__init__(f"{first}{second}")

        def __reduce__(self) -> str:
            raise TypeError

    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.launcher.prepare_error = Odd("a", "b")
        with pytest.raises(Odd, match="ab"):
            await it.pool.acquire(A)


@pytest.mark.parametrize("error", [LaunchFailed("full"), SandboxUnavailable("gone")])
async def test_a_program_that_has_a_cell_waits_for_it_though_no_other_can_start(error):
    async with bench(PoolPolicy(cells=2, spare=0)) as it:
        cell = await it.pool.acquire(A)
        it.launcher.launch_error = error
        (second,) = await it.callers(A)
        await it.clock.advance(20)
        assert second.waits
        assert it.launcher.launches < 20  # tried again now and then, not all the time
        it.pool.release(cell, reusable=True)
        await settle()
        assert second.cell is cell


async def test_idle_cells_are_kept_while_nothing_can_start():
    async with bench(PoolPolicy(cells=3, spare=0)) as it:
        kept = [await it.use(A), await it.use(B), await it.use(C)]
        it.launcher.launch_error = SandboxUnavailable("gone")
        for _ in range(5):
            with pytest.raises(SandboxUnavailable):
                await it.pool.acquire(D)
        assert sum(cell.jail.destroyed for cell in kept) == 1


async def test_spare_cells_come_back_after_a_failed_start():
    async with bench(PoolPolicy(cells=2, spare=1)) as it:
        it.launcher.launch_errors.append(LaunchFailed("once"))
        it.pool.fill()
        await settle()
        assert it.pool.count == 0
        await it.clock.advance(6)
        assert it.pool.count == 1


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), TimeoutError("its own")])
async def test_a_launchers_own_mistake_is_a_typed_error_that_shows_it(error):
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.launcher.launch_error = error
        with pytest.raises(LaunchFailed) as raised:
            await it.pool.acquire(A)
        assert repr(error) in str(raised.value)
        it.launcher.launch_error = None
        assert await it.use(A)


async def test_a_start_that_takes_too_long_is_given_up():
    async with bench(PoolPolicy(cells=1, spare=0, start_s=3)) as it:
        it.launcher.launch_hangs = True
        (caller,) = await it.callers(A)
        await it.clock.advance(2.9)
        assert caller.waits
        await it.clock.advance(0.2)
        assert isinstance(caller.error, LaunchFailed)
        assert "within 3 s" in str(caller.error)
        assert not it.launcher.alive


async def test_a_guest_that_says_nothing_is_given_up_within_the_time_of_the_start():
    async with bench(PoolPolicy(cells=1, spare=0, start_s=3), start_s=1) as it:
        it.launcher.hello = b""
        (caller,) = await it.callers(A)
        await it.clock.advance(2.9)
        assert caller.waits
        await it.clock.advance(0.2)
        assert isinstance(caller.error, LaunchFailed)
        assert "said nothing for 2 s" in str(caller.error)
        assert not it.launcher.alive


async def test_a_guest_that_cannot_be_destroyed_after_a_bad_start_blocks_nobody():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.launcher.hello = b"x" * 100
        it.launcher.destroy_hangs = True
        (caller,) = await it.callers(A)
        await it.clock.advance(DESTROY_S + 1)
        assert isinstance(caller.error, LaunchFailed)
        assert it.count("cell_left") == 1
        it.launcher.alive.clear()


async def test_a_guest_whose_end_fails_after_a_bad_start_is_told_beside_what_was_wrong():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.launcher.hello = b"x" * 100
        it.launcher.destroy_error = ZeroDivisionError("bug")
        with pytest.raises(LaunchFailed, match="did not start"):
            await it.pool.acquire(A)
        assert it.count("cell_left") == 1
        it.launcher.alive.clear()


# --- what goes wrong at an end
async def test_a_cell_whose_end_hangs_is_reported_and_its_place_given_away():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.launcher.destroy_hangs = True
        left = await it.pool.acquire(A)
        it.pool.discard(left)
        (next_one,) = await it.callers(A)
        await it.clock.advance(DESTROY_S - 0.1)
        assert next_one.waits  # it may still be there
        await it.clock.advance(0.2)
        assert next_one.cell is not None
        assert (it.count("cell_left"), it.count("cell_destroyed")) == (1, 0)
        it.launcher.alive.discard(left.jail)


async def test_a_launcher_that_fails_to_destroy_is_reported_and_ends_nothing():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        left = await it.use(A)
        it.launcher.destroy_error = ZeroDivisionError("x")
        it.launcher.abandon_error = ZeroDivisionError("y")
        assert await it.use(B)
        assert [fields["error"] for name, fields in it.events if name == "cell_left"] == [
            "ZeroDivisionError('y')",
            "ZeroDivisionError('x')",
        ]
        it.launcher.abandon_error = None
        it.launcher.alive.discard(left.jail)


# --- the end of all
async def test_closing_refuses_who_waits_and_leaves_nothing():
    async with bench(PoolPolicy(cells=2, spare=0)) as it:
        idle, busy = await it.use(B), await it.pool.acquire(A)
        waiting = await it.callers(A, A, B, C)
        assert waiting[2].cell is idle
        await it.pool.aclose()
        assert it.pool.count == 0
        assert not it.launcher.alive
        await settle()
        refused = [waiting[0], waiting[1], waiting[3]]
        assert [type(caller.error) for caller in refused] == [SandboxClosed] * 3
        assert all(caller.ends == 1 for caller in waiting)
        it.pool.release(busy, reusable=True)  # the calls that ran find out later
        it.pool.discard(idle)
        await settle()
        assert (busy.jail.destroyed, idle.jail.destroyed) == (1, 1)
        with pytest.raises(SandboxClosed):
            await it.pool.acquire(A)
        await it.pool.aclose()


async def test_closing_ends_what_is_starting():
    async with bench(PoolPolicy(cells=3, spare=2), start_s=5) as it:
        (caller,) = await it.callers(A)
        assert it.launcher.launches == 3
        await it.pool.aclose()
        assert not it.launcher.alive
        await settle()
        assert isinstance(caller.error, SandboxClosed)


async def test_closing_waits_for_what_is_being_destroyed_and_destroys_it_once():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        cell = await it.pool.acquire(A)
        it.pool.discard(cell)  # in the background
        await it.pool.aclose()
        assert not it.launcher.alive
        assert cell.jail.destroyed == 1


async def test_closing_does_not_wait_for_ever():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        await it.use(A)
        it.launcher.destroy_hangs = True
        ended = []

        async def close():
            await it.pool.aclose()
            ended.append(it.clock.now())

        begun = it.clock.now()
        it.group.start_soon(close)
        await it.clock.advance(DESTROY_S * 3)
        assert ended == [begun + DESTROY_S]
        it.launcher.alive.clear()
