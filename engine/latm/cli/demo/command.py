"""The command itself: its options, and what it prints."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from latm.cli._say import print_json, progress_console
from latm.cli._setting import (
    ConfigOption,
    DispatcherOption,
    FallbackOption,
    JsonOption,
    LibraryOption,
    MakerOption,
    UserOption,
    build_config,
)
from latm.cli.demo.generators import DEFAULT_COUNT, DEFAULT_SEED
from latm.cli.demo.measuring import as_json
from latm.cli.demo.running import PLAIN, Options, run
from latm.cli.demo.showing import Progressing, report

__all__ = ["demo_command"]

_PIPED_WIDTH = 100


def demo_command(
    questions: Annotated[int, typer.Option(help="How many questions.", min=1, max=10_000)] = DEFAULT_COUNT,
    seed: Annotated[int, typer.Option(help="Seed of the questions.")] = DEFAULT_SEED,
    maker: MakerOption = None,
    user: UserOption = None,
    dispatcher: DispatcherOption = None,
    fallback: FallbackOption = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            help="Questions under way at once; 1 if all models are scripted, else 4.",
            min=1,
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Show how tools are made and used, and what they save.

    A stream of questions of three kinds, and some of no kind, is answered: at first by the strong model;
    then, once a tool is made from the answered ones, by a cheap model that calls it. Roles that are given no
    model are played by scripted ones: no key, no network, no cost. A configuration file is only looked for
    where a role is given a model; its providers, prices and budget hold then.

    Examples: latm demo · latm demo --questions 200 --seed 3 --json
    """
    models = {"maker": maker, "user": user, "dispatcher": dispatcher, "fallback": fallback}
    given = {role: model for role, model in models.items() if model is not None}
    options = Options(
        questions=questions,
        seed=seed,
        models=given,
        library=library,
        concurrency=concurrency,
        # A latm.toml that lies about is no business of a demo that runs on scripted models alone.
        config=build_config(config, **given) if given or config is not None else PLAIN,
    )
    with Progressing(progress_console(), questions) as progress:
        result = run(options, progress)
    if json_:
        print_json(as_json(result))
    else:
        report(result, _report_console())
    if result.error is not None:
        raise result.error


def _report_console() -> Console:
    """Stdout; where it is no terminal, as wide as the tables are at their widest."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPED_WIDTH)
