"""``latm report``."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latm.cli._bars import waiting
from latm.cli._keeping import opened
from latm.cli._say import note, plain, print_json
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption, build_config
from latm.errors import ConfigError

if TYPE_CHECKING:
    from latm.report import Report

_STDOUT = "-"


def report(
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="Where to write the page; - for stdout.")
    ] = "latm-report.html",
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Write what the library tells as one HTML file: money, accuracy, routes, tools, pending tasks, tuning.

    No model is asked, and the page asks for nothing from anywhere. With --json the data are printed instead.

    Example: latm report --open
    """
    if open_ and (json_ or out == _STDOUT):
        raise ConfigError("only a file can be opened: leave out --json, and name a file", where="--open")
    file = None if json_ or out == _STDOUT else _checked(Path(out))
    from latm.report import gather, page

    enough = build_config(config, library=library).making.pending
    with opened(config, library) as store, waiting("reading the library"):
        found = gather(store, enough=enough)
    if json_:
        print_json(_record(found))
        return
    with waiting("drawing"):
        html = page(found)
    if file is None:
        sys.stdout.write(html)
        return
    _write(file, html)
    typer.echo(str(file))
    if found.empty:
        note(f"{found.library} holds nothing yet: the page says how to begin", "yellow")
    if open_:
        _open(file)


def _checked(file: Path) -> Path:
    """A file that may be written, as far as that can be seen before a large library is read for it."""
    if file.is_dir():
        raise _unwritten(file, os.strerror(errno.EISDIR))
    if not file.parent.is_dir():
        raise _unwritten(file, os.strerror(errno.ENOENT))
    return file


def _write(file: Path, html: str) -> None:
    try:
        file.write_text(html, encoding="utf-8", newline="\n")
    except OSError as error:
        raise _unwritten(file, error.strerror or type(error).__name__) from None


def _unwritten(file: Path, reason: str) -> ConfigError:
    return ConfigError(f"{file} cannot be written: {reason}", where="--out")


def _open(file: Path) -> None:
    import webbrowser

    if not webbrowser.open(file.resolve().as_uri()):
        note(f"no browser was found: open {file} in one", "yellow")


def _record(found: Report) -> dict[str, Any]:
    """The data, each tool once and without the replies of its making, which ``tools show`` has."""
    data: dict[str, Any] = plain(found)
    for tool in data["tools"]:
        tool["shown"] = tool["shown"]["version"]["tool"]["version"]
        for each in tool["versions"]:
            del each["version"]["tool"]["scorecard"]["attempts"]
        for each in tool["failures"]:
            each["attempts"] = len(each.pop("history"))
    return data
