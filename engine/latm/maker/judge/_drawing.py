"""The host's side of a cell that draws inputs: it counts what it sees, and says when it has seen enough.

Nothing that is said here makes a property hold: that takes a replay (`_replaying`).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from latm.maker.judge._asking import IMPORTED, Asking, Result, Values, plan, size
from latm.maker.judge._cells import program
from latm.maker.judge._reading import Block
from latm.maker.judge._tool import Tool
from latm_sandbox import AsyncSandbox

_SMALLER: Final = 300  # cases that may be spent on a smaller counterexample
_TRIES: Final = 10  # cases drawn, for each one that is wanted
_HARD: Final = 2  # calls that hang or die, before nobody waits for more
_BY_ALARM: Final = -14


@dataclass(kw_only=True)
class Drawn:
    """What was drawn for one property.

    Attributes:
        valid: different cases that passed, by their text.
        failed: cases that did not.
        tried: how many there were in all.
        rejected: how many the property did not want, or the function declined by a declared error.
        idle: how many passed without a call.
        note: why drawing ended early; empty where it did not.
        ended: whether its process came to an end.
    """

    valid: dict[str, Values] = field(default_factory=dict[str, Values])
    failed: list[Result] = field(default_factory=list[Result])
    tried: int = 0
    rejected: int = 0
    idle: int = 0
    note: str = ""
    ended: bool = False
    first_failed: int = 0

    def add(self, result: Result) -> None:
        """Count a case."""
        if result.valid:
            self.valid.setdefault(repr(result.values), result.values)
        elif result.outcome == "pass":
            self.idle += 1
        elif result.outcome in {"reject", "declared"}:
            self.rejected += 1
        else:
            self.first_failed = self.first_failed or self.tried
            self.failed.append(result)

    def enough(self, cases: int) -> bool:
        """Whether no further case would say more."""
        if self.failed:
            hard = sum(result.outcome == "hard" for result in self.failed)
            return hard >= _HARD or self.tried - self.first_failed >= _SMALLER
        return len(self.valid) >= cases or self.tried >= _TRIES * cases

    def smallest(self, count: int) -> Sequence[Result]:
        """Failed cases to be looked at again; those that are not the property's own fault first."""
        unique = {repr(each.values): each for each in self.failed}
        return sorted(unique.values(), key=lambda each: (each.outcome == "error", size(each.values)))[:count]


@dataclass(kw_only=True)
class Drawing:
    """One run of the drawing cell, for some of the block's properties."""

    judging: AsyncSandbox
    tool: Tool
    block: Block
    errors: Mapping[str, str]
    names: Sequence[str]
    seed: int
    cases: int
    drawn: dict[str, Drawn] = field(default_factory=dict[str, Drawn])
    _asking: Asking = field(init=False)
    _now: int = field(default=0, init=False)
    _values: Values | None = field(default=None, init=False)

    async def run(self) -> Mapping[str, Drawn]:
        """Draw for each of them. One that tore the cell down leaves those after it without an end."""
        self._asking = Asking(tool=self.tool)
        self.drawn = {name: Drawn() for name in self.names}
        outcome = await self.judging.run(program("common", "draw"), "draw(ask)", ask=self._ask)
        unfinished = [each for each in self.drawn.values() if not each.ended]
        if unfinished and not unfinished[0].note:
            unfinished[0].note = f"its cell ended: {outcome.error}"
        return self.drawn

    async def _ask(self, what: object, *rest: Any) -> Any:
        match what, rest:
            case "plan", ():
                return self._plan()
            case "call", (args, kwargs):
                return await self._asking.call(args, kwargs)
            case "case", (said, values):
                return self._case(said, values)
            case "last", (int(), said, str(note)):
                self._close(said)
                self._current.note = note
            case "end", (int(index), int(code)):
                self._end(index, code)
            case _:
                raise ValueError("no question")
        return None

    def _plan(self) -> Mapping[str, Any]:
        seeds = [self.seed + zlib.crc32(name.encode()) % 100_000 for name in self.names]
        return {
            **plan(self.block, self.tool, self.errors),
            "names": list(self.names),
            "seeds": seeds,
            "imported": IMPORTED,
            "most": 3 * self.cases,
        }

    @property
    def _current(self) -> Drawn:
        return self.drawn[self.names[self._now]]

    def _case(self, said: object, values: Values) -> str:
        self._close(said)
        if self._current.enough(self.cases) or self.tool.trouble is not None:
            return "stop"
        self._current.tried += 1
        self._values = values
        return "go"

    def _close(self, said: object) -> None:
        if self._values is not None:
            self._current.add(self._asking.result(self._values, said))
        self._values = None

    def _end(self, index: int, code: int) -> None:
        if index != self._now:
            raise ValueError("no question")
        if code or self._values is not None:
            late = (
                "it took too long by itself, without a call" if code == _BY_ALARM else "it ended its process"
            )
            self._current.note = late
        self._current.ended = True
        self._values = None
        self._asking.calls.clear()
        self._now = min(index + 1, len(self.names) - 1)
