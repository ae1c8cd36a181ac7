"""An engine whose answers come late, never, cut or as errors, seen through a proxy: at each step of a start,
at the first word, in removal and in mid-call. What `test_daemon.py` does to the daemon itself is not here.
"""

from __future__ import annotations

import time

import pytest

from integration.faults import drill
from integration.faults.proxy import Kind
from latm_sandbox import Limits, PoolPolicy, Program, Sandbox, SandboxUnavailable, Status

pytestmark = [pytest.mark.docker, pytest.mark.serial]

START_S = 1.0
LIMIT = Limits(wall_s=1.0)
POOL = PoolPolicy(cells=2, wait_s=3.0, start_s=3.0)
ONE = PoolPolicy(cells=1, spare=0, wait_s=2.0, start_s=START_S)
FIRST_S = 10.0  # the first call of a sandbox also looks for the image

FAULTS = {
    "late": (Kind.DELAY, {"seconds": START_S + 0.5}),
    "held": (Kind.HOLD, {}),
    "mute": (Kind.MUTE, {}),
    "cut": (Kind.CUT, {"after": 40}),
    "shut": (Kind.CUT, {"after": 0}),
    "error": (Kind.ERROR, {}),
}
faults = pytest.mark.parametrize("fault", FAULTS)
STEPS = {
    "create": "POST .*/containers/create",
    "attach": "POST .*/attach",
    "start": "POST .*/start",
}


def opened(pool=POOL, transport="auto"):
    """A sandbox whose calls may take `LIMIT`."""
    return Sandbox(pool=pool, limits=LIMIT, launcher_options={"transport": transport})


def works(sandbox, limit_s=0.0):
    """The next call gives its value in time."""
    ended = drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=limit_s)
    assert ended.ok, ended
    assert ended.outcome.value == 3


@faults
@pytest.mark.parametrize("step", STEPS)
@drill.rounds(1)
def test_in_a_start(daemon, proxy, step, fault, rounds):
    kind, how = FAULTS[fault]
    growth = drill.Growth()
    with opened(ONE) as sandbox:
        works(sandbox, FIRST_S)
        for n in range(rounds):
            failing = proxy.fail(kind, STEPS[step], **how)
            fresh = Program(f"def f():\n    return {n}")  # it has no cell yet
            ended = drill.call(sandbox.call, fresh, limit_s=ONE.wait_s)
            assert failing.hits, "the drill has hit nothing"
            # What was cut may have said enough.
            assert isinstance(ended.error, SandboxUnavailable) or (fault == "cut" and ended.ok), ended
            proxy.heal()
            works(sandbox)
            growth.sample()
        growth.check()
    drill.none_left(daemon.host)


@pytest.mark.parametrize("fault", ["late", "held", "cut", "error"])
def test_at_the_first_word(daemon, proxy, fault):
    kind, how = FAULTS[fault]
    with opened(ONE) as sandbox:
        failing = proxy.fail(kind, "GET .*/version", **how)
        ended = drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=ONE.wait_s)
        assert failing.hits
        assert isinstance(ended.error, SandboxUnavailable) or (fault == "late" and ended.ok), ended
        proxy.heal()
        works(sandbox, FIRST_S)
    drill.none_left(daemon.host)


@faults
@drill.rounds(1)
def test_in_a_removal(daemon, proxy, fault, rounds):
    kind, how = FAULTS[fault]
    growth = drill.Growth()
    with opened() as sandbox:
        works(sandbox, FIRST_S)
        for _ in range(rounds):
            failing = proxy.fail(kind, "DELETE ", **how)
            short = Limits(wall_s=0.1)
            ended = drill.call(sandbox.call, drill.NAP, 30, limits=short, limit_s=short.wall_s + POOL.wait_s)
            assert ended.outcome is not None, ended
            assert ended.outcome.status is Status.TIMEOUT, ended
            harmed = ended.outcome.cell.removeprefix("docker:")
            drill.until(lambda failing=failing: failing.hits, seconds=2.0, what="a removal is asked for")
            works(sandbox)
            proxy.heal()
            drill.until(
                lambda harmed=harmed: not any(cell.startswith(harmed) for cell in drill.cells(daemon.host)),
                seconds=drill.GONE_S,
                what="the cell is removed",
            )
            growth.sample()
        growth.check()
    drill.none_left(daemon.host)


@pytest.mark.parametrize("transport", ["auto", "attach"])
@drill.rounds(2)
def test_cut_in_the_middle_of_a_call(daemon, proxy, transport, rounds):
    growth = drill.Growth()
    with opened(transport=transport) as sandbox:
        works(sandbox, FIRST_S)
        for n in range(rounds):
            fresh = Program(f"{drill.NAP.source}\n# {n}")  # its cell has a stream that was not cut before
            calls = drill.Calls()
            calls.begin(sandbox.call, fresh, 0.9, limit_s=POOL.wait_s + LIMIT.wall_s)
            time.sleep(0.5)  # by then a cell has started and has the call
            assert proxy.cut("/attach")
            (ended,) = calls.settle()
            assert ended.outcome is not None, ended
            # Over a socket of the host's a call needs no daemon.
            assert ended.outcome.status is (Status.OK if transport == "auto" else Status.KILLED), ended
            works(sandbox)
            growth.sample()
        growth.check()
    drill.none_left(daemon.host)
