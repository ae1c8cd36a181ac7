"""Every command that the documentation gives is one: its program, options, targets and files exist."""

from __future__ import annotations

import functools
import itertools
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from docs_blocks import PAGES, blocks
from house import ROOT
from latm.cli._app import app

INLINE = re.compile(r"`((?:latm|make|pip|pytest|python|\.venv/bin/\S+) [^`\n]+)`")
SHELL = frozenset({".", "cd", "export", "mkdir", "sed"})
"""Commands of any shell, which say nothing of latm."""


def lines(code: str) -> Iterator[str]:
    """The commands of a block of shell: without comments, continued lines joined."""
    for line in code.replace("\\\n", " ").splitlines():
        if command := re.sub(r"(?:^|\s)#\s.*$", "", line).strip():
            yield command


def commands(page: Path) -> Iterator[tuple[str, bool]]:
    """Each command of a page, and whether it stands in a block, whole."""
    for block in blocks(page, "sh", "bash", "console", "shell"):
        yield from ((command, True) for command in lines(block.code))
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        text = text.replace(block.code, "")
    for command in INLINE.findall(text):
        plain = re.sub(
            r"(?<!\S)\[|\](?!\S)| COMMAND$", "", command.replace("...", "VALUE")
        )  # FILE [FUNCTION]
        words = [word.split("|") for word in plain.split(" ")]
        yield from ((" ".join(each), False) for each in itertools.product(*words))


@functools.cache
def wrong(command: str, *, whole: bool) -> str | None:
    """What is wrong with a command; None for nothing."""
    words = shlex.split(command)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    program, rest = Path(words[0]).name if words[0] != "." else ".", words[1:]
    match program:
        case "latm":
            return wrong_latm(rest, whole=whole)
        case "make":
            targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            return None if rest[0] in targets else f"no target {rest[0]}"
        case "pip":
            return wrong_extras(rest)
        case "mypy" | "pytest" | "python" | "python3":
            paths = [word for word in rest if word.startswith(("tests/", "scripts/", "docs/"))]
            return next((f"no file {path}" for path in paths if not (ROOT / path).exists()), None)
        case _:
            return None if program in SHELL else f"{program} is not known here: add it to the test"


def wrong_extras(words: list[str]) -> str | None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {
        name for word in words for group in re.findall(r"^latm\[(.*)\]", word) for name in group.split(",")
    }
    return ", ".join(sorted(f"no extra {name}" for name in asked - extras.keys())) or None


def idle(commands: typer.Typer) -> typer.Typer:
    """The same commands with the same options, which do nothing."""
    copy = typer.Typer(no_args_is_help=True)
    own = commands.registered_callback
    copy.callback()(own.callback if own and own.callback else lambda: None)
    for info in commands.registered_commands:
        assert info.callback is not None
        copy.command(info.name)(like(info.callback))
    for group in commands.registered_groups:
        assert group.typer_instance is not None
        copy.add_typer(idle(group.typer_instance), name=group.name or group.typer_instance.info.name)
    return copy


def like(command: Callable[..., object]) -> Callable[..., None]:
    """A function with a command's parameters, that does nothing."""

    @functools.wraps(command)
    def nothing(*_: object, **__: object) -> None:
        return None

    return nothing


IDLE = idle(app)


def wrong_latm(words: list[str], *, whole: bool) -> str | None:
    """Parse a command line of latm as the program would, and run nothing."""
    done = CliRunner(env={"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}).invoke(IDLE, words)
    # A file that a reader has and we have not is no fault of the page; nor is what a sentence leaves out.
    excused = ["does not exist"]
    if not whole:
        excused += [
            "a valid integer",
            "Missing argument",
            "Missing command",
            "Missing option",
            "requires an argument",
        ]
    if done.exit_code == 0 or any(each in done.output for each in excused):
        return None
    return done.output if whole or "Error" in done.output else None


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_every_command_of_the_page_is_one(page: Path) -> None:
    found = list(commands(page))

    assert [(command, why) for command, whole in found if (why := wrong(command, whole=whole))] == []


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("latm solve --batsh FILE.jsonl", "--batsh"),
        ("latm slove hello", "slove"),
        ("latm tools shwo sorting", "shwo"),
        ("latm models and more", "unexpected extra argument"),
        ("latm make sorting", "--examples"),
        ("latm tools export --format opneai", "opneai"),
        ("make dmeo", "no target dmeo"),
        ("pip install 'latm[opneai,cli]'", "no extra opneai"),
        (".venv/bin/pytest tests/unit/nowhere", "no file tests/unit/nowhere"),
        ("rm -rf build", "rm is not known here"),
    ],
)
def test_what_is_no_command_is_found(command: str, why: str) -> None:
    assert why in (wrong(command, whole=True) or "")


def test_commands_are_found_in_blocks_and_in_sentences() -> None:
    found = {command for page in PAGES for command, _ in commands(page)}

    assert {"make demo", "latm doctor", "latm tools export DIRECTORY NAME"} <= found
    assert len(found) > 40
