"""The host's side of a cell that runs a property on cases that the host has, where no verdict can be forged.

The property cannot know which of its calls are answered rightly and which are not: this is decided here. Code
that makes every case pass, by whatever means, passes on wrong answers too, and so proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from latm.maker.judge._asking import Asking, Result, Values, plan
from latm.maker.judge._cells import program
from latm.maker.judge._reading import Block
from latm.maker.judge._scramble import scrambled
from latm.maker.judge._tool import Tool
from latm_sandbox import AsyncSandbox


@dataclass(frozen=True, slots=True)
class Item:
    """A case to be run.

    Attributes:
        values: the property's arguments.
        wrong: whether the function's answers are made wrong, and how: of the same kind, or of another.
    """

    values: Values
    wrong: Literal["", "alike", "other"] = ""


@dataclass(kw_only=True)
class Replaying:
    """One run of a property on items, in a state of its own."""

    judging: AsyncSandbox
    tool: Tool
    block: Block
    errors: Mapping[str, str]
    name: str
    items: Sequence[Item]
    random: Random
    results: list[Result] = field(default_factory=list[Result], init=False)
    _asking: Asking = field(init=False)
    _given: int = field(default=0, init=False)

    async def run(self) -> Sequence[Result]:
        """The results in the order of the items; fewer where the property ended it: the last one says so."""
        self._asking = Asking(tool=self.tool)
        outcome = await self.judging.run(program("common", "replay"), "replay(ask)", ask=self._ask)
        if len(self.results) < len(self.items) and not (self.results and self.results[-1].outcome == "load"):
            said = (
                "it ended its process" if outcome.error is None else f"it ended its process ({outcome.error})"
            )
            values = self.items[len(self.results)].values
            self.results.append(Result(values=values, outcome="error", detail=said))
        return self.results

    async def _ask(self, what: object, *rest: Any) -> Any:
        match what, rest:
            case "plan", ():
                return {**plan(self.block, self.tool, self.errors), "name": self.name}
            case "call", (args, kwargs):
                return self._changed(await self._asking.call(args, kwargs))
            case "next", (said,):
                return self._next(said)
            case _:
                raise ValueError("no question")

    def _next(self, said: object) -> Values | None:
        if self._given:
            self.results.append(self._asking.result(self.items[self._given - 1].values, said))
        elif said is not None:
            self.results.append(self._asking.result({}, said))
            return None
        if self._given == len(self.items) or self.tool.trouble is not None:
            return None
        self._given += 1
        return dict(self.items[self._given - 1].values)

    def _changed(self, reply: tuple[Any, ...]) -> tuple[Any, ...]:
        wrong = self.items[self._given - 1].wrong if self._given else ""
        if not wrong or reply[0] not in {"value", "error"}:
            return reply
        if len(self._asking.calls) > 1 and self.random.randrange(2):  # a relation needs a right one too
            return reply
        value = reply[1] if reply[0] == "value" else None
        return ("value", scrambled(value, self.random, alike=wrong == "alike"))
