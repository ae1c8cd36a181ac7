"""Progress of what takes longer than a moment: bars with cost so far and time left, on a terminal alone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from latm.cli._say import cost, progress_console

_WRITTEN, _COMPARED = "texts", "compared"


@final
class TuningProgress:
    """Hears of the events of a tuning and shows how far it is; a line for what a reader must know.

    Where stderr is no terminal, the bars are not drawn, and the lines alone are written.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = progress_console() if console is None else console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[more]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, dict[str, tuple[int, int]]] = {}
        self._status = ""

    def __enter__(self) -> TuningProgress:
        """Begin to draw."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bars away."""
        self._bars.stop()

    def __call__(self, name: str, fields: Mapping[str, object]) -> None:
        """Hear of an event."""
        match name:
            case "tune.wrote":
                refused = int(str(fields["refused"]))
                more = cost(_usd(fields)) + (f", {refused} refused" if refused else "")
                self._bar(
                    _WRITTEN, "writing texts", int(str(fields["done"])), int(str(fields["wanted"])), more
                )
            case "tune.compared":
                self._compared(fields)
            case "tune.submitted":
                job = f", job {fields['job']}" if fields["job"] else ""
                self._say(f"training {fields['tuning']}: run {fields['run']}{job}")
            case "tune.progress":
                self._training(fields)
            case "tune.billed":
                self._say(f"the training is billed: {cost(_usd(fields))}")
            case "tune.retry" | "model.retry":
                reason = fields.get("reason", fields.get("error"))
                self._say(f"waiting {float(str(fields['wait_s'])):.1f} s: {reason}", "yellow")
            case "tune.waiting":
                self._say(f"another process is at {fields['tuning']}: waiting for it", "yellow")
            case "tune.left":
                self._say(
                    f"the job goes on (run {fields['run']}): the same command follows it again", "yellow"
                )
            case _:
                pass

    def _compared(self, fields: Mapping[str, object]) -> None:
        of_all = self._done.setdefault(_COMPARED, {})
        of_all[f"{fields['contender']} {fields['set']}"] = (int(str(fields["done"])), int(str(fields["of"])))
        done = sum(each for each, _ in of_all.values())
        # Contenders that have not begun are not known here: the total grows until all have.
        wanted = sum(of for _, of in of_all.values())
        self._bar(_COMPARED, "asking about samples", done, wanted, cost(_usd(fields)))

    def _training(self, fields: Mapping[str, object]) -> None:
        status, step, loss = fields["status"], fields["step"], fields["loss"]
        figures = "" if step is None else f" step {step}"
        figures += f", loss {loss:.4g}" if isinstance(loss, float) else ""
        said = f"{status}{figures}"
        if said != self._status:
            self._status = said
            self._say(f"training {fields['tuning']}: {said}")

    def _bar(self, key: str, text: str, done: int, total: int, more: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(text, total=total, more=more)
        self._bars.update(self._tasks[key], completed=done, total=total, more=more)

    def _say(self, text: str, style: str = "dim") -> None:
        self._console.print(escape(text), style=style)


def _usd(fields: Mapping[str, object]) -> Decimal | None:
    known = fields.get("cost_usd")
    return known if isinstance(known, Decimal) else None
