"""The sandbox over a fake launcher: what becomes of a call, and of its cell."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from latm_sandbox import AsyncSandbox, Limits, PoolPolicy, Program, SandboxUnavailable, Status
from unit.sandbox.fake_launcher import FakeLauncher

pytestmark = pytest.mark.anyio


def sandbox_on(launcher: FakeLauncher, **options: object) -> AsyncSandbox:
    return AsyncSandbox(launcher="fake", launchers=[launcher.spec], **options)


async def test_each_program_gets_its_own_answers_however_many_call_at_once():
    launcher = FakeLauncher()
    async with sandbox_on(launcher, pool=PoolPolicy(cells=3)) as sandbox:
        answers = {}

        async def call(program, n):
            answers[program, n] = (await sandbox.call(Program(program), n)).value

        async with anyio.create_task_group() as group:
            for n in range(40):
                for program in "ABCDE":
                    group.start_soon(call, program, n)
        assert answers == {(program, n): [program, n] for program in "ABCDE" for n in range(40)}
        assert launcher.most <= 3
    assert not launcher.alive
    assert launcher.closed == 1


async def test_an_error_keeps_the_cell_and_a_death_does_not():
    launcher = FakeLauncher()
    async with sandbox_on(launcher, pool=PoolPolicy(cells=1, spare=0)) as sandbox:
        first = await sandbox.call(Program("fail"))
        again = await sandbox.call(Program("fail"))
        assert (first.status, again.status, again.cell) == (Status.ERROR, Status.ERROR, first.cell)
        died = await sandbox.call(Program("die"))
        assert died.status is Status.KILLED
        assert (await sandbox.call(Program("die"))).cell != died.cell


async def test_a_cell_that_does_not_answer_is_a_timeout_and_goes():
    launcher = FakeLauncher()
    async with sandbox_on(launcher, pool=PoolPolicy(cells=1, spare=0)) as sandbox:
        late = await sandbox.call(Program("hang"), limits=Limits(wall_s=0.01))
        assert late.status is Status.TIMEOUT
        assert (await sandbox.call(Program("A"))).cell != late.cell


async def test_a_cell_that_died_while_it_was_idle_costs_no_call():
    launcher = FakeLauncher()
    async with sandbox_on(launcher, pool=PoolPolicy(cells=1, spare=0)) as sandbox:
        assert (await sandbox.call(Program("A"), 1)).ok
        (jail,) = launcher.alive
        jail.end()
        assert (await sandbox.call(Program("A"), 2)).value == ["A", 2]
        assert launcher.launches == 2


async def test_a_cancelled_call_takes_its_cell_with_it():
    launcher = FakeLauncher()
    async with sandbox_on(launcher, pool=PoolPolicy(cells=1, spare=0)) as sandbox:
        async with anyio.create_task_group() as group:
            group.start_soon(sandbox.call, Program("hang"))
            while not any(jail.loaded for jail in launcher.alive):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        assert (await sandbox.call(Program("A"))).cell == "fake:cell-2"


async def test_a_launcher_that_cannot_start_is_told_with_its_remedy():
    launcher = FakeLauncher()
    launcher.prepare_error = SandboxUnavailable("no engine", remedy="start it")
    async with sandbox_on(launcher) as sandbox:
        with pytest.raises(SandboxUnavailable) as raised:
            await sandbox.call(Program("A"))
        assert raised.value.remedy == "start it"
        launcher.prepare_error = None
        assert (await sandbox.call(Program("A"))).ok
