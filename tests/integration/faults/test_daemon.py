"""A daemon that ends, is started again, or stands still: between calls, in mid-call, or while we close."""

from __future__ import annotations

import signal

import pytest

from integration.faults import drill
from latm_sandbox import Limits, PoolPolicy, Sandbox

pytestmark = [pytest.mark.docker, pytest.mark.serial]

LIMIT = Limits(wall_s=2.0)
WAIT_S = 3.0
POOL = PoolPolicy(cells=2, spare=1, wait_s=WAIT_S, start_s=WAIT_S)

transports = pytest.mark.parametrize("transport", ["auto", "attach"])
ends = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])


def opened(transport: str = "auto") -> Sandbox:
    return Sandbox(pool=POOL, limits=LIMIT, launcher_options={"transport": transport})


def call(sandbox: Sandbox, a: int, b: int) -> drill.Ended:
    """One call, which may wait for a cell as long as the pool lets it."""
    return drill.call(sandbox.call, drill.ADD, a, b, limit_s=LIMIT.wall_s + WAIT_S)


def works(sandbox: Sandbox) -> None:
    """The first call after the fault: at once, give or take the start of a cell."""
    ended = drill.call(sandbox.call, drill.ADD, 20, 22, limit_s=0.0)
    assert ended.outcome is not None, ended
    assert ended.outcome.value == 42, ended


@transports
@ends
@drill.rounds(1)
def test_ended_and_started_again_between_calls(daemon, number, transport, rounds):
    growth = drill.Growth(warm=15)  # by then the SDK has as many connections as it keeps
    with opened(transport) as sandbox:
        for _ in range(rounds):
            sandbox.start()
            works(sandbox)
            before = drill.cells(daemon.host)
            daemon.end(number)
            away = call(sandbox, 1, 2)
            # A cell that is still there may well serve. Without any, it is said what is missing.
            assert away.ok or "no Docker engine answers" in str(away.error), away
            daemon.start()
            drill.until(lambda: call(sandbox, 1, 1).ok, seconds=10, what="calls work again")
            works(sandbox)
            if number == signal.SIGKILL:
                before -= drill.cells(daemon.host)  # those that lived on, and serve again
            drill.gone(before - drill.cells(daemon.host), daemon.host)
            growth.sample()
        growth.check()
    drill.none_left(daemon.host)


@transports
@ends
def test_ended_in_the_middle_of_a_call(daemon, number, transport):
    with opened(transport) as sandbox:
        sandbox.start()
        assert sandbox.call(drill.NAP, 0).ok
        calls = drill.Calls()
        for _ in range(2):
            calls.begin(sandbox.call, drill.NAP, 1.0, limit_s=LIMIT.wall_s + WAIT_S)
        daemon.end(number)
        calls.settle()
        daemon.start()
        drill.until(lambda: call(sandbox, 1, 1).ok, seconds=10, what="calls work again")
        works(sandbox)
    drill.none_left(daemon.host)


def test_ended_while_the_sandbox_closes(daemon):
    with opened() as sandbox:
        sandbox.start()
        works(sandbox)
        daemon.end(signal.SIGKILL)
    daemon.start()
    with opened() as sandbox:  # it takes over what the other one could not remove
        works(sandbox)
    drill.none_left(daemon.host)


def test_one_that_stands_still_is_not_waited_for_longer_than_for_a_cell(daemon):
    with opened() as sandbox:
        daemon.freeze()
        try:
            ended = call(sandbox, 1, 2)
            assert ended.error is not None
        finally:
            daemon.thaw()
        drill.until(lambda: call(sandbox, 1, 1).ok, seconds=10, what="calls work again")
        works(sandbox)
    drill.none_left(daemon.host)


def test_one_that_nobody_listens_for_is_named(daemon, proxy):
    with opened() as sandbox:
        proxy.refuse()
        ended = call(sandbox, 1, 2)
        assert "no Docker engine answers" in str(ended.error)
        proxy.listen()
        drill.until(lambda: call(sandbox, 1, 1).ok, seconds=10, what="calls work again")
        works(sandbox)
    drill.none_left(daemon.host)
