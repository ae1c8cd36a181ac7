"""The commands, put together."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from latm.cli._doctor import doctor
from latm.cli._make import make
from latm.cli._mcp import mcp
from latm.cli._models import models
from latm.cli._report import report
from latm.cli._run import run
from latm.cli._say import DEBUG, guarded
from latm.cli._solve import solve
from latm.cli._tools import tools
from latm.cli._tune_jobs import tune
from latm.cli.demo import demo_command

app = typer.Typer(
    name="latm",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Large language models as tool makers: a strong model writes a verified Python function for a class "
        "of questions once, and a cheap model calls it ever after.\n\n"
        'Examples: latm demo · latm doctor · latm solve "Sort these words: pear fig apple"'
    ),
    epilog="Exit codes: 0 done; 1 not achieved; 2 wrong input; 3 something is missing; 4 a model failed; "
    "5 budget spent; 130 interrupted.",
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        from importlib.metadata import version

        typer.echo(f"latm {version('latm')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help=f"Show the traceback behind a mistake, as {DEBUG}=1 does.")
    ] = False,
) -> None:
    if debug and not os.environ.get(DEBUG):
        os.environ[DEBUG] = "1"
        context.call_on_close(lambda: os.environ.pop(DEBUG, None))


app.command("demo")(guarded(demo_command))
app.command("doctor")(guarded(doctor))
app.command("models")(guarded(models))
app.command("run")(guarded(run))
app.command("make")(guarded(make))
app.command("solve")(guarded(solve))
app.add_typer(tools, name="tools")
app.command("report")(guarded(report))
app.command("mcp")(guarded(mcp))
app.add_typer(tune, name="tune")
