"""Calls that are cancelled or interrupted at any stage, and sandboxes that are closed while calls run."""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
import time

import anyio
import pytest

from integration.faults import child, drill, traced
from latm_sandbox import AsyncSandbox, PoolPolicy, Sandbox, SandboxClosed, SandboxError, Status

pytestmark = pytest.mark.docker

both = pytest.mark.parametrize("backend", ["asyncio", "trio"])
CLOSE_S = 5.0
# Of the start of a first cell: before anything, in the image's, the container's and the guest's start, after.
STAGES = (0.0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


def all_settled(sandbox):
    """Every cell is unused, blank or on its way out, and nobody waits: none was lost."""
    pool = sandbox._async._pool
    with pool._lock:
        kept = pool._cells - pool._dying
        return not pool._shares.waiting and kept == set(pool._idle) | set(pool._blank)


@both
@drill.rounds(1)
def test_cancelled_while_the_first_cell_starts(backend, rounds):
    trace, growth = traced.Trace(), drill.Growth()

    async def one(after):
        async with AsyncSandbox(pool=PoolPolicy(cells=1), **trace.options) as sandbox:
            begun = time.monotonic()
            with anyio.move_on_after(after) as scope:
                assert (await sandbox.call(drill.ADD, 1, 2)).value == 3
            assert time.monotonic() - begun < after + drill.MARGIN_S
            begun = time.monotonic()
            assert (await sandbox.call(drill.ADD, 2, 2)).value == 4
            assert time.monotonic() - begun < drill.MARGIN_S
            return scope.cancelled_caught

    for _ in range(rounds):
        cancelled = [anyio.run(one, after, backend=backend) for after in STAGES]
        assert cancelled[0]  # the others depend on the machine's speed
        growth.sample()
    growth.check()
    trace.gone()
    assert not trace.said("cell_left")


@both
@drill.rounds(3)
def test_cancelled_in_the_queue_and_in_the_call(backend, rounds):
    trace, growth = traced.Trace(), drill.Growth()

    async def cancelled(sandbox, after, ended):
        with anyio.move_on_after(after) as scope:
            await sandbox.call(drill.NAP, 4)
        assert scope.cancelled_caught
        ended.append(after)

    async def main():
        async with AsyncSandbox(pool=PoolPolicy(cells=2), **trace.options) as sandbox:
            for n in range(rounds):
                assert (await sandbox.call(drill.NAP, 0)).ok
                ended = []
                begun = time.monotonic()
                async with anyio.create_task_group() as group:
                    for after in (0.0, 0.001, 0.002, 0.02, 0.05, 0.1, 0.2, 0.3):
                        group.start_soon(cancelled, sandbox, after, ended)
                assert time.monotonic() - begun < 0.3 + drill.MARGIN_S
                assert len(ended) == 8
                begun = time.monotonic()
                assert (await sandbox.call(drill.ADD, n, 2)).value == n + 2
                assert time.monotonic() - begun < drill.MARGIN_S
                growth.sample()

    anyio.run(main, backend=backend)
    growth.check()
    trace.gone()
    assert not trace.said("cell_left")


@both
def test_cancelled_while_the_host_answers(backend):
    trace = traced.Trace()

    async def never(_question):
        await anyio.sleep_forever()

    async def main():
        async with AsyncSandbox(pool=PoolPolicy(cells=1), **trace.options) as sandbox:
            assert (await sandbox.call(drill.ADD, 1, 2)).ok
            with anyio.move_on_after(0.1) as scope:
                await sandbox.run(drill.ADD, "ask(1)", ask=never)
            assert scope.cancelled_caught
            assert (await sandbox.call(drill.ADD, 1, 2)).value == 3

    anyio.run(main, backend=backend)
    trace.gone()


INTERRUPTED = """
import latm_sandbox._callers, latm_sandbox._calls, latm_sandbox._pool, latm_sandbox._shares
BOOKS = {m.__file__ for name, m in sys.modules.items() if name.startswith("latm_sandbox._")}
rounds, steps = int(sys.argv[1]), random.Random(1)

def strike_at(step):
    "Send SIGINT at that step of the call, wherever in the sandbox's own code that is."
    def trace(frame, event, _argument):
        nonlocal step
        if frame.f_code.co_filename not in BOOKS:
            return None
        step -= event == "line"
        if step == 0:
            step = -1
            os.kill(os.getpid(), signal.SIGINT)
        return trace
    sys.settrace(trace)

def main():
    hits = 0
    with Sandbox(pool=PoolPolicy(cells=2, wait_s=5.0)) as sandbox:
        sandbox.start()
        for n in range(rounds):
            assert sandbox.call(ADD, n, 0).value == n
            try:
                strike_at(steps.randrange(1, 250))
                assert sandbox.call(ADD, n, 1).value == n + 1
            except KeyboardInterrupt:
                hits += 1
            finally:
                sys.settrace(None)
            begun = time.monotonic()
            assert sandbox.call(ADD, n, 2).value == n + 2
            assert time.monotonic() - begun < 2, time.monotonic() - begun
        pool = sandbox._async._pool
        until = time.monotonic() + 5
        while pool._dying or pool._cells != set(pool._idle) | set(pool._blank) or pool._shares.waiting:
            assert time.monotonic() < until, (pool._cells, pool._dying, pool._idle, pool._blank)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        say(hits)
main()
"""


@drill.rounds(60, full=1000)
def test_interrupted_at_any_step_in_the_main_thread(rounds):
    pid, said = child.run(INTERRUPTED, rounds, seconds=20 + rounds)
    assert int(said) > rounds / 3  # the others came after the last step
    drill.none_left(pid=pid)


@drill.rounds(3)
def test_interrupted_in_another_thread(rounds):
    trace, growth = traced.Trace(), drill.Growth()
    with Sandbox(pool=PoolPolicy(cells=1), **trace.options) as sandbox:
        for n in range(rounds):
            assert sandbox.call(drill.NAP, 0).ok
            # The one in the call, and the one that waits for its cell.
            ended = []
            threads = [threading.Thread(target=interruptible, args=(sandbox, ended)) for _ in range(2)]
            for thread in threads:
                thread.start()
                time.sleep(0.02)
            for thread in threads:
                interrupt(thread)
            for thread in threads:
                thread.join(0.5 + drill.MARGIN_S)
            assert ended == [KeyboardInterrupt] * 2
            traced.works(sandbox.call, drill.ADD, n, 2, expected=n + 2)
            drill.until(lambda: all_settled(sandbox), seconds=5, what="no cell is lost")
            growth.sample()
    growth.check()
    trace.gone()


def interruptible(sandbox, ended):
    try:
        sandbox.call(drill.NAP, 0.3)
    except BaseException as error:  # noqa: BLE001 - whatever it is
        ended.append(type(error))


def interrupt(thread):
    """Raise KeyboardInterrupt in a thread, at its next step."""
    raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt)
    )
    assert raised == 1


@drill.rounds(3)
def test_closed_while_threads_call(rounds):
    trace, growth = traced.Trace(), drill.Growth()
    for n in range(rounds):
        sandbox = Sandbox(pool=PoolPolicy(cells=2), **trace.options)
        assert sandbox.call(drill.ADD, 1, 2).ok
        calls = drill.Calls()
        for call in callers(sandbox):
            calls.begin(until_closed, call, limit_s=CLOSE_S)
        time.sleep(0.01 + 0.04 * (n % 4))
        begun = time.monotonic()
        sandbox.close()
        assert time.monotonic() - begun < CLOSE_S
        assert {type(ended.error) for ended in calls.settle()} == {SandboxClosed}
        with pytest.raises(SandboxClosed):
            sandbox.call(drill.ADD, 1, 2)
        growth.sample()
    growth.check()
    trace.gone()
    assert not trace.said("cell_left")


def callers(sandbox):
    """Calls of every kind, over the event loop and past it."""
    for _ in range(4):
        yield functools.partial(sandbox.call, drill.ADD, 1, 2)
        yield functools.partial(sandbox.call, drill.NAP, 0.05)
        yield functools.partial(sandbox.run, drill.ADD, "x = ask(1)", want=("x",), ask=lambda x: x)
        yield functools.partial(sandbox.run, drill.ADD, "1 / 0")


def until_closed(call):
    """Call until it raises; what comes before is the answer, or a cell that went in mid-call."""
    while True:
        outcome = call()
        assert outcome.status in (Status.OK, Status.ERROR, Status.KILLED), outcome


@both
@drill.rounds(3)
def test_closed_while_tasks_call(backend, rounds):
    trace, growth = traced.Trace(), drill.Growth()

    async def caller(sandbox, ended):
        try:
            for n in itertools.count():
                outcome = await sandbox.call(drill.ADD, n, 2)
                assert outcome.status is Status.KILLED or outcome.value == n + 2
        except SandboxError as error:
            ended.append(error)

    async def main():
        ended = []
        async with anyio.create_task_group() as group:
            async with AsyncSandbox(pool=PoolPolicy(cells=2), **trace.options) as sandbox:
                assert (await sandbox.call(drill.ADD, 1, 2)).ok
                for _ in range(16):
                    group.start_soon(caller, sandbox, ended)
                await anyio.sleep(0.05)
            with anyio.fail_after(drill.MARGIN_S):
                while len(ended) < 16:  # noqa: ASYNC110 - many tasks add to it
                    await anyio.sleep(0.01)
        assert {type(error) for error in ended} == {SandboxClosed}

    for _ in range(rounds):
        anyio.run(main, backend=backend)
        growth.sample()
    growth.check()
    trace.gone()
    assert not trace.said("cell_left")
