"""Cells that are removed, paused, stopped or killed behind our back, on either transport."""

from __future__ import annotations

import contextlib
import time

import docker
import docker.errors
import pytest

from integration.faults import drill, traced
from latm_sandbox import Limits, PoolPolicy, Sandbox, Status

pytestmark = pytest.mark.docker

LIMIT = Limits(wall_s=0.3)
POOL = PoolPolicy(cells=2)

HARMS = {
    "remove": lambda client, cell: client.remove_container(cell, force=True),
    "pause": lambda client, cell: client.pause(cell),
    "stop": lambda client, cell: client.stop(cell, timeout=1),
    "kill": lambda client, cell: client.kill(cell),
}
# To every descriptor that it has: if one of them were the guest's stream, no limit would hold it.
FLOOD = """
import os
while True:
    for fd in range(3, 20):
        try:
            os.write(fd, b"x" * 65536)
        except OSError:
            pass
"""

PRINT = "while True: print('x' * 65536)"

TRANSPORTS = ("auto", "attach")
transports = pytest.mark.parametrize("transport", TRANSPORTS)
# Each harm on both transports in the long run, on one of them by turns in the short one.
harms = pytest.mark.parametrize(
    ("transport", "harm"),
    [
        pytest.param(transport, harm, marks=() if (way + number) % 2 == 0 else pytest.mark.soak)
        for way, transport in enumerate(TRANSPORTS)
        for number, harm in enumerate(HARMS)
    ],
)


def inflict(harm: str, cell: str) -> None:
    """Harm a cell; wait until a dead one is gone."""
    with traced.engine() as client:
        HARMS[harm](client, cell)
        if harm != "pause":
            with contextlib.suppress(docker.errors.NotFound):
                client.wait(cell, timeout=10, condition="removed")


@harms
@drill.rounds(2)
def test_between_two_calls(harm, transport, rounds):
    trace, growth = traced.Trace(transport), drill.Growth()
    with Sandbox(pool=POOL, **trace.options) as sandbox:
        sandbox.start()
        for n in range(rounds):
            cell = traced.container_of(sandbox.call(drill.ADD, n, 1))
            inflict(harm, cell)
            ended = drill.call(sandbox.call, drill.ADD, n, 2, limits=LIMIT, limit_s=LIMIT.wall_s)
            # Nobody can tell a cell that stands still from one that computes. One that ended is replaced.
            assert ended.ok or (harm == "pause" and ended.outcome.status is Status.TIMEOUT), ended
            after = traced.works(sandbox.call, drill.ADD, n, 3, expected=n + 3)
            assert traced.container_of(after) != cell
            growth.sample()
        growth.check()
    trace.gone()
    assert not trace.said("cell_left")


@harms
@drill.rounds(1)
def test_in_the_middle_of_a_call(harm, transport, rounds):
    trace, growth = traced.Trace(transport), drill.Growth()
    with Sandbox(pool=POOL, **trace.options) as sandbox:
        sandbox.start()
        for n in range(rounds):
            cell = traced.container_of(sandbox.call(drill.NAP, 0))
            calls = drill.Calls()
            calls.begin(sandbox.call, drill.NAP, 30, limits=LIMIT, limit_s=LIMIT.wall_s)
            time.sleep(0.1)
            inflict(harm, cell)
            (ended,) = calls.settle()
            assert ended.outcome.status is (Status.TIMEOUT if harm == "pause" else Status.KILLED), ended
            assert traced.container_of(ended.outcome) == cell
            traced.works(sandbox.call, drill.ADD, n, 3, expected=n + 3)
            growth.sample()
        growth.check()
    trace.gone()
    assert not trace.said("cell_left")


@pytest.mark.serial
@transports
@drill.rounds(2)
def test_a_cell_that_floods_is_removed_while_it_floods(transport, rounds):
    trace, growth = traced.Trace(transport), drill.Growth()
    with Sandbox(pool=POOL, **trace.options) as sandbox:
        for n in range(rounds):
            cell = traced.container_of(sandbox.call(drill.NAP, 0))
            calls = drill.Calls()
            calls.begin(sandbox.run, drill.NAP, FLOOD, limits=LIMIT, limit_s=LIMIT.wall_s)
            calls.begin(sandbox.run, drill.NAP, PRINT, limits=LIMIT, limit_s=LIMIT.wall_s)
            time.sleep(0.05)
            with contextlib.suppress(docker.errors.APIError):  # it may have gone by itself, or be going
                inflict("remove", cell)
            assert not any(ended.ok for ended in calls.settle())
            traced.works(sandbox.call, drill.ADD, n, 3, expected=n + 3)
            growth.sample()
        growth.check()
    trace.gone()
    assert not trace.said("cell_left")
