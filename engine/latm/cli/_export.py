"""``latm tools export``: tools as folders to keep, and in the forms that other programs take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latm._records import Tool
from latm.cli._completing import tool_names
from latm.cli._keeping import opened
from latm.cli._say import guarded, note, print_json
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption
from latm.errors import ConfigError

if TYPE_CHECKING:
    from latm.serving import Form


class ExportForm(StrEnum):
    """What ``--format`` takes."""

    FOLDERS = "folders"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    MCP = "mcp"
    PYTHON = "python"


_FORMS: Mapping[ExportForm, Form] = {
    ExportForm.OPENAI: "openai",
    ExportForm.ANTHROPIC: "anthropic",
    ExportForm.MCP: "mcp",
}


@guarded
def export(
    where: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DIRECTORY|NAME",
            autocompletion=tool_names,
            help="With folders: first where to write, made if it does not exist, then a tool's name. Else: "
            "names of tools. No name means all that serve.",
        ),
    ] = None,
    form: Annotated[
        ExportForm,
        typer.Option(
            "--format",
            help="folders to review and check in; definitions of the tools for a model's service (openai, "
            "anthropic) or for MCP, as JSON; or their functions as a Python module.",
        ),
    ] = ExportForm.FOLDERS,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Write tools as folders, to be read, reviewed and kept with your sources; or print them in another form.

    Examples: latm tools export tools/ · latm tools export --format openai word-sorting > tools.json
    """
    names = where or []
    if form is ExportForm.FOLDERS:
        _folders(names, config, library, json_=json_)
        return
    with opened(config, library) as store:
        # Names come in any writing, and as aliases: each tool once.
        tools = list({tool.name: tool for tool in map(store.get, names)}.values() if names else store.list())
    if not tools:
        note("no tool is in use: there is nothing to export", "yellow")
    if form is ExportForm.PYTHON:
        _python(tools, json_=json_)
    else:
        _definitions(tools, _FORMS[form], by_name=bool(names), json_=json_)


def _folders(where: Sequence[str], config: Path | None, library: str | None, *, json_: bool) -> None:
    match where:
        case [directory, *rest] if len(rest) <= 1:
            name = rest[0] if rest else None
        case _:
            raise ConfigError("say where the folders go: latm tools export DIRECTORY [NAME]")
    with opened(config, library) as store:
        if name is None and directory in store.names() and not Path(directory).exists():
            raise ConfigError(
                f"{directory!r} is a tool, and where its folder goes is not said: latm tools export "
                f"DIRECTORY {directory}; for a directory of that name write ./{directory}"
            )
        folders = store.export(directory, name)
    if json_:
        print_json({"folders": [str(folder) for folder in folders]})
        return
    for folder in folders:
        typer.echo(str(folder))
    if not folders:
        note("no tool is in use: nothing is written", "yellow")
        return
    note(f"{len(folders)} written; latm tools import {directory} takes them in elsewhere")


def _definitions(tools: Sequence[Tool], form: Form, *, by_name: bool, json_: bool) -> None:
    from latm.serving import definition, offers

    offered, withheld = offers(tools)
    if withheld and by_name:
        raise ConfigError(str(withheld[0]))
    for each in withheld:
        note(str(each), "yellow")
    found = [definition(each, form) for each in offered]
    if json_:
        print_json(found)
    else:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


def _python(tools: Sequence[Tool], *, json_: bool) -> None:
    from latm.serving import python_module

    if json_:
        raise ConfigError("--format python writes Python, and no JSON: leave --json out")
    if not tools:
        return
    typer.echo(python_module(tools), nl=False)
    note(
        "this code runs outside of the sandbox, with all the rights of your program: read it first", "yellow"
    )
