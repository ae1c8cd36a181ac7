"""Generated calls of a function: which crash, and which are inside its contract."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from latm._literals import LiteralCall
from latm._reading import parse
from latm.maker.judge._asking import size
from latm.maker.judge._cells import program
from latm.maker.judge._tool import Reply, Tool
from latm.maker.judge._typical import Typical
from latm.maker.judge._verdicts import Crash, Robustness
from latm_sandbox import AsyncSandbox, Limits, Status

_SMALLER: Final = 150  # calls that may be spent on smaller ones
_HARD: Final = 2  # calls that hang or die, before nobody waits for more
_OUTSIDE: Final = 80
_OUTSIDE_S: Final = 1.0
_SHOWN: Final = 500
_TOO_LARGE: Final = frozenset({"RecursionError", "MemoryError", Status.TIMEOUT.value, Status.MEMORY.value})


@dataclass
class _Found:
    """Calls in one part: how many, and the smallest of each kind of crash."""

    calls: set[str] = field(default_factory=set[str])
    asked: int = 0
    crashes: dict[str, tuple[LiteralCall, Reply]] = field(
        default_factory=dict[str, tuple[LiteralCall, Reply]]
    )
    hard: int = 0
    since: int = 0

    def add(self, call: LiteralCall, reply: Reply, kind: str) -> None:
        """Keep a crash when it is the smallest of its kind."""
        self.since = self.since or self.asked
        self.hard += reply.kind == "hard"
        if kind not in self.crashes or size(call) < size(self.crashes[kind][0]):
            self.crashes[kind] = (call, reply)

    def shown(self) -> tuple[Crash, ...]:
        """The crashes, the smallest calls first."""
        pairs = sorted(self.crashes.values(), key=lambda pair: size(pair[0]))
        return tuple(Crash(call=_cut(str(call)), problem=reply.problem) for call, reply in pairs)


@dataclass(kw_only=True)
class Exploring:
    """One run of the exploring cell.

    Attributes:
        tool: the function; None only collects the calls.
        seen: calls that the function is made for; without any, its hints say what it takes.
        runs: whether the calls are made; else they are only collected.
        beyond: whether calls outside the contract are collected too.
    """

    judging: AsyncSandbox
    tool: Tool
    seen: Sequence[LiteralCall]
    seed: int
    cases: int
    runs: bool = True
    beyond: bool = False
    samples: list[LiteralCall] = field(default_factory=list[LiteralCall], init=False)
    _typical: Typical = field(init=False)
    _parts: dict[str, _Found] = field(
        default_factory=lambda: {"inside": _Found(), "outside": _Found()}, init=False
    )

    def __post_init__(self) -> None:
        """Look at the seen calls."""
        self._typical = Typical(self.seen)

    async def run(self) -> Robustness:
        """What was found. The cell runs nothing but our own code, so its calls are what it says they are."""
        outcome = await self.judging.run(
            program("common", "draw", "shapes", "explore"), "explore(ask)", ask=self._ask
        )
        if not outcome.ok and self.tool.trouble is None:
            raise RuntimeError(f"calls cannot be generated: {outcome.error}")
        inside, outside = self._parts["inside"], self._parts["outside"]
        outside.crashes = {kind: each for kind, each in outside.crashes.items() if kind not in inside.crashes}
        return Robustness(cases=len(inside.calls), inside=inside.shown(), outside=outside.shown())

    async def _ask(self, what: object, *rest: Any) -> Any:
        match what, rest:
            case "plan", ():
                return {
                    "seen": [(list(call.args), dict(call.kwargs)) for call in self.seen],
                    "hints": hints(self.tool.program.source, self.tool.function),
                    "seed": self.seed,
                    "most": 3 * self.cases,
                }
            case "try", (("inside" | "outside") as where, args, kwargs):
                return await self._try(where, args, kwargs)
            case _:
                raise ValueError("no question")

    async def _try(self, where: str, args: list[object], kwargs: Mapping[str, object]) -> str:
        found, call = self._parts[where], LiteralCall(self.tool.function, tuple(args), kwargs)
        if self._enough(where, found):
            return "stop"
        found.asked += 1
        if str(call) not in found.calls:
            found.calls.add(str(call))
            self.samples.append(call)
        if not self.runs:
            return ""
        limits = None if where == "inside" else self._short()
        reply = await self.tool.reply(args, kwargs, limits=limits)
        if reply is None:
            return "stop"
        if self._is_fine(reply):
            return ""
        kind = f"{reply.type} {reply.line}"
        if where == "inside":
            blamed = await self._blamed(call, reply)
            if blamed is None:
                self._parts["outside"].add(call, reply, kind)
                return ""
            call, reply = blamed
        found.add(call, reply, kind)
        return kind

    def _is_fine(self, reply: Reply) -> bool:
        return reply.kind == "value" or (reply.kind == "error" and self.tool.declares(reply.type))

    async def _blamed(self, call: LiteralCall, reply: Reply) -> tuple[LiteralCall, Reply] | None:
        """The call for whose crash the function is to blame; None where it is for what was made up in it."""
        nearer = call
        if reply.type in _TOO_LARGE:  # who tries all orders is slow with twice as many, and no less right
            nearer = self._typical.cut(nearer)
        nearer = self._typical.nearer(nearer)
        if nearer == call:
            return call, reply
        again = await self.tool.reply(list(nearer.args), dict(nearer.kwargs))
        return None if again is None or self._is_fine(again) else (nearer, again)

    def _enough(self, where: str, found: _Found) -> bool:
        if self.tool.trouble is not None or sum(each.hard for each in self._parts.values()) >= _HARD:
            return True
        if where == "outside":
            return not (self.runs or self.beyond) or found.asked >= _OUTSIDE
        if found.crashes:
            return found.asked - found.since >= _SMALLER
        return len(found.calls) >= self.cases or found.asked >= 10 * self.cases

    def _short(self) -> Limits:
        own = self.tool.cells.tightened(self.tool.limits)
        return Limits(wall_s=min(_OUTSIDE_S, own.wall_s), cpu_s=min(_OUTSIDE_S, own.cpu_s))


def hints(source: str, function: str) -> list[str]:
    """The type hints of the parameters without defaults, as they are written; empty where there is none."""
    tree = parse(source)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef) and node.name == function:
            arguments = [*node.args.posonlyargs, *node.args.args]
            needed = arguments[: len(arguments) - len(node.args.defaults)]
            return [ast.unparse(each.annotation) if each.annotation else "" for each in needed]
    return [""]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
