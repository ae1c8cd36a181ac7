"""Bars on a terminal: how far, how fast, what it has cost, how long it has taken and will take."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from types import TracebackType
from typing import final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from latm.cli._say import cost, progress_console

_SLOW = 1.0  # a second; what is slower is told by the minute


@final
class Bars:
    """Bars by name, and lines above them. Where stderr is no terminal, the lines alone are written.

    Use it as a context manager around the work.

    Args:
        console: where to; stderr if None.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = progress_console() if console is None else console
        self._bars = Progress(
            _WhatColumn(),
            BarColumn(bar_width=12, table_column=_whole()),
            _CountColumn(table_column=_whole()),
            _RateColumn(table_column=_whole()),
            TextColumn("{task.fields[more]}", markup=False, table_column=_whole()),
            _TimeColumn(table_column=_whole()),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
            # Else what goes into a pipe by stdout would be drawn on the terminal, and not be in the pipe.
            redirect_stdout=False,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
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

    @contextmanager
    def aside(self) -> Generator[None, None, None]:
        """Take the bars away while something is written to stdout, where that is the terminal too."""
        if self._bars.disable or not sys.stdout.isatty():
            yield
            return
        self._bars.stop()
        yield
        self._bars.start()

    def show(self, key: str, text: str, *, done: int = 0, total: int | None = None, more: str = "") -> None:
        """Draw a bar as it is now.

        Args:
            key: which one.
            text: what it is about.
            done: how many are done.
            total: of how many; None where nobody can know.
            more: what else to say, the cost among it.
        """
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(text, total=total, more=more)
        self._bars.update(self._tasks[key], description=text, completed=done, total=total, more=more)

    def hide(self, key: str) -> None:
        """Take a bar away."""
        if (task := self._tasks.pop(key, None)) is not None:
            self._bars.remove_task(task)

    def say(self, text: str, style: str = "dim") -> None:
        """Write a line."""
        # As a Text: a style given to print() would colour the bars below as well.
        self.console.print(Text(text, style=style))


@contextmanager
def waiting(text: str) -> Generator[None, None, None]:
    """Say on a terminal what is waited for, and for how long already."""
    with Bars() as bars:
        bars.show("waiting", text)
        yield


class Cost:
    """What was paid for while a command ran; unknown as soon as one price is."""

    def __init__(self) -> None:
        self._usd: Decimal | None = Decimal(0)

    def add(self, usd: object) -> None:
        """Add one amount."""
        if self._usd is not None:
            self._usd = self._usd + usd if isinstance(usd, Decimal) else None

    def __str__(self) -> str:
        return cost(self._usd)


def _whole() -> Column:
    """A column that keeps its width: where a line is too long, the words before the bar give way."""
    return Column(no_wrap=True)


class _WhatColumn(ProgressColumn):
    """What is done."""

    def render(self, task: Task) -> Text:
        """Draw it."""
        return Text(task.description, no_wrap=True, overflow="ellipsis")


class _CountColumn(ProgressColumn):
    """Done of all; nothing where nobody knows of how many."""

    def render(self, task: Task) -> Text:
        """Draw it."""
        return Text("" if task.total is None else f"{int(task.completed)}/{int(task.total)}")


class _RateColumn(ProgressColumn):
    """How many in a second or in a minute, since the beginning: replies come in bursts."""

    def render(self, task: Task) -> Text:
        """Draw it."""
        if task.total is None or not task.completed or not task.elapsed:
            return Text("")
        per_s = task.completed / task.elapsed
        return Text(f"{per_s:.1f}/s" if per_s >= _SLOW else f"{60 * per_s:.1f}/min")


class _TimeColumn(ProgressColumn):
    """How long it has taken, and will take where that can be guessed."""

    def render(self, task: Task) -> Text:
        """Draw it."""
        elapsed_s = task.elapsed or 0.0
        if task.total is None or not task.completed:
            return Text(_clock(elapsed_s))
        left_s = (task.total - task.completed) * elapsed_s / task.completed
        return Text(f"{_clock(elapsed_s)}, {_clock(left_s)} left")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
