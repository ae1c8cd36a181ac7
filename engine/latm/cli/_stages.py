"""Progress of makings and of questions: a line for each stage, and bars on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from types import TracebackType
from typing import final

from rich.console import Console

from latm.cli._bars import Bars, Cost
from latm.cli._say import cost

_DOING = {
    "propose": "a function is written",
    "verify": "its answers are compared",
    "determinism": "the same again in other surroundings",
    "robustness": "generated inputs",
    "properties": "what must hold for every answer",
    "regression": "what the version before was tested with",
    "second-opinion": "another model's function beside it",
    "parser": "questions of a fixed form",
    "scaling": "larger inputs",
    "exam": "the user model on unseen examples",
}
_MAKING, _SOLVING = "making", "solving"


@final
class Stages:
    """Hears of the events of makings and of questions, and shows how far they are.

    Use it as a context manager around the engine.

    Args:
        console: where to; stderr if None.
        questions: how many are to be answered; None for a making alone.
    """

    def __init__(self, console: Console | None = None, *, questions: int | None = None) -> None:
        self._bars = Bars(console)
        self._questions = questions
        self._answered = 0
        self._by_tool = 0
        self._cost = Cost()

    def __enter__(self) -> Stages:
        """Begin to draw."""
        self._bars.__enter__()
        if self._questions is not None:
            self._draw()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bars away."""
        self._bars.__exit__(kind, error, traceback)

    def __call__(self, name: str, fields: Mapping[str, object]) -> None:
        """Hear of an event."""
        match name:
            case "solve.done":
                self._answered += 1
                self._by_tool += fields["route"] == "tool"
                self._draw()
            case "model.replied":
                self._cost.add(fields["cost_usd"])
                self._draw()
            case "model.retry":
                self._bars.say(f"waiting {float(str(fields['wait_s'])):.1f} s: {fields['error']}", "yellow")
            case _ if name.startswith("sandbox.image"):
                self._bars.say(f"{name}: {fields}")
            case _ if name.startswith("make."):
                self._making(name, fields)
            case _:
                pass

    def aside(self) -> AbstractContextManager[None]:
        """Make room for what is written to stdout."""
        return self._bars.aside()

    def finished(self) -> None:
        """All questions are answered; what still runs is in the background."""
        self._questions = None
        self._bars.hide(_SOLVING)

    def _making(self, name: str, fields: Mapping[str, object]) -> None:
        match name:
            case "make.asking":
                self._bars.say(f"{fields['stage']} {fields['number']}: asking the maker")
                self._at(fields)
            case "make.stage":
                stage = str(fields["stage"])
                self._bars.say(f"{stage} ({_DOING.get(stage, '')}; {_so_far(fields)})", "bold")
                self._at(fields)
            case "make.found":
                style = "green" if fields["held"] else "yellow"
                self._bars.say(f"{fields['stage']}: {fields['summary']}", style)
            case "make.waiting":
                whose = "the same tool" if fields["same"] else "another tool for this task"
                self._bars.say(f"another process makes {whose}: waiting for it", "yellow")
            case "make.attempt":
                self._attempt(fields)
            case "make.done" | "make.failed" | "make.merged" | "make.interrupted":
                self._bars.hide(f"{_MAKING} {fields['task']}")
            case _:
                pass

    def _attempt(self, fields: Mapping[str, object]) -> None:
        problem = fields["problem"]
        step = f"{fields['stage']} {fields['number']}"
        if problem is None:
            self._bars.say(f"{step}: accepted", "green")
        else:
            self._bars.say(f"{step}: {str(problem).splitlines()[0]}", "yellow")

    def _at(self, fields: Mapping[str, object]) -> None:
        # How many attempts a stage will take is not known, so neither is the time that is left.
        task = str(fields["task"])
        step = f"{fields['stage']} {fields['number']}" if "number" in fields else str(fields["stage"])
        self._bars.show(f"{_MAKING} {task}", f"making {task}: {step}", more=str(self._cost))

    def _draw(self) -> None:
        if self._questions is None:
            return
        more = f"{self._by_tool} by tool, {self._cost}" if self._questions > 1 else str(self._cost)
        total = self._questions if self._questions > 1 else None
        self._bars.show(_SOLVING, "answering", done=self._answered, total=total, more=more)


def _so_far(fields: Mapping[str, object]) -> str:
    known = fields["cost_usd"]
    return f"{cost(known if isinstance(known, Decimal) else None)} so far"
