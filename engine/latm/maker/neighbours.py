"""Is a new function one that the library has already, under another name?

Two tools for one kind of question would share its traffic, and each question of it would be a doubtful case
for the dispatcher. So before a tool is published, it and its neighbours are called with the same inputs:
those that both are known to be for, and generated ones. What gives the same everywhere is merged, not added.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, cast

from latm._literals import LiteralCall, Unreadable, read_call
from latm._reading import defined_functions, parse
from latm._records import Tool
from latm._signature import Signature, signature_of
from latm.maker.judge import Judge
from latm_sandbox import AsyncSandbox, Program, Status

GENERATED: Final = 80
"""Generated inputs of each of the two, most of them beyond what it is known to be for: what is the same only
for the few kinds of inputs that were seen so far is not the same."""

_HARD: Final = 2  # inputs on which one did not end, before nothing is established; each took seconds

_LEAST = 20
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
    given = hard = 0
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
                verdict = await _same(arguments, one, both, cells, known=not generated)
                hard += verdict == "endless"
                if verdict == "other" or hard >= _HARD:
                    return False
                given += verdict == "same"
    return given >= _LEAST


async def _same(
    arguments: Sequence[object], one: _Called, both: _Called, cells: AsyncSandbox, *, known: bool
) -> Literal["same", "other", "nothing", "endless"]:
    """Whether two functions give the same, as far as that can be told."""
    first = await cells.apply(one.program, arguments)
    second = await cells.apply(both.program, arguments)
    if Status.TIMEOUT in {first.status, second.status}:
        return "endless"  # on a busy machine, or by itself
    if first.status is not Status.OK or second.status is not Status.OK:
        # Of what nobody asked for yet, one may refuse more than the other.
        return "other" if known else "nothing"
    is_same = type(first.value) is type(second.value) and repr(first.value) == repr(second.value)
    return "same" if is_same else "other"


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
        """Calls with inputs of its kind, and of kinds near it."""
        drawn = await judge.samples(self.program, self._tool.function, self.known, GENERATED, beyond=True)
        return [*(varied for call in self.known for varied in _varied(call)), *drawn]


def _varied(call: LiteralCall) -> Iterator[LiteralCall]:
    """The call with all its texts, numbers or lists changed in one way: what examples of one origin share."""
    for change in _CHANGES:
        args = tuple(_changed(each, change) for each in call.args)
        kwargs = {name: _changed(each, change) for name, each in call.kwargs.items()}
        yield dataclasses.replace(call, args=args, kwargs=kwargs)


def _changed(value: object, change: Callable[[Any], Any]) -> object:
    if isinstance(value, list | tuple):
        items = cast("list[object] | tuple[object, ...]", value)
        return change(type(items)(_changed(each, change) for each in items))
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        return {key: _changed(each, change) for key, each in entries.items()}
    return value if isinstance(value, bool) else change(value)


def _of(kind: type[Any] | tuple[type[Any], ...], change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, kind) else value


_CHANGES: tuple[Callable[[Any], Any], ...] = (
    _of((int, float), lambda number: -number),
    _of((int, float), lambda _: 0),
    _of((int, float), lambda number: number * 1000 + 7),
    _of(str, str.swapcase),
    _of(str, lambda text: text[::-1]),
    _of(str, lambda text: f" {text}  {text} "),
    _of((list, tuple), lambda items: items[::-1]),
    _of((list, tuple), lambda items: items + items[:2]),
    _of((list, tuple), lambda items: items[:1]),
)
