"""Known questions, their calls, and what a function makes of them. Only the engine compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from latm._answers import AnswerType
from latm._failures import failure
from latm._literals import LiteralCall, Unreadable
from latm._records import Example
from latm_sandbox import AsyncSandbox, Outcome, Program, Status

_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One question with its known answer, its call, and what came of it.

    Attributes:
        example: question and answer.
        call: the call of the function.
        value: what the function gave, after the call's subscripts; None where it gave nothing.
        fault: whose fault it is that the answer is not right; None where it is.
        problem: what is wrong, without the expected answer; empty where nothing is.
        outcome: of the run.
    """

    example: Example
    call: LiteralCall
    value: object
    fault: Literal["call", "function"] | None
    problem: str
    outcome: Outcome


async def check(
    cells: AsyncSandbox,
    program: Program,
    examples: Sequence[Example],
    calls: Sequence[LiteralCall],
    answers: AnswerType,
) -> tuple[Checked, ...]:
    """Run a call for each example, each in a state of its own, and compare what it gives.

    Raises:
        SandboxError: no cell could be had; that is nobody's fault here.
    """
    return tuple(
        [
            await _check(cells, program, example, call, answers)
            for example, call in zip(examples, calls, strict=True)
        ]
    )


async def _check(
    cells: AsyncSandbox, program: Program, example: Example, call: LiteralCall, answers: AnswerType
) -> Checked:
    outcome = await cells.apply(Program(program.source, call.function), call.args, call.kwargs)
    value: object = None
    fault: Literal["call", "function"] | None = None
    problem = ""
    if outcome.status is not Status.OK:
        fault = "call" if _does_not_fit(outcome) else "function"
        problem = failure(outcome)
    else:
        try:
            value = call.pick(outcome.value)
            if not answers.same(value, example.answer, example.question):
                fault, problem = "function", f"It gives {shown(value)}, which is not the right answer."
        except Unreadable as error:
            fault, problem = "call", str(error)
        except ValueError as error:
            fault, problem = "function", f"Its value cannot be written as an answer: {error}"
    return Checked(example=example, call=call, value=value, fault=fault, problem=problem, outcome=outcome)


def _does_not_fit(outcome: Outcome) -> bool:
    """Whether the arguments did not bind: such an error has no line of the program's in it."""
    error = outcome.error
    return (
        outcome.status is Status.ERROR
        and error is not None
        and error.type == "TypeError"
        and error.line is None
    )


def shown(value: object) -> str:
    """A value as a message shows it."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of more digits than Python writes
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
