"""One property's way to its verdict: known calls, drawn cases, and the replay that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final, Literal

from latm._literals import LiteralCall
from latm.maker.judge._asking import Result, Values, known_as
from latm.maker.judge._cells import together
from latm.maker.judge._drawing import Drawing, Drawn
from latm.maker.judge._reading import Block, errors, parameters
from latm.maker.judge._replaying import Item, Replaying
from latm.maker.judge._tool import Tool
from latm.maker.judge._verdicts import Verdict
from latm_sandbox import AsyncSandbox

_AT_ONCE: Final = 2  # runs in the judge's cells for one function
_CONFIRMED: Final = 3  # counterexamples that are tried again, the smallest first
_TELLING: Final = 0.05  # of the cases: how many have to fail when their answers are made wrong
_SHOWN_CALLS: Final = 4
_SHOWN: Final = 300
_TOOLS_FAULT: Final = frozenset({"fail", "tool", "hard"})


@dataclass(kw_only=True)
class Trial:
    """Tries the properties of a block.

    Attributes:
        judging: for the properties.
        tool: the function, in other cells.
        block: the properties.
        known: calls whose answers are known to be right.
        seed: of everything that is drawn.
        cases: valid ones that each property needs.
    """

    judging: AsyncSandbox
    tool: Tool
    block: Block
    known: Sequence[LiteralCall]
    seed: int
    cases: int

    async def run(self) -> tuple[Verdict, ...]:
        """The verdicts in the order of the properties."""
        verdicts: dict[str, Verdict] = {}
        usual: dict[str, frozenset[type]] = {}
        for name in self.block.properties:
            verdict, kinds = await self._known(name)
            usual[name] = kinds
            if verdict is not None:
                verdicts[name] = verdict
        pending = [name for name in self.block.properties if name not in verdicts]
        drawn: dict[str, Drawn] = {}
        parts = [pending[start::_AT_ONCE] for start in range(_AT_ONCE)]
        for found in await together([partial(self._drawn, part) for part in parts if part]):
            drawn.update(found)
        for start in range(0, len(pending), _AT_ONCE):
            some = pending[start : start + _AT_ONCE]
            jobs = [partial(self._judged, name, drawn[name], usual[name]) for name in some]
            verdicts.update({each.name: each for each in await together(jobs)})
        return tuple(verdicts[name] for name in self.block.properties)

    async def _known(self, name: str) -> tuple[Verdict | None, frozenset[type]]:
        """What the known calls say, and of which kinds the function's values are there."""
        names = parameters(self.tool.program.source, self.tool.function)
        wanted = self.block.properties[name]
        cases = [known_as(call, names) for call in self.known]
        items: list[Item] = [
            Item({key: each[key] for key in wanted}) for each in cases if wanted and set(wanted) <= set(each)
        ]
        results = await self._replayed(name, items)
        sure = {repr(sorted(case.items())) for case in cases}
        for result in results:
            if result.outcome in _TOOLS_FAULT:
                # A relation asks for more than what is known: there the function may be the wrong one.
                asked = {repr(sorted(known_as(call, names).items())) for call, _ in result.calls}
                if asked <= sure:
                    said = f"It contradicts a known answer: {_calls(result)}: {self._said(result)}"
                    verdict = Verdict(name=name, status="contradicts", call=_calls(result), detail=said)
                else:
                    said = self._said(result)
                    verdict = Verdict(name=name, status="fails", call=_calls(result), detail=said)
                return verdict, frozenset()
            if result.outcome in {"load", "error"}:
                return Verdict(name=name, status="broken", detail=self._said(result)), frozenset()
        kinds = {
            type(reply.value) for result in results for _, reply in result.calls if reply.kind == "value"
        }
        return None, frozenset(kinds)

    async def _drawn(self, names: Sequence[str]) -> Mapping[str, Drawn]:
        """Cases for each; one by one from where a property tore down the cell that they share."""
        found: dict[str, Drawn] = {}
        pending: list[str] = list(names)
        while pending:
            drawing = Drawing(
                judging=self.judging,
                tool=self.tool,
                block=self.block,
                errors=errors(self.tool.program.source),
                names=pending,
                seed=self.seed,
                cases=self.cases,
            )
            drawn = await drawing.run()
            done: list[str] = [name for name in pending if drawn[name].ended] or pending[:1]
            found.update({name: drawn[name] for name in done})
            pending = [name for name in pending if name not in done]
        return found

    async def _judged(self, name: str, drawn: Drawn, usual: frozenset[type]) -> Verdict:
        if drawn.failed:
            return await self._confirmed(name, drawn, usual)
        valid = len(drawn.valid)
        if valid < self.cases:
            return Verdict(name=name, status=_kind(drawn), cases=valid, detail=self._too_few(drawn))
        return await self._proved(name, list(drawn.valid.values())[: self.cases])

    async def _confirmed(self, name: str, drawn: Drawn, usual: frozenset[type]) -> Verdict:
        """The smallest counterexample that is one again in a fresh state."""
        count = len(drawn.valid)
        worst = ""
        for case in drawn.smallest(_CONFIRMED):
            (result, *_) = await self._replayed(name, [Item(case.values)])
            odd = result.outcome == "error" and _is_odd(result, usual)
            if (result.outcome in _TOOLS_FAULT or odd) and result.calls:
                said = self._said(result)
                return Verdict(name=name, status="fails", cases=count, call=_calls(result), detail=said)
            if result.outcome in _TOOLS_FAULT:
                worst = f"it fails without a call of {self.tool.function}: {self._said(result)}"
            elif result.outcome == "pass":
                worst = worst or f"it does not fail again on the same input: {_cut(repr(case.values))}"
            else:
                worst = worst or f"{self._said(result)}, on {_cut(repr(case.values))}"
        return Verdict(name=name, status="broken", cases=count, detail=worst)

    async def _proved(self, name: str, cases: Sequence[Values]) -> Verdict:
        """Run all cases again, among others whose answers are wrong; in an order that nobody else knows."""
        items = [Item(values, wrong) for values in cases for wrong in _WAYS]
        Random(self.seed).shuffle(items)  # noqa: S311 - has to be repeatable
        results = await self._replayed(name, items)
        told, right = set[str](), 0
        for item, result in zip(items, results, strict=False):
            if item.wrong:
                if result.outcome == "fail":
                    told.add(repr(item.values))
            elif result.valid:
                right += 1
            else:
                why = f"it held once, and then: {self._said(result)}"
                return Verdict(name=name, status="broken", cases=right, detail=why)
        if len(results) < len(items) or right < len(cases):
            return Verdict(name=name, status="broken", cases=right, detail=self._said(results[-1]))
        if len(told) < max(1, _TELLING * len(cases)):
            why = f"it would hold whatever {self.tool.function} answers: wrong answers passed as well"
            return Verdict(name=name, status="vacuous", cases=right, detail=why)
        return Verdict(name=name, status="holds", cases=right)

    async def _replayed(self, name: str, items: Sequence[Item]) -> Sequence[Result]:
        replaying = Replaying(
            judging=self.judging,
            tool=self.tool,
            block=self.block,
            errors=errors(self.tool.program.source),
            name=name,
            items=items,
            random=Random(self.seed),  # noqa: S311 - likewise
        )
        return await replaying.run()

    def _too_few(self, drawn: Drawn) -> str:
        if drawn.idle and not drawn.valid:
            return f"it never calls {self.tool.function}"
        said = f"{len(drawn.valid)} different valid cases of {self.cases}"
        if drawn.rejected:
            said += f", {drawn.rejected} of {drawn.tried} rejected"
        if drawn.idle:
            said += f", {drawn.idle} without a call of {self.tool.function}"
        return f"{said}: {drawn.note}" if drawn.note else said

    def _said(self, result: Result) -> str:
        """What came of a case, with the line that raised and what the function gave."""
        lines = self.block.source.splitlines()
        where = f" at `{lines[result.line - 1].strip()}`" if 0 < result.line <= len(lines) else ""
        gave = [
            f"{call} gave {reply.value!r}" if reply.kind == "value" else f"{call} raised {reply.problem}"
            for call, reply in result.calls[:_SHOWN_CALLS]
        ]
        return "; ".join([f"{result.detail or result.outcome}{where}", *map(_cut, gave)])


_WAYS: Final[tuple[Literal["", "alike", "other"], ...]] = ("", "alike", "other")


def nothing(block: Block) -> tuple[Verdict, ...]:
    """The verdicts of a block of which nothing can be tried."""
    return tuple(Verdict(name=name, status="broken", detail=block.problem) for name in block.properties)


def _kind(drawn: Drawn) -> Literal["broken", "vacuous"]:
    """Whether too few cases are a fault, or just too few."""
    return "broken" if drawn.note and not drawn.note.startswith("Unsatisfiable") else "vacuous"


def _is_odd(result: Result, usual: frozenset[type]) -> bool:
    """Whether the function gave something of a kind that it gives for no known call."""
    return bool(usual) and any(
        type(reply.value) not in usual for _, reply in result.calls if reply.kind == "value"
    )


def _calls(result: Result) -> str:
    calls = list(dict.fromkeys(str(call) for call, _ in result.calls))
    return "; ".join(calls[:_SHOWN_CALLS])


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
