"""``latm make``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from latm._examples import read_examples
from latm._sync import Engine
from latm.cli._say import cost, print_json, progress_console
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption, MakerOption, build_config

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


class MakingProgress:
    """Shows each stage of a making as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, name: str, fields: Mapping[str, object]) -> None:
        """Hear of an event."""
        match name:
            case "make.asking":
                self._say(f"{fields['stage']} {fields['number']}: asking the maker", "dim")
            case "make.stage":
                known = fields["cost_usd"]
                spent = cost(known if isinstance(known, Decimal) else None)
                self._say(
                    f"{fields['stage']} ({_DOING.get(str(fields['stage']), '')}; {spent} so far)", "bold"
                )
            case "make.found":
                style = "green" if fields["held"] else "yellow"
                self._say(f"{fields['stage']}: {fields['summary']}", style)
            case "make.waiting":
                whose = "the same tool" if fields["same"] else "another tool for this task"
                self._say(f"another process makes {whose}: waiting for it", "yellow")
            case "model.recalled":
                self._say(f"{fields['step']}: paid for before, taken from the journal", "dim")
            case "model.retry":
                self._say(f"waiting {float(str(fields['wait_s'])):.1f} s: {fields['error']}", "yellow")
            case "make.attempt":
                problem = fields["problem"]
                step = f"{fields['stage']} {fields['number']}"
                if problem is None:
                    self._say(f"{step}: accepted", "green")
                else:
                    self._say(f"{step}: {str(problem).splitlines()[0]}", "yellow")
            case _ if name.startswith("sandbox.image"):
                self._say(f"{name}: {fields}", "dim")
            case _:
                pass

    def _say(self, text: str, style: str) -> None:
        self._console.print(escape(text), style=style)


def make(
    task: Annotated[str, typer.Argument(help="A name for the class of questions.")],
    examples: Annotated[
        Path,
        typer.Option("--examples", "-e", help='JSON Lines: {"question": ..., "answer": ...} on each line.'),
    ],
    protocol: Annotated[str | None, typer.Option(help="How to make and verify: strict or paper.")] = None,
    answer_type: Annotated[
        str | None,
        typer.Option(help="How answers compare (text, number, option, ...); else found from them."),
    ] = None,
    maker: MakerOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Make a tool from examples and store it in the library.

    If it is interrupted, or the model's service fails, the same command goes on where it stopped without
    paying again.

    Example: latm make word_sorting --examples words.jsonl --maker anthropic:claude-opus-5
    """
    known = read_examples(examples)
    settings = build_config(config, library=library, maker=maker)
    console = progress_console()
    with Engine(settings, on_event=MakingProgress(console)) as engine:
        tool = engine.make(task, known, protocol=protocol, answer_type=answer_type)
    if json_:
        print_json(tool)
        return
    typer.echo(f"{tool.name} version {tool.version}: {tool.contract.splitlines()[0]}")
    origin = tool.provenance
    console.print(
        escape(
            f"made by {origin.maker} in {origin.seconds:.1f} s, {origin.usage.total} tokens, "
            f"{cost(origin.cost_usd)}; latm tools show {tool.name}"
        ),
        style="dim",
    )
    for each in tool.scorecard.notes:
        console.print(escape(f"note: {each}"), style="yellow")
