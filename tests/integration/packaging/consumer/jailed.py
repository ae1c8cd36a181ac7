"""The sandbox alone."""

from __future__ import annotations

from latm_sandbox import Limits, Outcome, Program, Sandbox, Status


def add(left: int, right: int) -> object:
    with Sandbox() as sandbox:
        program = Program("def add(a, b):\n    return a + b")
        outcome: Outcome = sandbox.call(program, left, right, limits=Limits(wall_s=2.0))
        if outcome.status is not Status.OK:
            assert outcome.error is not None
            return outcome.error.type
        return outcome.value
