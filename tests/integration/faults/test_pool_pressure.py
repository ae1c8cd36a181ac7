"""Two hundred callers and a pool of two; more than may wait; no descriptors left."""

from __future__ import annotations

import threading
import time
from typing import Self

import anyio
import pytest

from integration.faults import child, drill, traced
from latm_sandbox import AsyncSandbox, Limits, PoolPolicy, Program, Sandbox, SandboxBusy, Status

pytestmark = [pytest.mark.docker, pytest.mark.serial]

both = pytest.mark.parametrize("backend", ["asyncio", "trio"])
CALLERS = 200
CELLS = 2
POOL = PoolPolicy(cells=CELLS, wait_s=60.0)
WAIT_S = 60.0
QUICK = Limits(wall_s=0.2)

TWICE = Program("def twice(n):\n    print(n)\n    return 2 * n")
# What every 25th asks for, and how it has to end; each of them but the first costs the cell.
ODD = {
    3: ("1 / 0", Status.ERROR),
    53: ("while True: pass", Status.TIMEOUT),
    103: ("import os; os._exit(0)", Status.KILLED),
    153: ("while True: print('x' * 1000)", Status.OUTPUT),
}


class Counted:
    """How many containers there are at once, as the engine sees it, looked at all the time."""

    def __init__(self, trace: traced.Trace) -> None:
        self.most = 0
        self._trace = trace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            self.most = max(self.most, len(self._trace.there()))


def judge(n, outcome):
    """Whether the answer is the one to question `n`."""
    if n in ODD:
        assert outcome.status is ODD[n][1], outcome
    else:
        assert outcome.ok, outcome
        assert outcome.value == 2 * n
        assert outcome.stdout == f"{n}\n"


@drill.rounds(1, full=50)
def test_two_hundred_threads_and_two_cells(rounds):
    trace, growth = traced.Trace(), drill.Growth()
    with Sandbox(pool=POOL, **trace.options) as sandbox, Counted(trace) as counted:

        def ask(n):
            odd = n in ODD
            outcome = sandbox.run(TWICE, ODD[n][0], limits=QUICK) if odd else sandbox.call(TWICE, n)
            judge(n, outcome)
            return outcome

        for _ in range(rounds):
            calls = drill.Calls()
            for n in range(CALLERS):
                calls.begin(ask, n, limit_s=WAIT_S)
            assert sum(ended.ok for ended in calls.settle()) == CALLERS - len(ODD)
            traced.works(sandbox.call, TWICE, 7, expected=14)
            growth.sample()
        growth.check()
    assert 0 < trace.most <= CELLS
    assert 0 < counted.most <= CELLS
    trace.gone()
    assert not trace.said("cell_left")


@both
@drill.rounds(1, full=50)
def test_two_hundred_tasks_and_two_cells(backend, rounds):
    trace, growth = traced.Trace(), drill.Growth()

    async def ask(sandbox, n, ended):
        with anyio.fail_after(WAIT_S):
            if n in ODD:
                outcome = await sandbox.run(TWICE, ODD[n][0], limits=QUICK)
            else:
                outcome = await sandbox.call(TWICE, n)
        judge(n, outcome)
        ended.append(n)

    async def main():
        async with AsyncSandbox(pool=POOL, **trace.options) as sandbox:
            for _ in range(rounds):
                ended = []
                async with anyio.create_task_group() as group:
                    for n in range(CALLERS):
                        group.start_soon(ask, sandbox, n, ended)
                assert sorted(ended) == list(range(CALLERS))
                begun = time.monotonic()
                assert (await sandbox.call(TWICE, 7)).value == 14
                assert time.monotonic() - begun < drill.MARGIN_S
                growth.sample()

    with Counted(trace) as counted:
        anyio.run(main, backend=backend)
    growth.check()
    assert 0 < trace.most <= CELLS
    assert 0 < counted.most <= CELLS
    trace.gone()
    assert not trace.said("cell_left")


@drill.rounds(1)
def test_more_callers_than_may_wait_are_refused_at_once(rounds):
    trace, growth = traced.Trace(), drill.Growth()
    policy = PoolPolicy(cells=CELLS, spare=CELLS, queue=10, wait_s=1.0)
    with Sandbox(pool=policy, **trace.options) as sandbox:
        sandbox.start()
        drill.until(lambda: trace.said("cell_started") == CELLS, seconds=10, what="all cells are started")
        for n in range(rounds):
            calls = drill.Calls()
            for _ in range(CALLERS):
                calls.begin(sandbox.call, drill.NAP, 1.5, limit_s=policy.wait_s + 1.5)
            ended = calls.settle()
            served = [one for one in ended if one.ok]
            refused = [one for one in ended if isinstance(one.error, SandboxBusy)]
            assert len(served) + len(refused) == CALLERS
            assert len(served) == CELLS
            at_once = [one for one in refused if one.error.waited_s == 0.0]
            waited = [one for one in refused if one.error.waited_s > 0.0]
            assert len(waited) == policy.queue
            # From the second round on, one waits beside the queue: for the cell of the call in between.
            assert policy.queue <= max(one.error.waiting for one in at_once) < policy.queue + CELLS
            assert all(policy.wait_s <= one.error.waited_s < policy.wait_s + drill.MARGIN_S for one in waited)
            assert min(one.seconds for one in waited) > max(one.seconds for one in at_once) / 2
            traced.works(sandbox.call, drill.ADD, n, 1, expected=n + 1)
            growth.sample()
        growth.check()
    assert trace.most <= CELLS
    trace.gone()


STARVED = """
import resource
limit = int(sys.argv[1])
before = resource.getrlimit(resource.RLIMIT_NOFILE)
held = []
def starve(left):
    "Leave `left` descriptors."
    while True:
        try:
            held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            break
    for _ in range(left):
        os.close(held.pop())
def feed():
    while held:
        os.close(held.pop())

resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
told = []
for left in range(0, 30, 3):
    with Sandbox(pool=PoolPolicy(cells=2, wait_s=3.0, start_s=5.0)) as sandbox:
        starve(left)
        begun = time.monotonic()
        try:
            outcome = sandbox.call(ADD, left, 1, limits=Limits(wall_s=1.0))
            assert outcome.value == left + 1
            told.append("")
        except SandboxError as error:
            told.append(type(error).__name__)
            assert isinstance(error, SandboxUnavailable), repr(error)
        finally:
            feed()
        assert time.monotonic() - begun < 5, (left, time.monotonic() - begun)
        begun = time.monotonic()
        assert sandbox.call(ADD, left, 2).value == left + 2
        assert time.monotonic() - begun < 2, (left, time.monotonic() - begun)
        starve(0)  # a cell that is there needs no descriptor of its own
        assert sandbox.call(ADD, left, 3).value == left + 3
        feed()
say(told)
"""


def test_no_descriptors_left():
    pid, said = child.run(STARVED, 256, seconds=60)
    assert "'SandboxUnavailable'" in said or "'LaunchFailed'" in said
    assert "''" in said
    drill.none_left(pid=pid)
