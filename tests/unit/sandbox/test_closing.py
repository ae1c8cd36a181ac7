"""The end of a sandbox, wherever it comes from."""

from __future__ import annotations

import gc
import threading

import anyio
import anyio.lowlevel
import pytest

from latm_sandbox import AsyncSandbox, PoolPolicy, Program, Sandbox, SandboxClosed, Status
from unit.sandbox.fake_launcher import FakeLauncher


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_body_that_closes_its_sandbox_goes_on(backend):
    launcher = FakeLauncher()
    went = []

    async def main():
        async with AsyncSandbox(launcher="fake", launchers=[launcher.spec]) as sandbox:
            assert (await sandbox.call(Program("A"))).ok
            await sandbox.aclose()
            assert not launcher.alive
            await anyio.lowlevel.checkpoint()
            went.append("on")
            with pytest.raises(SandboxClosed):
                await sandbox.call(Program("A"))
            await sandbox.aclose()
        went.append("out")

    anyio.run(main, backend=backend)
    assert went == ["on", "out"]
    assert launcher.closed == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_that_runs_while_its_sandbox_is_closed_ends_as_killed(backend):
    launcher = FakeLauncher()
    outcomes = []

    async def main():
        async with (
            AsyncSandbox(launcher="fake", launchers=[launcher.spec], pool=PoolPolicy(spare=0)) as sandbox,
            anyio.create_task_group() as group,
        ):

            async def call():
                outcomes.append(await sandbox.call(Program("hang")))

            group.start_soon(call)
            while not any(jail.loaded for jail in launcher.alive):
                await anyio.lowlevel.checkpoint()
            await sandbox.aclose()

    anyio.run(main, backend=backend)
    assert [outcome.status for outcome in outcomes] == [Status.KILLED]


def test_a_sandbox_that_is_collected_in_its_own_thread_ends_all_the_same():
    launcher = FakeLauncher()
    dropped, collected = threading.Event(), threading.Event()

    def collect(_name, _fields):  # called in the thread of the sandbox's loop, like any code that allocates
        assert dropped.wait(10)
        gc.collect()
        collected.set()

    sandbox = Sandbox(launcher="fake", launchers=[launcher.spec], on_event=collect)
    sandbox.itself = sandbox  # so that it is the collector's
    sandbox.start()
    thread = sandbox._portal._thread
    del sandbox
    dropped.set()
    assert collected.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert not launcher.alive
    assert launcher.closed == 1
