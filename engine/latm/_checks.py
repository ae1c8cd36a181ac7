"""The unit tests of a tool, run again."""

from __future__ import annotations

from dataclasses import dataclass

from latm._answers import answer_type
from latm._literals import Unreadable, read_call
from latm._reading import defined_functions, parse
from latm._records import Check, Tool
from latm_sandbox import AsyncSandbox, Outcome, Program


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What became of one unit test of a tool.

    Attributes:
        name: the question that it is made of, or the name of a test that is code.
        passed: whether the tool did what it had to.
        problem: what it did instead; empty where it passed.
        outcome: of the run in a cell; None where the test could not be run.
    """

    name: str
    passed: bool
    problem: str = ""
    outcome: Outcome | None = None


async def run_checks(cells: AsyncSandbox, tool: Tool) -> tuple[CheckResult, ...]:
    """Run all unit tests of a tool, each in a state of its own; the engine compares what calls give.

    Raises:
        SandboxError: no cell could be had.
    """
    results = [await _call(cells, tool, check) for check in tool.checks]
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


async def _call(cells: AsyncSandbox, tool: Tool, check: Check) -> CheckResult:
    tree = parse(tool.source)
    try:
        call = read_call(check.call, defined_functions(tree) if tree else ())
    except Unreadable as error:
        return CheckResult(name=check.question, passed=False, problem=f"{check.call!r}: {error}")
    outcome = await cells.apply(Program(tool.source, call.function), call.args, call.kwargs)
    if not outcome.ok:
        return CheckResult(name=check.question, passed=False, problem=str(outcome.error), outcome=outcome)
    try:
        answers, value = answer_type(tool.answer_type), call.pick(outcome.value)
        passed = answers.same(value, check.answer, check.question)
        gave = answers.render(value, check.question)
    except ValueError as error:
        return CheckResult(name=check.question, passed=False, problem=str(error), outcome=outcome)
    problem = "" if passed else f"It gives {gave!r}, and the answer is {check.answer!r}."
    return CheckResult(name=check.question, passed=passed, problem=problem, outcome=outcome)
