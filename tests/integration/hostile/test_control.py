"""The suite bites: a naive runner, which executes code in its own process, fails much of it.

The naive runner itself runs inside a cell, for the sake of the machine.
"""

from __future__ import annotations

import pytest

from integration.hostile.cases import ANY, BASE, CASES
from latm_sandbox import Limits, PoolPolicy, Program, Sandbox

pytestmark = pytest.mark.docker

NAIVE = Program(
    """
import contextlib, io

SPACE = {}

def naive(source, code):
    "What many have written: exec in one namespace, output captured, errors as text."
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            exec(source, SPACE)
            exec(code, SPACE)
    except SyntaxError:
        return "invalid", None
    except MemoryError:
        return "memory", None
    except Exception:
        return "error", None
    return "ok", repr(SPACE.get("ans"))
"""
)


@pytest.mark.soak
def test_a_naive_runner_fails_at_least_a_quarter():
    quick = Limits(wall_s=1.0)
    failed = []
    with Sandbox(pool=PoolPolicy(cells=3, spare=2)) as sandbox:
        for case in CASES:
            code = f"ans = naive({BASE!r}, {case.code!r})"
            outcome = sandbox.run(NAIVE, code, want=("ans",), limits=quick)
            status, ans = outcome.values["ans"] if outcome.ok else ("the runner itself died", None)
            good = status in case.status and (status != "ok" or case.ans is ANY or ans == repr(case.ans))
            if not good:
                failed.append(case.name)
    assert len(failed) >= len(CASES) / 4, failed
