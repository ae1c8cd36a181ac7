"""``latm tools rollback|retire|restore|import``: what people decide on tools."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from latm.cli._completing import tool_names
from latm.cli._say import guarded, note, print_json
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption, build_config, say_missing
from latm.library import Library

NameArgument = Annotated[str, typer.Argument(help="The tool's name.", autocompletion=tool_names)]


@contextmanager
def opened(
    config: Path | None, library: str | None, *, create: bool = False
) -> Generator[Library, None, None]:
    """The library that the options name; a file that is not there is said, and only made if `create`."""
    settings = build_config(config, library=library)
    if not create:
        say_missing(settings, library)
    store = Library(settings.library.url, create=create)
    try:
        yield store
    finally:
        store.close()


@guarded
def rollback(
    name: NameArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Withdraw a tool's current version, so that the one before serves again.

    Example: latm tools rollback word-sorting
    """
    with opened(config, library) as store:
        current = store.current(name)
        serving = store.rollback(name)
    assert current is not None
    tool = current.tool
    if json_:
        now = None if serving is None else serving.version
        print_json({"name": tool.name, "withdrawn": tool.version, "serving": now})
        return
    typer.echo(f"{tool.name} version {tool.version} is withdrawn")
    if serving is None:
        note(f"no version of {tool.name} serves now", "yellow")
    else:
        typer.echo(f"{tool.name} version {serving.version} serves")


@guarded
def retire(
    name: NameArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Take a tool out of use. Nothing is deleted; restore lets it serve again.

    Example: latm tools retire word-sorting
    """
    with opened(config, library) as store:
        store.retire(name)
        found = store.current(name)
    assert found is not None
    _say(found.tool.name, found.tool.version, "retired", json_=json_)


@guarded
def restore(
    name: NameArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Let a tool that was retired or quarantined serve again.

    Example: latm tools restore word-sorting
    """
    with opened(config, library) as store:
        tool = store.restore(name)
    _say(tool.name, tool.version, "active", json_=json_)


@guarded
def import_(
    directory: Annotated[Path, typer.Argument(help="What was exported: all of it, or one tool's folder.")],
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Take in tools that were exported. What was changed since is refused; nothing is run.

    Example: latm tools import tools/
    """
    with opened(config, library, create=True) as store:
        before = {each.name: store.current(each.name) for each in store.list()}
        taken = store.import_(directory)
    known = {name: found.tool.version for name, found in before.items() if found is not None}
    fresh = [tool for tool in taken if known.get(tool.name) != tool.version]
    if json_:
        print_json(
            {"tools": [{"name": tool.name, "version": tool.version, "new": tool in fresh} for tool in taken]}
        )
        return
    for tool in taken:
        typer.echo(f"{tool.name} version {tool.version}{'' if tool in fresh else ', which was here'}")
    if fresh:
        note(f"latm tools test {fresh[0].name} runs the tests that it came with")


def _say(name: str, version: int, status: str, *, json_: bool) -> None:
    if json_:
        print_json({"name": name, "version": version, "status": status})
    else:
        typer.echo(f"{name} version {version} is {status}")
