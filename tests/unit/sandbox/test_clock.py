"""Deadlines are monotonic: whoever sets the wall clock changes none of them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

import latm_sandbox
from latm_sandbox._clock import MONOTONIC, deadline
from unit.sandbox.fake_clock import FakeClock

pytestmark = pytest.mark.anyio

# The wall clock goes to 2100 and to 1970 by turns, at each look, while calls wait and run out of time, and
# cells become idle.
JUMPS = """
import itertools, time
real, far = time.monotonic, itertools.cycle([4.1e9, 0.0, -4.1e9])
time.time = lambda: next(far)
time.time_ns = lambda: int(next(far) * 1e9)
time.clock_gettime = lambda which: next(far) if which == time.CLOCK_REALTIME else real()

import anyio
from latm_sandbox import AsyncSandbox, Limits, PoolPolicy, Program, SandboxBusy, Status
from unit.sandbox.fake_launcher import FakeLauncher

async def main():
    launcher = FakeLauncher()
    policy = PoolPolicy(cells=1, spare=0, wait_s=0.6, idle_s=0.5)
    limits = Limits(wall_s=0.2)
    options = {"launcher": "fake", "launchers": [launcher.spec], "pool": policy, "limits": limits}
    async with AsyncSandbox(**options) as sandbox:
        assert (await sandbox.call(Program("A"), 1)).value == ["A", 1]
        await anyio.sleep(0.2)
        assert launcher.launches == 1
        assert (await sandbox.call(Program("A"), 2)).value == ["A", 2]
        assert launcher.launches == 1, "an idle cell went too early"

        begun = real()
        async with anyio.create_task_group() as group:
            async def hang():
                outcome = await sandbox.call(Program("hang"))
                assert outcome.status is Status.TIMEOUT
                assert 1.1 < real() - begun < 3.5, "the end of a call moved"
            group.start_soon(hang)
            await anyio.sleep(0.1)
            asked = real()
            try:
                await sandbox.call(Program("B"))
            except SandboxBusy as busy:
                assert 0.6 <= real() - asked < 2 and 0.6 <= busy.waited_s < 2, "the end of a wait moved"
            else:
                raise AssertionError("it did not wait")
        assert (await sandbox.call(Program("A"), 3)).ok
        until = real() + 5
        while launcher.alive:
            assert real() < until, "an idle cell stays"
            await anyio.sleep(0.05)

anyio.run(main, backend={backend!r})
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_wall_clock_that_jumps_moves_no_deadline(backend, repo):
    done = subprocess.run(
        [sys.executable, "-c", JUMPS.replace("{backend!r}", repr(backend))],
        cwd=repo / "tests",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_in_the_sandbox_reads_the_wall_clock():
    wall = {f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "strftime")}
    wall |= {f"{name}.{how}" for name in ("datetime", "dt.datetime", "date") for how in ("now", "today")}
    found = [
        f"{path.name}:{node.lineno}"
        for path in Path(latm_sandbox.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in wall
    ]
    assert found == []


def test_the_pool_and_its_cells_have_no_other_clock_than_the_one_they_are_given():
    package = Path(latm_sandbox.__file__).parent
    for name in ("_pool.py", "_shares.py", "_cell.py"):
        tree = ast.parse((package / name).read_text())
        used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        clocks = ("time.", "anyio.sleep", "anyio.fail_", "anyio.move_on", "anyio.current_time")
        assert [each for each in used if each.startswith(clocks) and each != "anyio.sleep_forever"] == []


async def test_the_real_clock_limits_restarts_and_sleeps():
    begun = MONOTONIC.now()
    with MONOTONIC.limit(30) as scope:
        MONOTONIC.restart(scope, 0.02)
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    await MONOTONIC.sleep(0.02)
    assert 0.04 <= MONOTONIC.now() - begun < 20


@pytest.mark.parametrize("clock", [MONOTONIC, FakeClock()])
async def test_a_deadline_is_a_timeout_and_only_its_own(clock):
    with pytest.raises(TimeoutError), deadline(clock, 0):
        await anyio.sleep_forever()
    with anyio.CancelScope() as outer:
        outer.cancel()
        with deadline(clock, 100):
            await anyio.sleep_forever()
    assert outer.cancelled_caught
    with deadline(clock, 100) as scope:
        pass
    assert not scope.cancel_called
