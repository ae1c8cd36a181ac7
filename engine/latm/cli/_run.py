"""``latm run``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from latm._events import Events
from latm._figures import seconds
from latm._rooms import load_plugins, open_sandbox
from latm.cli._bars import waiting
from latm.cli._say import NOT_ACHIEVED, WRONG_INPUT, note, plain, print_json
from latm.cli._setting import ConfigOption, JsonOption, find_config
from latm.config import Config
from latm.errors import ConfigError
from latm_sandbox import Outcome, Program, Status


def run(
    file: Annotated[Path, typer.Argument(help="A Python file.")],
    function: Annotated[
        str | None, typer.Argument(help="The function; needed where there are several.")
    ] = None,
    args: Annotated[
        str, typer.Option("--args", help="JSON: a list of arguments, or an object of named ones: '[1, 2]'.")
    ] = "[]",
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Run one function of a Python file in an isolated cell and print what it returns.

    Example: latm run tools.py add --args '[1, 2]'
    """
    program = Program(_source(file), function)
    positional, named = _arguments(args)
    settings, _ = find_config(config)
    with waiting("running it in a cell"):
        outcome = _call(settings, program, positional, named)
    if json_:
        print_json(outcome)
    else:
        _show(outcome)
    if outcome.status is not Status.OK:
        raise typer.Exit(WRONG_INPUT if outcome.status is Status.INVALID else NOT_ACHIEVED)


def _call(settings: Config, program: Program, positional: list[Any], named: dict[str, Any]) -> Outcome:
    import anyio

    async def main() -> Outcome:
        plugins = load_plugins(settings)
        async with open_sandbox(settings, plugins, Events(None, plugins.event)) as sandbox:
            return await sandbox.call(program, *positional, **named)

    return anyio.run(main)


def _source(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"cannot be read: {reason}", where=str(file)) from None


def _arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"is no JSON: {error}", where="--args") from None
    match data:
        case list():
            return [*data], {}
        case dict():
            return [], cast("dict[str, Any]", data)
        case _:
            pass
    raise ConfigError("must be a list of arguments or an object of named ones", where="--args")


def _show(outcome: Outcome) -> None:
    # What the program printed is no result of ours: it goes to stderr, the value alone to stdout.
    if outcome.stdout or outcome.stderr:
        sys.stderr.write(outcome.stdout + outcome.stderr)
        sys.stderr.write("" if (outcome.stdout + outcome.stderr).endswith("\n") else "\n")
    if outcome.status is Status.OK:
        value = plain(outcome.value)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        typer.echo(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        note(f"{outcome.status} in {seconds(outcome.wall_s)}, cell {outcome.cell}")
        return
    error = outcome.error
    if error is not None and error.traceback:
        sys.stderr.write(error.traceback.rstrip() + "\n")
    elif error is not None:
        sys.stderr.write(f"{error}\n")
        if error.type == "NoSuchFunction":
            note("latm run FILE FUNCTION --args '[...]' calls a function by its name")
    note(f"{outcome.status} after {seconds(outcome.wall_s)}", style="yellow")
