"""Cells come, serve and go: nothing is left, on either event loop, however it ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time

import anyio
import anyio.lowlevel
import pytest

from integration.sandbox.leftovers import containers
from latm_sandbox import (
    AsyncSandbox,
    ImageError,
    LaunchFailed,
    Limits,
    PoolPolicy,
    Program,
    Sandbox,
    SandboxBusy,
    SandboxClosed,
    SandboxUnavailable,
    Status,
)
from latm_sandbox.docker._engine import connect

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("leaves_nothing")]

ADD = Program("def add(a, b):\n    return a + b")
SLOW = Program("import time\ndef nap(s):\n    time.sleep(s)\n    return s")
both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@both
def test_both_event_loops(backend):
    async def main():
        async with AsyncSandbox(pool=PoolPolicy(cells=2)) as sandbox:
            assert (await sandbox.call(ADD, 1, 2)).value == 3
            assert (await sandbox.run(ADD, "x = ask(1)", want=("x",), ask=twice)).values == {"x": 2}
            assert (await sandbox.test(ADD, {"t": "assert add(1, 1) == 2"})).passed

    async def twice(value):
        await anyio.lowlevel.checkpoint()
        return value * 2

    anyio.run(main, backend=backend)


@both
def test_a_cancelled_call_kills_its_cell_and_the_next_one_works(backend):
    events = []

    async def main():
        async with AsyncSandbox(
            pool=PoolPolicy(cells=1), on_event=lambda name, _: events.append(name)
        ) as sandbox:
            assert (await sandbox.call(SLOW, 0)).ok
            with anyio.move_on_after(0.2) as scope:
                await sandbox.call(SLOW, 4)
            assert scope.cancelled_caught
            assert (await sandbox.call(SLOW, 0)).ok

    anyio.run(main, backend=backend)
    assert events.count("cell_started") == 2


@both
def test_cancelled_while_a_cell_starts_leaves_nothing(backend):
    async def main():
        async with AsyncSandbox() as sandbox:
            for delay in (0.001, 0.05, 0.15):
                with anyio.move_on_after(delay):
                    await sandbox.call(ADD, 1, 2)

    anyio.run(main, backend=backend)


def test_an_exception_in_the_body_closes_everything():
    with contextlib.suppress(ZeroDivisionError), Sandbox() as sandbox:
        sandbox.call(ADD, 1, 2)
        raise ZeroDivisionError
    with pytest.raises(SandboxClosed):
        sandbox.call(ADD, 1, 2)


def test_a_sandbox_that_is_forgotten_leaves_nothing():
    sandbox = Sandbox()
    assert sandbox.call(ADD, 1, 2).ok
    del sandbox


def test_entering_touches_no_daemon(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with Sandbox() as sandbox, pytest.raises(SandboxUnavailable, match="DOCKER_HOST"):
        sandbox.call(ADD, 1, 2)


def test_a_daemon_that_does_not_answer_is_told_in_the_check(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with Sandbox() as sandbox:
        findings = sandbox.check()
    assert not any(finding.ok for finding in findings)
    assert findings[0].remedy


def test_an_image_that_is_not_there_is_told():
    with (
        Sandbox(image="latm-sandbox-no-such-image:1") as sandbox,
        pytest.raises(ImageError, match="docker pull"),
    ):
        sandbox.call(ADD, 1, 2)


def test_an_image_without_what_the_guest_needs_is_told():
    with Sandbox(image=3) as sandbox, pytest.raises(ImageError, match="reference"):
        sandbox.call(ADD, 1, 2)


def test_a_timeout_throws_the_cell_away_and_an_error_does_not():
    with Sandbox(pool=PoolPolicy(cells=1, spare=0)) as sandbox:
        first = sandbox.call(ADD, 1, 2).cell
        assert sandbox.call(ADD, 1, None).status is Status.ERROR
        assert sandbox.call(ADD, 1, 2).cell == first
        assert sandbox.run(ADD, "while True: pass", limits=Limits(wall_s=0.2)).status is Status.TIMEOUT
        assert sandbox.call(ADD, 1, 2).cell != first


def test_a_program_never_sees_anothers_cell():
    with Sandbox(pool=PoolPolicy(cells=3)) as sandbox:
        programs = [Program(f"def f():\n    return {i}") for i in range(6)]
        cells = {}
        for _ in range(2):
            for i, program in enumerate(programs):
                outcome = sandbox.call(program)
                assert outcome.value == i
                assert cells.setdefault(outcome.cell, program) == program


def test_a_fresh_cell_for_every_call():
    with Sandbox(fresh_cell_per_call=True, pool=PoolPolicy(cells=3, spare=2)) as sandbox:
        assert len({sandbox.call(ADD, 1, 2).cell for _ in range(4)}) == 4


def test_a_cell_retires_after_its_calls():
    with Sandbox(pool=PoolPolicy(cells=2, max_calls=3)) as sandbox:
        cells = [sandbox.call(ADD, 1, i).cell for i in range(9)]
    assert [cells.count(cell) for cell in dict.fromkeys(cells)] == [3, 3, 3]


def test_a_full_queue_and_a_long_wait_are_refused():
    with Sandbox(pool=PoolPolicy(cells=1, spare=0, queue=1, wait_s=0.5)) as sandbox:
        for _ in range(20):  # on a busy machine a cell takes longer than a call waits here
            with contextlib.suppress(LaunchFailed):
                sandbox.call(SLOW, 0)
                break
        errors = []

        def caller():
            try:
                sandbox.call(SLOW, 3)
            except SandboxBusy as error:
                errors.append(error)

        started = threading.Event()
        first = threading.Thread(
            target=lambda: sandbox.run(SLOW, "ask()\nnap(3)", ask=started.set),
        )
        first.start()
        assert started.wait(20)
        threads = [threading.Thread(target=caller) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in (*threads, first):
            thread.join()
        assert len(errors) == 4
        assert any("within 0.5 s" in str(error) for error in errors)
        assert any("wait already" in str(error) for error in errors)
        assert all(error.waiting <= 2 for error in errors)


def test_many_threads_get_their_own_answers():
    with Sandbox(pool=PoolPolicy(cells=2)) as sandbox:
        answers = {}

        def caller(n):
            answers[n] = [sandbox.call(ADD, n, i).value for i in range(10)]

        threads = [threading.Thread(target=caller, args=(n,)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {n: [n + i for i in range(10)] for n in range(20)}


def test_a_forked_process_is_told_to_open_its_own():
    with Sandbox() as sandbox:
        assert sandbox.call(ADD, 1, 2).ok
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                sandbox.call(ADD, 1, 2)
            except SandboxClosed:
                os.write(write, b"closed")
            os._exit(0)
        os.waitpid(pid, 0)
        assert os.read(read, 100) == b"closed"
        os.close(read)
        os.close(write)
        assert sandbox.call(ADD, 1, 2).ok


def test_a_killed_host_leaves_nothing_and_a_sweep_takes_only_the_dead():
    code = (
        "import sys, time\nfrom latm_sandbox import *\ns = Sandbox()\n"
        "s.call(Program('def f(): return 1'))\nprint('ready', flush=True)\n"
        "s.call(Program('import time\\ndef f(): time.sleep(4)'))"
    )
    with Sandbox() as ours:
        assert ours.call(ADD, 1, 2).ok
        host = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        with host:
            assert host.stdout.readline() == "ready\n"
            assert containers(pid=host.pid)
            host.kill()
        until = time.monotonic() + 20
        while containers(pid=host.pid, running=True) and time.monotonic() < until:
            time.sleep(0.05)
        assert not containers(pid=host.pid, running=True)
        # One that was made and not yet started is left to the sweep; one that the engine was still making
        # when its host died, to a later one.
        while swept(host.pid) and time.monotonic() < until:
            time.sleep(0.05)
        assert not containers(pid=host.pid)
        assert ours.call(ADD, 1, 2).ok


def swept(pid):
    """What is left of a dead host when another sandbox has started."""
    with Sandbox() as next_one:
        next_one.start()
        return containers(pid=pid)


def test_two_processes_build_the_image_once():
    code = (
        "from latm_sandbox.docker import _hostpython, _image\n"
        f"_hostpython._FORMAT = 'drill {os.getpid()}'\n"
        "built = []\n"
        "collect = _hostpython.collect\n"
        "_hostpython.collect = lambda *a: (built.append(1), collect(*a))\n"
        "from latm_sandbox.docker._engine import connect\n"
        "print(_image.ensure_host(connect(60)), len(built))"
    )
    both_at_once = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate()[0].split() for process in both_at_once]
    client = connect(60)
    try:
        client.remove_image(said[0][0], force=True)
    finally:
        client.close()
    assert said[0][0] == said[1][0]
    assert sorted(count for _, count in said) == ["0", "1"]
