"""``latm tools``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table

from latm._figures import seconds, usd
from latm._records import Attempt, Tool
from latm.cli import _keeping
from latm.cli._bars import waiting
from latm.cli._export import export
from latm.cli._keeping import NameArgument, opened
from latm.cli._say import data_console, guarded, note, plain, print_json, print_table
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption, build_config
from latm.library import Making, Version

tools = typer.Typer(
    no_args_is_help=True,
    help="Look at the tools of the library, and decide on them.\n\nExample: latm tools list",
)


@tools.command("list")
@guarded
def list_(
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List the tools: the version of each that serves, and which tools are out of use.

    Examples: latm tools list · latm tools list --library shared.db --json
    """
    with opened(config, library) as store:
        rows = [(tool, *store.uses(tool)) for tool in store.list()]
        waiting = {task: count for task in store.tasks() if (count := len(store.pending(task)))}
        others = {name: store.current(name) for name in {*store.names()} - {row[0].name for row in rows}}
        idle = [each for _, each in sorted(others.items()) if each is not None]
        withdrawn = {name: store.versions(name)[0] for name, each in sorted(others.items()) if each is None}
        url = store.url
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
                "out_of_use": [
                    {"name": each.tool.name, "version": each.tool.version}
                    | {"status": each.status, "reason": each.reason}
                    for each in idle
                ],
            }
        )
        return
    if not rows and others:
        note(f"{url} holds no tool that is in use")
    elif not rows:
        note(f"{url} holds no tools yet; latm make TASK --examples FILE.jsonl makes one")
    else:
        table = Table(box=None, pad_edge=False)
        for head in ("tool", "version", "function", "uses", "failed", "made by"):
            table.add_column(head, overflow="fold", no_wrap=head == "tool")  # a name is there to be copied
        for tool, uses, failures in rows:
            table.add_row(
                tool.name, str(tool.version), tool.function, str(uses), str(failures), tool.provenance.maker
            )
        print_table(table)
    for each in idle:
        why = f": {each.reason}" if each.reason else ""
        note(f"{each.tool.name}: version {each.tool.version} is {each.status}{why}")
    for name, newest in withdrawn.items():
        last = newest.tool.version
        note(f"{name}: every version is withdrawn; latm tools show {name} --version {last} shows the last")
    for task, count in waiting.items():
        note(f"{task}: {count} answered questions, no tool yet")


@tools.command("show")
@guarded
def show(
    name: NameArgument,
    version: Annotated[int | None, typer.Option(help="A version; else the one that serves.")] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Show every attempt of its making, and the makings that failed.")
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show a tool: its function, its demonstrations and the evidence for it.

    With --history a name without a tool shows why none could be made.

    Examples: latm tools show word-sorting · latm tools show word-sorting --version 1 --history
    """
    with opened(config, library) as store:
        failed = [each for each in store.makings(name) if each.state == "failed"] if history else []
        if failed and version is None:
            current = store.current(name)
            tool = None if current is None else current.tool
        else:
            tool = store.get(name, version)
        versions = store.versions(name)
    if json_:
        record: dict[str, object] = {} if tool is None else plain(tool)
        print_json({**record, "failed_makings": failed} if history else record)
        return
    console = data_console()
    if tool is not None:
        _show(console, tool, versions)
        if history:
            _attempts(console, tool.scorecard.attempts)
    for making in failed:
        _failed(console, making)


def _show(console: Console, tool: Tool, versions: tuple[Version, ...]) -> None:
    console.print(f"[bold]{escape(tool.name)}[/bold] version {tool.version}", highlight=False)
    console.print(escape(tool.contract) + "\n")
    _code(console, tool.source)
    for each in tool.demonstrations:
        console.print(f"\n[bold]Question[/bold] {escape(each.question)}")
        _code(console, each.code)
    _evidence(console, tool, next(each for each in versions if each.tool.version == tool.version))
    for other in versions:
        if other.tool.version != tool.version:
            why = f": {other.reason}" if other.reason else ""
            console.print(escape(f"version {other.tool.version} is {other.status}{why}"), style="dim")


@tools.command("test")
@guarded
def rerun(
    name: NameArgument,
    version: Annotated[int | None, typer.Option(help="A version; else the one that serves.")] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Run a tool's unit tests again, in cells. No model is asked. The exit code is 1 if one fails.

    Example: latm tools test word-sorting
    """
    from latm._sync import Engine

    with opened(config, library) as store:
        tool = store.get(name, version)
    with waiting(f"testing {tool.name} in cells"), Engine(build_config(config, library=library)) as engine:
        results = engine.test(tool)
    failed = [each for each in results if not each.passed]
    if json_:
        print_json(
            {
                "tool": tool.name,
                "version": tool.version,
                "tests": [
                    {
                        "name": each.name,
                        "passed": each.passed,
                        "compared": each.compared,
                        "problem": each.problem,
                    }
                    for each in results
                ],
            }
        )
    else:
        for each in results:
            mark = "[green]passed[/green]" if each.passed else "[red]failed[/red]"
            if not each.compared:
                mark = "[yellow]ran   [/yellow]"
            data_console().print(f"{mark} {escape(each.name)}", highlight=False)
            if each.problem:
                data_console().print(escape(f"       {each.problem}"), highlight=False)
        note(f"{len(results) - len(failed)} of {len(results)} tests pass")
    if failed:
        raise typer.Exit(1)


# The order of registration is that of the help: looking comes before deciding.
tools.command("rollback")(_keeping.rollback)
tools.command("retire")(_keeping.retire)
tools.command("restore")(_keeping.restore)
tools.command("export")(export)
tools.command("import")(_keeping.import_)


def _evidence(console: Console, tool: Tool, version: Version) -> None:
    origin = tool.provenance
    rows = {
        "answer type": tool.answer_type,
        "protocol": origin.protocol,
        "made by": f"{origin.maker}, {origin.created}",
        "attempts": ", ".join(
            f"{stage} {tool.scorecard.count(stage)}"
            for stage in dict.fromkeys(each.stage for each in tool.scorecard.attempts)
        ),
        "cost": f"{usd(origin.cost_usd)}, {origin.usage.total} tokens, {seconds(origin.seconds)}",
        "status": version.status if version.reason is None else f"{version.status}: {version.reason}",
        "uses": f"{version.uses}, {version.failures} failed",
        "source": f"sha256 {origin.source_sha256[:16]}",
    }
    console.print()
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in rows.items():
        table.add_row(f"[bold]{key}[/bold]", escape(value))
    print_table(table)
    for one in tool.scorecard.evidence:
        mark = "[green]held[/green]" if one.held else "[yellow]open[/yellow]"
        console.print(f"{mark} [bold]{one.stage}[/bold] {escape(one.summary)}", highlight=False)
    told = {f"{one.stage}: {one.summary}" for one in tool.scorecard.evidence}
    for each in (text for text in tool.scorecard.notes if text not in told):
        console.print(f"[yellow]note[/yellow] {escape(each)}")


def _failed(console: Console, making: Making) -> None:
    console.print(
        f"\n[bold]Making of {making.created}[/bold] failed at the stage {escape(making.stage or '?')}: "
        f"{escape(making.error or 'no reason was kept')}",
        highlight=False,
    )
    _attempts(console, making.history)


def _attempts(console: Console, attempts: tuple[Attempt, ...]) -> None:
    for attempt in attempts:
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
