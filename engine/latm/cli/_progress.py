"""Progress of a tuning: bars with rate, cost so far and time left, on a terminal alone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import final

from rich.console import Console

from latm.cli._bars import Bars
from latm.cli._say import cost

_BEGUN, _WRITTEN, _COMPARED = "begun", "texts", "compared"


@final
class TuningProgress:
    """Hears of the events of a tuning and shows how far it is; a line for what a reader must know.

    Where stderr is no terminal, the bars are not drawn, and the lines alone are written.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._bars = Bars(console)
        self._status = ""

    def __enter__(self) -> TuningProgress:
        """Begin to draw."""
        self._bars.__enter__()
        self._bars.show(_BEGUN, "working")
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
            case "tune.wrote":
                refused = int(str(fields["refused"]))
                more = cost(_usd(fields)) + (f", {refused} refused" if refused else "")
                self._bars.hide(_BEGUN)
                self._bars.show(
                    _WRITTEN,
                    "writing texts",
                    done=int(str(fields["done"])),
                    total=int(str(fields["wanted"])),
                    more=more,
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
        self._bars.hide(_BEGUN)
        self._bars.hide(_WRITTEN)
        self._bars.show(
            _COMPARED,
            f"asking {fields['contender']} about {fields['set']}",
            done=int(str(fields["asked"])),
            total=int(str(fields["total"])),
            more=cost(_usd(fields)),
        )

    def _training(self, fields: Mapping[str, object]) -> None:
        status, step, loss = fields["status"], fields["step"], fields["loss"]
        figures = "" if step is None else f" step {step}"
        figures += f", loss {loss:.4g}" if isinstance(loss, float) else ""
        said = f"{status}{figures}"
        if said != self._status:
            self._status = said
            self._say(f"training {fields['tuning']}: {said}")
        self._bars.hide(_WRITTEN)
        self._bars.show(_BEGUN, f"training {fields['tuning']}")

    def _say(self, text: str, style: str = "dim") -> None:
        self._bars.say(text, style)


def _usd(fields: Mapping[str, object]) -> Decimal | None:
    known = fields.get("cost_usd")
    return known if isinstance(known, Decimal) else None
