"""The tutorial is followed to the letter: its files written, its commands run, what they print compared.

A shell goes through the page from top to bottom in a fresh environment, as a reader would. Two things differ:
latm comes from here, and the service has another port, so that two runs do not meet.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"python", "toml", "sh", "text"}
IN_SECOND_TERMINAL = "in the second terminal"
FAILS = "this fails"
MARK = "-- the commands have ended with"


@dataclass(frozen=True)
class Block:
    """A fenced block of the page: its language, what stands behind that, and its code."""

    language: str
    info: str
    code: str

    @property
    def title(self) -> str:
        return self.info.removeprefix('title="').removesuffix('"')

    @property
    def file(self) -> str | None:
        return self.title if "." in self.title else None


def blocks(repo: Path) -> list[Block]:
    text = (repo / "docs" / "tutorial-provider.md").read_text(encoding="utf-8")
    return [Block(language, info.strip(), code) for language, info, code in FENCE.findall(text)]


class Reader:
    """Someone with a shell in an empty folder."""

    def __init__(self, folder: Path, changes: dict[str, str]) -> None:
        self._folder = folder
        self._changes = changes
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LATM_", "PYTHON", "VIRTUAL_ENV")) and not name.endswith("_API_KEY")
        }
        self._environment = {**kept, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100"}
        self._shell = self._start("bash", stderr=subprocess.STDOUT)
        self._others: list[subprocess.Popen[str]] = []

    def _start(self, *command: str, stderr: int | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, cwd=self._folder, env=self._environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=stderr,
        )  # fmt: skip

    def _changed(self, text: str) -> str:
        for old, new in self._changes.items():
            text = text.replace(old, new)
        return text

    def write(self, file: str, code: str) -> None:
        (self._folder / "latm-quill" / file).write_text(self._changed(code), encoding="utf-8")

    def run(self, commands: str) -> tuple[int, str]:
        """The exit code of the last command, and all that was printed."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{self._changed(commands)}\ncode=$?; echo; echo '{MARK}' $code\n")
        self._shell.stdin.flush()
        printed: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(MARK):
                return int(line.split()[-1]), "".join(printed)
            printed.append(line)
        raise AssertionError("".join(printed))

    def in_second_terminal(self, command: str) -> None:
        """Start what goes on running, and wait for its first line."""
        line = f"cd latm-quill && . .venv/bin/activate && exec {self._changed(command).strip()}"
        self._others.append(self._start("bash", "-c", line))
        assert self._others[-1].stdout is not None
        assert "Quill is at" in self._others[-1].stdout.readline()

    def leave(self) -> None:
        for process in (*self._others, self._shell):
            process.communicate("\n", timeout=30)  # Enter ends the service, the end of its input the shell


@pytest.fixture
def reader(repo: Path, tmp_path: Path) -> Iterator[Reader]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    at_work = Reader(tmp_path, {"'latm[cli]'": f"'{repo}[cli]'", "8765": str(port)})
    yield at_work
    at_work.leave()


def assert_printed(expected: str, printed: str) -> None:
    """The lines stand in the output, each right behind the other but where the page has dots."""
    parts = re.split(r"^\.\.\.\n", expected, flags=re.MULTILINE)
    pattern = r"(?:.*\n)*?".join("".join(map(line_pattern, part.splitlines())) for part in parts)
    assert re.search(f"^{pattern}", printed, re.MULTILINE), f"expected:\n{expected}\nprinted:\n{printed}"


def line_pattern(line: str) -> str:
    """A line, however wide the blanks in it are: tables are as wide as what else is in them."""
    return r"[ \t]*" + r"[ \t]+".join(map(re.escape, line.split())) + r"[ \t]*\n"


def test_the_tutorial_can_be_followed(repo: Path, reader: Reader) -> None:
    printed = ""
    for block in blocks(repo):
        if block.file is not None:
            reader.write(block.file, block.code)
        elif block.language == "text":
            assert_printed(block.code, printed)
        elif block.title == IN_SECOND_TERMINAL:
            reader.in_second_terminal(block.code)
        else:
            code, printed = reader.run(block.code)
            offline = "pip install" in block.code and code != 0 and "latm-quill" not in printed
            if offline and not os.environ.get("LATM_REQUIRE_DOCKER"):  # `make test` has an index, and insists
                pytest.skip(f"latm cannot be installed here: {printed[-300:]}")
            assert (code != 0) == (block.title == FAILS), f"{block.code}\n{printed}"


def test_no_block_of_the_page_is_left_out(repo: Path) -> None:
    text = (repo / "docs" / "tutorial-provider.md").read_text(encoding="utf-8")
    found = blocks(repo)
    assert len(found) * 2 == len(re.findall(r"^```", text, re.MULTILINE))
    assert {block.language for block in found} == LANGUAGES
    for block in found:
        assert block.language in {"sh", "text"} or block.file, block
        assert block.title in {"", IN_SECOND_TERMINAL, FAILS} or block.file, block
