"""``latm make``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latm._examples import read_examples
from latm._figures import seconds
from latm.cli._completing import one_of, tool_names
from latm.cli._ready import check_making
from latm.cli._say import cost, note, plain, print_json
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption, MakerOption, build_config
from latm.cli._stages import Stages
from latm.cli._under import engine_under


def make(
    task: Annotated[
        str, typer.Argument(help="A name for the class of questions.", autocompletion=tool_names)
    ],
    examples: Annotated[
        Path,
        typer.Option("--examples", "-e", help='JSON Lines: {"question": ..., "answer": ...} on each line.'),
    ],
    protocol: Annotated[
        str | None,
        typer.Option(
            help="How to make and verify: strict or paper.", autocompletion=one_of("strict", "paper")
        ),
    ] = None,
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

    Example: latm make word-sorting --examples words.jsonl --maker anthropic:claude-opus-5
    """
    known = read_examples(examples)
    settings = build_config(config, library=library, maker=maker)
    check_making(settings, task, known, protocol=protocol, answer_type=answer_type)
    with engine_under(Stages(), settings) as engine:
        before = {each.tool.version for each in engine.library.versions(task)}
        tool = engine.make(task, known, protocol=protocol, answer_type=answer_type)
    new = tool.version not in before
    if json_:
        print_json({**plain(tool), "new": new})
        return
    was = "" if new else ", which was there already"
    typer.echo(f"{tool.name} version {tool.version}{was}: {tool.contract.splitlines()[0]}")
    origin = tool.provenance
    note(
        f"made by {origin.maker} in {seconds(origin.seconds)}, {origin.usage.total} tokens, "
        f"{cost(origin.cost_usd)}; latm tools show {tool.name}"
    )
    for each in tool.scorecard.notes:
        note(f"note: {each}", "yellow")
