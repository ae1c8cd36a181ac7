"""What people see of the demo: progress on stderr while it runs, and the report's tables on stdout."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from latm._figures import count, percent, seconds, usd
from latm._ledger import Spend
from latm.cli._bars import Bars
from latm.cli.demo.measuring import Payback, Score, accuracy, alone, paybacks, titles
from latm.cli.demo.running import Asked, DemoResult
from latm.cli.demo.scripted import MODELS, PRICES
from latm.config import MakingConfig

__all__ = ["Progressing", "report"]

_LINE_EVERY = 15
_FAILED = "The code failed with the error "
_PASSED = {
    "propose": "it runs in a cell",
    "verify": "its answers are right",
    "wrap": "its demonstrations run",
    "properties": "what must be true of every answer is stated",
}
_TOLD = frozenset({"robustness", "properties", "second-opinion", "exam"})
"""Stages whose findings are shown."""
_ROLE_ORDER = ("maker", "user", "dispatcher", "fallback")


@final
class Progressing:
    """Shows progress; on a terminal with a bar, else as plain lines.

    Use it as a context manager around the run.

    Args:
        console: where to, usually stderr.
        planned: how many questions there are.
    """

    def __init__(self, console: Console, planned: int) -> None:
        self._console = console
        self._planned = planned
        self._by_tool = 0
        self._bars = Bars(console)

    def __enter__(self) -> Progressing:
        """Begin."""
        self._bars.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._bars.__exit__(kind, error, traceback)

    def preparing(self, what: str) -> None:
        """Say what is done before or after the stream."""
        self._say(f"{what} ...", "dim")

    def heard(self, name: str, fields: Mapping[str, object]) -> None:
        """Show the stages of a making, and what else takes time or goes wrong."""
        match name:
            case "make.start":
                known = f"{fields['examples']} questions are answered"
                self._say(f"{fields['task']}: {known}, {fields['model']} makes a tool", "bold")
            case "make.attempt":
                self._attempt(fields)
            case "make.found":
                self._found(fields)
            case "make.done":
                cost = fields["cost_usd"]
                price = usd(cost if isinstance(cost, Decimal) else None)
                self._say(f"  made for {price}: {fields['tool']} version {fields['version']}", "bold green")
            case "make.failed" | "make.interrupted":
                self._say(f"  no tool: {fields['error']}", "red")
            case "model.retry":
                self._say(f"  waiting {seconds(float(str(fields['wait_s'])))}: {fields['error']}", "yellow")
            case _:
                pass

    def answered(self, asked: Asked, spent: Spend) -> None:
        """Move on by one question."""
        self._by_tool += asked.answer.route == "tool"
        told = f"{self._by_tool} by tool, {usd(spent.cost_usd)}"
        if self._console.is_terminal:
            self._bars.show("answering", "answering", done=asked.number, total=self._planned, more=told)
        elif asked.number % _LINE_EVERY == 0 or asked.number == self._planned:
            self._say(f"answered {asked.number} of {self._planned}: {told} so far")

    def _attempt(self, fields: Mapping[str, object]) -> None:
        stage, number, problem = str(fields["stage"]), int(str(fields["number"])), fields["problem"]
        if stage == "parser":  # the maker sees no fixed form, or writes one: of no interest here
            return
        head = f"  {stage:<11}{number}  "
        if problem is None:
            mended = "mended: " if number > 1 else ""
            self._say(f"{head}{mended}{_PASSED.get(stage, 'accepted')}", "green")
        else:
            self._say(f"{head}failed: {_gist(str(problem))}", "yellow")

    def _found(self, fields: Mapping[str, object]) -> None:
        stage = str(fields["stage"])
        if stage in _TOLD and fields["held"]:
            self._say(f"  {stage:<11}   {fields['summary']}", "green")

    def _say(self, text: str, style: str = "") -> None:
        self._bars.say(text, style)


def _gist(problem: str) -> str:
    """The error of a problem in one line, and the assert that it is about."""
    lines = problem.splitlines()
    # Of several answers that were compared, the first that went wrong; else the first line.
    lines = [next((line for line in lines if line.startswith(_FAILED)), lines[0]), *lines]
    first = lines[0].removeprefix(_FAILED)
    broken = next((line.strip() for line in lines if line.strip().startswith("assert ")), None)
    return first if broken is None else f"{first}, at: {broken}"


def report(result: DemoResult, console: Console) -> None:
    """Print the report."""
    _about(result, console)
    _titled(console, "Right answers, by task and route", _accuracy_table(result))
    _titled(console, "Tokens and money, by role", _money_table(result))
    _comparison(result, console)
    accounts = paybacks(result)
    if accounts:
        _titled(console, "When each tool has earned what its making cost", _payback_table(accounts))
    for failure in result.failures:
        console.print(f"[red]No tool was made:[/red] {escape(failure)}", soft_wrap=True)
    if not accounts and not result.failures:
        needed = MakingConfig().pending
        console.print(f"No tool was made: no task had {needed} answered questions to make it from.")
    _notes(result, console)


def _about(result: DemoResult, console: Console) -> None:
    done = len(result.asked)
    tool, model = (accuracy(result, route=route).asked for route in ("tool", "model"))
    if done < result.planned:
        error = escape(str(result.error))
        console.print(f"[red]Stopped after {done} of {result.planned} questions:[/red] {error}")
    console.print(
        f"[bold]{done} questions[/bold] (seed {result.seed}) in {seconds(result.seconds)}: "
        f"[bold]{tool}[/bold] answered by tools, [bold]{model}[/bold] by the strong model."
    )
    roles = result.scripted_roles
    if roles:
        who = "All models here" if len(roles) == len(result.models) else f"The models of {_listed(roles)}"
        console.print(
            f"[yellow]{who} are scripted[/yellow]: programs that read a request and reply as a model would. "
            "Cells, makings, calls and accounts are real; how often they are right says nothing about models."
        )
    console.print()


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _titled(console: Console, title: str, table: Table) -> None:
    console.print(title, style="bold underline")
    console.print(table)
    console.print()


def _table(first: str, *figures: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True, vertical="bottom")
    for title in figures:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _accuracy_table(result: DemoResult) -> Table:
    table = _table("task", "strong model", "tool", "all")
    for title in titles(result):
        table.add_row(title, *_scores(result, title))
    table.add_section()
    table.add_row("all", *_scores(result, None), style="bold")
    return table


def _scores(result: DemoResult, task: str | None) -> Iterable[str]:
    for route in ("model", "tool", None):
        yield _score(accuracy(result, task, route))


def _score(score: Score) -> str:
    if not score.asked:
        return "-"
    return f"{score.right} of {score.asked}  {percent(score.right / score.asked):>6}"


def _money_table(result: DemoResult) -> Table:
    table = _table("role, model", "calls", "tokens in", "tokens out", "cost")
    for role in _ROLE_ORDER:
        if role in result.spend:
            table.add_row(f"{role:<11} {result.models[role]}", *_spent(result.spend[role]))
    table.add_section()
    table.add_row("all", *_spent(result.total), style="bold")
    return table


def _spent(spend: Spend) -> tuple[str, str, str, str]:
    usage = spend.usage
    taken = usage.input + usage.cache_read + usage.cache_write
    return f"{spend.calls:,}", f"{taken:,}", f"{usage.output:,}", usd(spend.cost_usd)


def _comparison(result: DemoResult, console: Console) -> None:
    by_itself, paid = alone(result), result.total.cost_usd
    how = "measured: it was asked all of them, outside these accounts"
    if result.alone_estimated:
        how = "estimated from the questions of each task that it did answer"
    line = f"The strong model alone would have cost [bold]{usd(by_itself)}[/bold] ({how}"
    marks = [each.alone_right for each in result.asked]
    if marks and None not in marks:
        line += f"; {sum(map(bool, marks))} of {len(marks)} right"
    console.print(f"{line}).")
    making = "their making included" if "maker" in result.spend else "which were there already"
    told = f"With tools, {making}, it was [bold]{usd(paid)}[/bold]"
    if by_itself and paid is not None:
        change = (paid - by_itself) / by_itself
        told += f": {percent(float(abs(change)))} {'less' if change <= 0 else 'more'}"
    console.print(f"{told}.\n")


def _payback_table(accounts: Iterable[Payback]) -> Table:
    table = _table(
        "tool", "making", "alone,\neach", "by tool,\neach", "breaks\neven after", "that was\nquestion"
    )
    for each in accounts:
        table.add_row(
            f"{each.tool.name} v{each.tool.version}",
            usd(each.making_usd),
            usd(each.alone_usd),
            usd(each.tool_usd),
            _needed(each),
            f"{each.reached}" if each.reached else "-",
        )
    return table


def _needed(payback: Payback) -> str:
    if payback.questions is not None:
        return count(payback.questions, "use")
    return "never" if payback.saving_usd is not None and payback.saving_usd <= 0 else "unknown"


def _notes(result: DemoResult, console: Console) -> None:
    if result.scripted_roles:
        strong, cheap = PRICES[MODELS["fallback"]], PRICES[MODELS["user"]]
        console.print(
            "Scripted models have the list prices of an example, in USD per million tokens in and out: "
            f"strong {strong.input} and {strong.output}, cheap {cheap.input} and {cheap.output}. Their "
            "tokens are estimated at four characters each.",
            style="dim",
        )
    where = "The library was temporary; --library FILE keeps the tools."
    if result.library is not None:
        option = shlex.quote(result.library)
        where = f"The tools are in {escape(result.library)}: latm tools list --library {escape(option)}"
    console.print(where, style="dim", soft_wrap=True)  # a path cut in two cannot be copied
    if result.library is not None and not result.alone_estimated:
        console.print(
            "latm report takes what the strong model alone would have cost from its answers in that library, "
            "and no others; here it was asked everything. So the break-evens may differ by some uses.",
            style="dim",
        )
