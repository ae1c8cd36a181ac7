"""``latm`` in a real pseudo-terminal."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

WITHIN_S = 60.0
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal in which one command runs.

    Attributes:
        seen: all that it was sent, control codes among it.
    """

    def __init__(self, connection: socket.socket) -> None:
        _, (self._terminal, *_), _, _ = socket.recv_fds(connection, 1, 1)
        self._connection = connection
        self.seen = ""

    @property
    def text(self) -> str:
        """What a reader sees: no control codes, and a line as long as it was written."""
        return _CONTROL.sub("", self.seen).replace("\r\n", "\n")

    @property
    def coloured(self) -> bool:
        """Whether anything has a colour; bold and dim are none."""
        codes = {int(code) for found in _SGR.findall(self.seen) for code in found.split(";") if code}
        return any(30 <= code <= 48 or 90 <= code <= 107 for code in codes - {39})

    def press(self, keys: str) -> None:
        """Type something; ``\\x03`` is Ctrl-C."""
        os.write(self._terminal, keys.encode())

    def until(self, text: str) -> None:
        """Read until something was written."""
        while text not in self.text:
            assert self._read(), f"it ended without {text!r}: {self.text}"

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        while self._read():
            pass
        os.close(self._terminal)
        code = json.loads(self._connection.recv(100))
        assert isinstance(code, int)
        return code

    def _read(self) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], WITHIN_S)
        assert ready, f"nothing comes any more after: {self.text}"
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:  # the last process that had it has ended
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)


class Nursery:
    """Starts commands in terminals; one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    @contextmanager
    def latm(self, folder: Path, *arguments: str, **environment: str) -> Generator[Terminal, None, None]:
        """A command under way."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._path)
            wanted = {"folder": str(folder), "arguments": arguments, "environment": environment}
            connection.sendall(json.dumps(wanted).encode() + b"\n")
            yield Terminal(connection)

    def run(self, folder: Path, *arguments: str, **environment: str) -> tuple[int, Terminal]:
        """A command to its end."""
        with self.latm(folder, *arguments, **environment) as terminal:
            return terminal.end(), terminal


@contextmanager
def nursery(folder: Path) -> Generator[Nursery, None, None]:
    """A nursery, with no key and no setting of latm in its environment."""
    unwanted = re.compile(r"LATM_|.*_API_KEY$|NO_COLOR$|FORCE_COLOR$|PY_COLORS$|GITHUB_ACTIONS$|PYTEST_")
    environment = {key: value for key, value in os.environ.items() if not unwanted.match(key)}
    path = folder / "nursery"
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("nursery.py")), str(path)],
        env={**environment, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Nursery(path)
    finally:
        process.kill()
        process.communicate()
