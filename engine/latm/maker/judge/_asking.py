"""What a property in the judge's cell asks of the function, answered here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from latm._literals import LiteralCall
from latm.maker.judge._reading import Block
from latm.maker.judge._tool import Reply, Tool

Values = Mapping[str, object]
"""The arguments of a property by name."""

IMPORTED = (
    "given assume reject example note event target settings seed strategies HealthCheck Phase".split()  # noqa: SIM905
)
_MOST_CALLS = 100  # of the function in one case; a property that calls on and on is stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case of a property.

    Attributes:
        values: its arguments.
        outcome: as the cell says: ``pass``, ``fail``, ``reject``, ``declared``, ``tool``, ``error`` or
            ``load``; ``hard`` where we know better.
        detail: what was raised.
        line: of the block's source; 0 where unknown.
        calls: what it asked, with what it was told.
    """

    values: Values
    outcome: str
    detail: str = ""
    line: int = 0
    calls: tuple[tuple[LiteralCall, Reply], ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it passed, and asked."""
        return self.outcome == "pass" and bool(self.calls)


def size(values: object) -> tuple[int, str]:
    """Orders cases and calls by how much there is to read."""
    text = repr(values)
    return len(text), text


def known_as(call: LiteralCall, names: tuple[str, ...]) -> dict[str, object]:
    """A call's arguments by the names of the function's parameters."""
    return {**dict(zip(names, call.args, strict=False)), **call.kwargs}


@dataclass(kw_only=True)
class Asking:
    """Answers ``call``, and keeps what was asked in the case that runs.

    Attributes:
        tool: the function.
        calls: of this case.
    """

    tool: Tool
    calls: list[tuple[LiteralCall, Reply]] = field(default_factory=list[tuple[LiteralCall, Reply]])

    async def call(self, args: object, kwargs: object) -> tuple[Any, ...]:
        """The function's answer as the cell reads it."""
        if not isinstance(args, list) or not isinstance(kwargs, dict) or len(self.calls) >= _MOST_CALLS:
            return ("stop",)
        reply = await self.tool.reply(args, kwargs)  # pyright: ignore[reportUnknownArgumentType]
        if reply is None:
            return ("stop",)
        self.calls.append((LiteralCall(self.tool.function, tuple(args), kwargs), reply))  # pyright: ignore[reportUnknownArgumentType]
        if reply.kind == "value":
            return ("value", reply.value)
        if reply.kind == "hard":
            return ("hard", reply.problem)
        return ("error", reply.type, reply.message, self.tool.declares(reply.type))

    def result(self, values: Values, said: object) -> Result:
        """The case that just ended, and a clean slate for the next one."""
        calls, self.calls = tuple(self.calls), []
        match said:
            case (str(outcome), str(detail), int(line)):
                pass
            case _:
                outcome, detail, line = "error", "it did not say what came of it", 0
        for _, reply in calls:
            if reply.kind == "hard":  # whatever the property made of it
                outcome, detail = "hard", reply.problem
        return Result(values=values, outcome=outcome, detail=detail, line=line, calls=calls)


def plan(block: Block, tool: Tool, errors: Mapping[str, str]) -> dict[str, Any]:
    """What both kinds of cells are told first."""
    return {"source": block.source, "function": tool.function, "errors": dict(errors)}
