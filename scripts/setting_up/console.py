"""What the user sees: few lines. The rest goes to a log, whose tail is shown when a command fails."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

TAIL_LINES = 12
TAIL_COLUMNS = 300


class Stop(Exception):  # noqa: N818 - an ending with something to tell, not a fault of the program
    """Set-up cannot go on; the message tells the user what to do."""


def say(text: str) -> None:
    """One line of progress, at once, even where stdout is a file."""
    print(f"setup: {text}", flush=True)


def complain(text: str) -> None:
    """What is wrong and what mends it, apart from the progress lines."""
    sys.stdout.flush()
    print(f"\n{text}\n", file=sys.stderr, flush=True)


def tail(log: Path, start: int = 0) -> str:
    """The last lines of a log, indented and cut to a readable width.

    Args:
        log: the file.
        start: the byte from which on it counts, so that an earlier run is not shown.
    """
    return quote(lines_since(log, start)[-TAIL_LINES:])


def lines_since(log: Path, start: int) -> list[str]:
    """The lines that were added to a log after a byte."""
    with log.open("rb") as written:
        written.seek(start)
        return written.read().decode(errors="replace").splitlines()


def quote(lines: Iterable[str]) -> str:
    """Lines of a log as they stand in a message of ours."""
    return "\n".join(f"  | {line[:TAIL_COLUMNS]}" for line in lines)


def run_logged(
    command: Sequence[str], log: Path, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run a command with its output in the log.

    Args:
        command: the program and its arguments.
        log: where its output is added.
        cwd: where it runs.
        env: variables that it gets on top of ours.

    Raises:
        Stop: it failed, or is not there; with the end of what it printed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    shown = shlex.join(command)
    with log.open("a") as sink:
        sink.write(f"\n$ {shown}\n")
        sink.flush()
        start = sink.tell()
        environment = {**os.environ, **(env or {})}
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd=cwd,
                env=environment,
                check=False,
            )
        except OSError as error:
            raise Stop(f"This could not be run: {shown}\n  {error}") from error
    if done.returncode != 0:
        raise Stop(
            f"This command failed (exit code {done.returncode}):\n\n  {shown}\n\n"
            f"{tail(log, start)}\n\nAll of it is in {log}."
        )
