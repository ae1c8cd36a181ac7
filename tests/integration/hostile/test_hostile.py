"""Every hostile program has the outcome that it must have, and the next plain call works in a clean cell."""

from __future__ import annotations

import pytest

from integration.hostile.cases import ANY, BASE, CASES, Case
from latm_sandbox import Limits, PoolPolicy, Program, Sandbox, Status

pytestmark = pytest.mark.docker

PROGRAM = Program(BASE)
LIMITS = Limits(wall_s=10.0, cpu_s=10.0)
# What a call may find of the calls before it: nothing.
LOOK = """
import os, threading
ans = {
    "sum": add(1, 2),
    "files": os.listdir("/tmp") + os.listdir("/dev/shm") + os.listdir("/dev/mqueue"),
    "processes": len([p for p in os.listdir("/proc") if p.isdigit()]),
    "threads": threading.active_count(),
    "names": sorted(n for n in globals() if n not in ("ans", "os", "threading", "add") and n[:2] != "__"),
}
"""
CLEAN = {"sum": 3, "files": [], "processes": 2, "threads": 1, "names": []}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(pool=PoolPolicy(cells=2), limits=LIMITS) as shared:
        yield shared


def test_there_are_enough_of_them_and_no_two_are_alike():
    assert len({case.name for case in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile(sandbox, case: Case):
    outcome = sandbox.run(PROGRAM, case.code, want=case.want, limits=case.limits)
    assert outcome.status in case.status, outcome.error
    assert (outcome.error is None) == (outcome.status is Status.OK)
    if outcome.status is Status.OK and case.ans is not ANY:
        assert outcome.values == {"ans": case.ans}
    else:
        assert not outcome.values
    assert case.said in str(outcome.error)
    assert outcome.wall_s <= case.limits.wall_s + 2
    assert len(outcome.stdout) + len(outcome.stderr) <= case.limits.output_bytes
    after = sandbox.run(PROGRAM, LOOK, want=("ans",))
    assert after.status is Status.OK, after.error
    assert after.values["ans"] == CLEAN
    assert (after.stdout, after.stderr) == ("", "")
