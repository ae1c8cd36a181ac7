"""Is a new function one that the library has already, under another name?

Two tools for one kind of question would share its traffic, and each question of it would be a doubtful case
for the dispatcher. So before a tool is published, it and its neighbours are called with the same inputs:
those that both are known to be for, and generated ones. What gives the same everywhere is merged, not added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from latm._literals import LiteralCall, Unreadable, read_call
from latm._reading import defined_functions, parse
from latm._records import Tool
from latm._signature import Signature, signature_of
from latm.maker.judge import Judge
from latm_sandbox import AsyncSandbox, Program, Status

GENERATED: Final = 40
"""Generated inputs of each of the two; a set and a sorted list, say, differ on one in a few of them."""

_LEAST = 30
"""Different inputs on which both gave a value, below which nothing is established."""


async def twin(tool: Tool, neighbours: Sequence[Tool], *, cells: AsyncSandbox, judge: Judge) -> Tool | None:
    """The neighbour that does the same as a tool; None where none does.

    Only tools that are used by calls, and write their answers alike, can be the same.

    Args:
        tool: not stored yet.
        neighbours: tools of other names.
        cells: where they run.
        judge: generates inputs.

    Raises:
        SandboxError: no cell could be had.
    """
    if tool.call_style != "call":
        return None
    for other in neighbours:
        comparable = other.call_style == "call" and other.answer_type == tool.answer_type
        if other.name != tool.name and comparable and await _alike(tool, other, cells, judge):
            return other
    return None


async def _alike(tool: Tool, other: Tool, cells: AsyncSandbox, judge: Judge) -> bool:
    ours, theirs = _Called.of(tool), _Called.of(other)
    if ours is None or theirs is None:
        return False
    # The known inputs first: they tell most pairs apart, and cost nothing to generate.
    given = 0
    seen: set[str] = set()
    for generated in (False, True):
        for one, both in ((ours, theirs), (theirs, ours)):
            for call in await one.generated(judge) if generated else one.known:
                arguments = one.placed(call)
                if arguments is None:
                    return False
                if repr(arguments) in seen:
                    continue
                seen.add(repr(arguments))
                verdict = await _same(arguments, one, both, cells)
                if verdict is False:
                    return False
                given += verdict is True
    return given >= _LEAST


async def _same(arguments: Sequence[object], one: _Called, both: _Called, cells: AsyncSandbox) -> bool | None:
    """Whether two functions give the same; None where both decline."""
    first = await cells.apply(one.program, arguments)
    second = await cells.apply(both.program, arguments)
    if first.status is not Status.OK or second.status is not Status.OK:
        return None if first.status is second.status is Status.ERROR else False
    return type(first.value) is type(second.value) and repr(first.value) == repr(second.value)


class _Called:
    """A tool with the calls that it is known to be for."""

    def __init__(self, tool: Tool, signature: Signature, known: Sequence[LiteralCall]) -> None:
        self.program = Program(tool.source, tool.function)
        self.known = known
        self._tool = tool
        self._places = [each.name for each in signature.parameters]

    @classmethod
    def of(cls, tool: Tool) -> _Called | None:
        """None where it has no readable call, or parameters that have no place."""
        signature, tree = signature_of(tool.source, tool.function), parse(tool.source)
        names = defined_functions(tree) if tree else ()
        try:
            known = [read_call(each.call, names) for each in tool.checks]
        except Unreadable:
            return None
        return cls(tool, signature, known) if signature is not None and known else None

    def placed(self, call: LiteralCall) -> Sequence[object] | None:
        """The arguments in the order of the parameters; None where one is left out in between."""
        by_name: Mapping[str, object] = {**dict(zip(self._places, call.args, strict=False)), **call.kwargs}
        used = self._places[: len(by_name)]
        return [by_name[name] for name in used] if set(used) == set(by_name) else None

    async def generated(self, judge: Judge) -> Sequence[LiteralCall]:
        """Calls with inputs of the kind that it is for."""
        return await judge.samples(self.program, self._tool.function, self.known, GENERATED)
