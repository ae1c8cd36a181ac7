"""A library with tools of every kind that a server meets, and a server over HTTP as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.mcp.tools import tool
from latm.library import Library

SOURCES = {
    "adding": "def total(numbers: list[int]) -> int:\n    '''Add numbers up.'''\n    return sum(numbers)\n",
    "failing": (
        "def half(of: int) -> float:\n    '''A share.\n\n    Raises:\n        ValueError: of 0.\n    '''\n"
        "    if not of:\n        raise ValueError('of nothing')\n    return 1 / of\n"
    ),
    "napping": (
        "import time\n\ndef nap(s: float) -> float:\n    '''Sleep for a while, and say so.'''\n"
        "    print('zzz')\n    time.sleep(s)\n    return s\n"
    ),
}
CONFIG = """\
[library]
url = "sqlite:///tools.db"
[sandbox]
limits = { wall_s = 1.5 }
"""


def fill(folder: Path) -> Library:
    """The library of a folder, with its configuration beside it."""
    (folder / "latm.toml").write_text(CONFIG, encoding="utf-8")
    library = Library(f"sqlite:///{folder / 'tools.db'}")
    for name, source in SOURCES.items():
        library.add(tool(name, source))
    library.add(tool("coded", "def coded(text):\n    return text\n", call_style="code"))
    return library


def command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("latm")), *arguments]


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("LATM_")}


@dataclass
class Served:
    """A server that runs."""

    url: str
    folder: Path
    process: subprocess.Popen[str]
    library: Library
    said: list[str]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = fill(tmp_path)
    yield library
    library.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over HTTP; who changes its library changes it back."""
    folder = tmp_path_factory.mktemp("served")
    library = fill(folder)
    with serving(folder, library) as served:
        yield served
    library.close()


class serving:  # noqa: N801 - a context manager
    def __init__(self, folder: Path, library: Library) -> None:
        self._folder, self._library = folder, library

    def __enter__(self) -> Served:
        self._process = subprocess.Popen(
            command("mcp", "--http", "0"),
            cwd=self._folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        said: list[str] = []
        for line in self._process.stderr:
            said.append(line)
            if found := re.fullmatch(r"serving at (http://127\.0\.0\.1:\d+/mcp)\n", line):
                return Served(found[1], self._folder, self._process, self._library, said)
        raise AssertionError("".join(said))

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=30)


@pytest.fixture
def anyio_backend() -> str:
    """What the HTTP server and client of the package run on."""
    return "asyncio"
