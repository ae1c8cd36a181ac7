"""``latm tools``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table

from latm._records import Tool
from latm.cli._say import data_console, guarded, money, note, print_json
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption, build_config
from latm.library import Library

tools = typer.Typer(no_args_is_help=True, help="Look at the tools of the library.")


@tools.command("list")
@guarded
def list_(
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List the tools: newest active version of each."""
    store = Library(build_config(config, library=library).library.url)
    try:
        rows = [(tool, *store.uses(tool)) for tool in store.list()]
        waiting = {task: len(store.pending(task)) for task in store.tasks()}
    finally:
        store.close()
    if json_:
        print_json(
            {
                "tools": [
                    {"name": tool.name, "version": tool.version, "function": tool.function}
                    | {"uses": uses, "failures": failures, "maker": tool.provenance.maker}
                    | {"created": tool.provenance.created}
                    for tool, uses, failures in rows
                ],
                "pending": waiting,
            }
        )
        return
    if not rows:
        note(f"{store.url} holds no tools yet; latm make TASK --examples FILE.jsonl makes one")
    else:
        table = Table("tool", "version", "function", "uses", "failed", "made by", box=None, pad_edge=False)
        for tool, uses, failures in rows:
            table.add_row(
                tool.name, str(tool.version), tool.function, str(uses), str(failures), tool.provenance.maker
            )
        data_console().print(table)
    for task, count in waiting.items():
        note(f"{task}: {count} answered questions, no tool yet")


@tools.command("show")
@guarded
def show(
    name: Annotated[str, typer.Argument(help="The tool's name.")],
    version: Annotated[int | None, typer.Option(help="A version; else the newest active one.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Show every attempt of its making.")] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show a tool: its function, its demonstrations and the evidence for it."""
    store = Library(build_config(config, library=library).library.url)
    try:
        tool = store.get(name, version)
        uses, failures = store.uses(tool)
    finally:
        store.close()
    if json_:
        print_json(tool)
        return
    console = data_console()
    console.print(f"[bold]{escape(tool.name)}[/bold] version {tool.version}", highlight=False)
    console.print(escape(tool.contract))
    _code(console, tool.source)
    for each in tool.demonstrations:
        console.print(f"\n[bold]Question[/bold] {escape(each.question)}")
        _code(console, each.code)
    _evidence(console, tool, uses, failures)
    if history:
        _history(console, tool)


@tools.command("test")
@guarded
def rerun(
    name: Annotated[str, typer.Argument(help="The tool's name.")],
    version: Annotated[int | None, typer.Option(help="A version; else the newest active one.")] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Run a tool's unit tests again, in cells. No model is asked. The exit code is 1 if one fails.

    Example: latm tools test word-sorting
    """
    from latm._sync import Engine

    with Engine(build_config(config, library=library)) as engine:
        tool = engine.library.get(name, version)
        results = engine.test(tool)
    failed = [each for each in results if not each.passed]
    if json_:
        print_json(
            {
                "tool": tool.name,
                "version": tool.version,
                "tests": [
                    {"name": each.name, "passed": each.passed, "problem": each.problem} for each in results
                ],
            }
        )
    else:
        for each in results:
            mark = "[green]passed[/green]" if each.passed else "[red]failed[/red]"
            data_console().print(f"{mark} {escape(each.name)}", highlight=False)
            if each.problem:
                data_console().print(escape(f"       {each.problem}"), highlight=False)
        note(f"{len(results) - len(failed)} of {len(results)} tests pass")
    if failed:
        raise typer.Exit(1)


def _evidence(console: Console, tool: Tool, uses: int, failures: int) -> None:
    origin = tool.provenance
    rows = {
        "answer type": tool.answer_type,
        "protocol": origin.protocol,
        "made by": f"{origin.maker}, {origin.created}",
        "attempts": ", ".join(
            f"{stage} {tool.scorecard.count(stage)}"
            for stage in dict.fromkeys(each.stage for each in tool.scorecard.attempts)
        ),
        "cost": f"{money(origin.cost_usd)}, {origin.usage.total} tokens, {origin.seconds:.1f} s",
        "uses": f"{uses}, {failures} failed",
        "source": f"sha256 {origin.source_sha256[:16]}",
    }
    console.print()
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in rows.items():
        table.add_row(f"[bold]{key}[/bold]", escape(value))
    console.print(table)
    for one in tool.scorecard.evidence:
        mark = "[green]held[/green]" if one.held else "[yellow]open[/yellow]"
        console.print(f"{mark} [bold]{one.stage}[/bold] {escape(one.summary)}", highlight=False)
    for each in tool.scorecard.notes:
        console.print(f"[yellow]note[/yellow] {escape(each)}")


def _history(console: Console, tool: Tool) -> None:
    for attempt in tool.scorecard.attempts:
        console.rule(f"{attempt.stage} {attempt.number}")
        console.print(escape(attempt.reply))
        verdict = "accepted" if attempt.problem is None else attempt.problem
        console.print(escape(verdict), style="green" if attempt.problem is None else "yellow")


def _code(console: Console, source: str) -> None:
    console.print(
        Syntax(source.rstrip(), "python", background_color="default")
        if console.is_terminal
        else escape(source.rstrip())
    )
