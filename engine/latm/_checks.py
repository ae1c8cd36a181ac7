"""The unit tests of a tool, run again."""

from __future__ import annotations

from dataclasses import dataclass

from latm._answers import CALLER, AnswerType, Same, answer_type
from latm._literals import Unreadable, read_call
from latm._reading import defined_functions, parse
from latm._records import Check, Tool
from latm_sandbox import AsyncSandbox, Outcome, Program

_NOT_COMPARED = "It runs, and is not compared: its answers were judged by a caller's own function (same=...)."


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What became of one unit test of a tool.

    Attributes:
        name: the question that it is made of, or the name of a test that is code.
        passed: whether the tool did what it had to.
        problem: what it did instead, or why its value was not compared; empty where there is nothing to say.
        outcome: of the run in a cell; None where the test could not be run.
        compared: whether its value was compared with the answer; not where only a caller's own function can.
    """

    name: str
    passed: bool
    problem: str = ""
    outcome: Outcome | None = None
    compared: bool = True


async def run_checks(cells: AsyncSandbox, tool: Tool, *, same: Same | None = None) -> tuple[CheckResult, ...]:
    """Run all unit tests of a tool, each in a state of its own; the engine compares what calls give.

    Args:
        cells: where they run.
        tool: the tool.
        same: compares instead of the tool's answer type. The values of a tool whose answers a caller's own
            function compared are compared by nothing else.

    Raises:
        SandboxError: no cell could be had.
    """
    answers = answer_type(tool.answer_type) if same is None else AnswerType.of(CALLER, same)
    compares = same is not None or tool.answer_type != CALLER
    results = [await _call(cells, tool, check, answers if compares else None) for check in tool.checks]
    for name, code in tool.tests.items():
        outcome = await cells.run(tool.program, code)
        results.append(
            CheckResult(
                name=name,
                passed=outcome.ok,
                problem="" if outcome.ok else str(outcome.error),
                outcome=outcome,
            )
        )
    return tuple(results)


async def _call(cells: AsyncSandbox, tool: Tool, check: Check, answers: AnswerType | None) -> CheckResult:
    tree = parse(tool.source)
    try:
        call = read_call(check.call, defined_functions(tree) if tree else ())
    except Unreadable as error:
        return CheckResult(name=check.question, passed=False, problem=f"{check.call!r}: {error}")
    outcome = await cells.apply(Program(tool.source, call.function), call.args, call.kwargs)
    if not outcome.ok:
        return CheckResult(name=check.question, passed=False, problem=str(outcome.error), outcome=outcome)
    if answers is None:
        return CheckResult(
            name=check.question, passed=True, problem=_NOT_COMPARED, outcome=outcome, compared=False
        )
    try:
        value = call.pick(outcome.value)
        passed = answers.same(value, check.answer, check.question)
        gave = answers.render(value, check.question)
    except ValueError as error:
        return CheckResult(name=check.question, passed=False, problem=str(error), outcome=outcome)
    problem = "" if passed else f"It gives {gave!r}, and the answer is {check.answer!r}."
    return CheckResult(name=check.question, passed=passed, problem=problem, outcome=outcome)
