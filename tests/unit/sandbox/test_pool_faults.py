"""What a pool does when launchers fail, and when it ends; on a fake launcher and a fake clock."""

from __future__ import annotations

import pytest

from latm_sandbox import LaunchFailed, PoolPolicy, SandboxClosed, SandboxUnavailable
from latm_sandbox._cell import DESTROY_S
from unit.sandbox.a_pool import A, B, C, D, bench
from unit.sandbox.fake_clock import settle

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize("error", [LaunchFailed("full"), SandboxUnavailable("no engine")])
async def test_who_came_after_a_start_began_is_not_told_of_its_failure(error):
    async with bench(PoolPolicy(cells=1, spare=0), start_s=0.1) as it:
        it.launcher.launch_errors.append(error)
        (first,) = await it.callers(A)
        await it.clock.advance(0.05)
        (second,) = await it.callers(B)
        await it.clock.advance(0.06)
        assert isinstance(first.error, type(error))
        assert second.waits
        await it.clock.advance(0.1)
        assert second.cell is not None
        assert it.launcher.launches == 2


async def test_an_error_that_cannot_be_copied_is_told_all_the_same():
    class Odd(SandboxUnavailable):
        def __init__(self, first: str, second: str) -> None:
            super().__init__(f"{first}{second}")

        def __reduce__(self) -> str:
            raise TypeError

    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.launcher.prepare_error = Odd("a", "b")
        with pytest.raises(Odd, match="ab"):
            await it.acquire(A)


@pytest.mark.parametrize("error", [LaunchFailed("full"), SandboxUnavailable("gone")])
async def test_a_program_that_has_a_cell_waits_for_it_though_no_other_can_start(error):
    async with bench(PoolPolicy(cells=2, spare=0)) as it:
        cell = await it.acquire(A)
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
                await it.acquire(D)
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
            await it.acquire(A)
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
            await it.acquire(A)
        assert it.count("cell_left") == 1
        it.launcher.alive.clear()


# --- what goes wrong at an end
async def test_a_cell_whose_end_hangs_is_reported_and_its_place_given_away():
    async with bench(PoolPolicy(cells=1, spare=0)) as it:
        it.launcher.destroy_hangs = True
        left = await it.acquire(A)
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
        idle, busy = await it.use(B), await it.acquire(A)
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
            await it.acquire(A)
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
        cell = await it.acquire(A)
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
