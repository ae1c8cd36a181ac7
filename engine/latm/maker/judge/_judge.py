"""The judge: generated calls and a maker's properties, tried on a function in other processes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, final

from latm._literals import LiteralCall
from latm._signature import signature_of
from latm.maker.judge._exploring import Exploring
from latm.maker.judge._properties import Trial, nothing
from latm.maker.judge._reading import read
from latm.maker.judge._tool import Tool
from latm.maker.judge._verdicts import Robustness, Verdict
from latm_sandbox import AsyncSandbox, Limits, Program

CASES: Final = 100
"""Valid cases that a property needs, and calls that robustness tries."""


@final
class Judge:
    """Tries functions in cells of theirs, from cells of its own.

    Strategies, Hypothesis and the maker's properties run in the judge's cells; every call of the function
    crosses to here, runs in the function's cells, and its value or error goes back as plain data. The same
    call is made once, so a function is taken to be deterministic: that is looked at elsewhere.

    What makes a property hold is established here: how many different cases there were, that the function
    was called in each, that each passes again in a fresh state without Hypothesis, and that the property
    fails when answers are made wrong, while it cannot tell which are. What remains trust in the judge's cell:
    that the cases are as varied as the property's strategies say. And a property may be weak: one that would
    let pass all but a few kinds of wrong answers holds, as one that asserts no more than that would.

    Args:
        judging: entered; made by `judging_sandbox`.
        cells: entered; where functions run. Never the same.
        seed: the same seed gives the same cases and verdicts.
        cases: valid ones that a property needs, and calls that robustness tries.
        limits: of each call of a function; None leaves those of `cells`.
    """

    def __init__(
        self,
        judging: AsyncSandbox,
        cells: AsyncSandbox,
        *,
        seed: int,
        cases: int = CASES,
        limits: Limits | None = None,
    ) -> None:
        if judging is cells:
            raise ValueError("judge and judged need a sandbox each")
        self._judging = judging
        self._cells = cells
        self._seed = seed
        self._cases = cases
        self._limits = limits

    @property
    def seed(self) -> int:
        """Of everything that is drawn."""
        return self._seed

    async def robustness(
        self, program: Program, function: str, seen: Sequence[LiteralCall], declared: Collection[str]
    ) -> Robustness:
        """Look for calls that crash, hang or give what cannot leave a cell.

        Inside the contract are calls that keep what the seen ones have in common; where none were seen, what
        the type hints say. All others (empty, huge, of other kinds, of the same characters in another order)
        are outside: notes.

        Args:
            program: the function's source.
            function: its name.
            seen: calls that it is made for.
            declared: errors that it may raise; a built-in stands for those derived from it too.

        Raises:
            SandboxError: a cell could not be had.
        """
        exploring = self._exploring(self._tool(program, function, declared), seen, self._cases, runs=True)
        found = await exploring.run()
        if exploring.tool.trouble is not None:
            raise exploring.tool.trouble
        return found

    async def samples(
        self,
        program: Program,
        function: str,
        seen: Sequence[LiteralCall],
        count: int,
        *,
        beyond: bool = False,
    ) -> tuple[LiteralCall, ...]:
        """Different calls, as `robustness` draws them; fewer where there are not as many.

        Args:
            program: the function's source.
            function: its name.
            seen: calls that it is made for.
            count: how many there are at most.
            beyond: whether calls outside the contract are among them, after those inside.

        Raises:
            SandboxError: a cell could not be had.
        """
        exploring = self._exploring(self._tool(program, function, ()), seen, count, runs=False, beyond=beyond)
        await exploring.run()
        return tuple(exploring.samples[:count])

    async def properties(
        self,
        program: Program,
        function: str,
        code: str,
        known: Sequence[LiteralCall],
        *,
        declared: Collection[str] | None = None,
    ) -> tuple[Verdict, ...]:
        """Try the properties that a maker wrote, first on known calls, then on drawn cases.

        Args:
            program: the function's source.
            function: its name.
            code: functions decorated with ``given``, bare or in fenced blocks.
            known: calls whose answers are right; tried where a property's parameters are named as the
                function's are.
            declared: errors by which the function may decline an input; such a case is not valid. None takes
                those that its docstring names: that its source raises one is no promise.

        Returns:
            A verdict for each property, in order; none where nothing is decorated with ``given``.

        Raises:
            SandboxError: a cell could not be had.
        """
        block = read(code, function)
        if block.problem:
            return nothing(block)
        if declared is None:
            signature = signature_of(program.source, function)
            names = () if signature is None else signature.declared
            declared = [name for name in names if signature is not None and name in signature.docstring]
        tool = self._tool(program, function, declared)
        trial = Trial(
            judging=self._judging, tool=tool, block=block, known=known, seed=self._seed, cases=self._cases
        )
        verdicts = await trial.run()
        if tool.trouble is not None:
            raise tool.trouble
        return verdicts

    def _exploring(
        self, tool: Tool, seen: Sequence[LiteralCall], cases: int, *, runs: bool, beyond: bool = False
    ) -> Exploring:
        return Exploring(
            judging=self._judging,
            tool=tool,
            seen=seen,
            seed=self._seed,
            cases=cases,
            runs=runs,
            beyond=beyond,
        )

    def _tool(self, program: Program, function: str, declared: Collection[str]) -> Tool:
        return Tool(
            cells=self._cells,
            program=program,
            function=function,
            declared=frozenset(declared),
            limits=self._limits,
        )
