"""What the user sees: few lines. The rest goes to a log, whose tail is shown when a command fails."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

TAIL_LINES = 15


class Stop(Exception):  # noqa: N818 - an ending with something to tell, not a fault of the program
    """Set-up cannot go on; the message tells the user what to do."""


def say(text: str) -> None:
    """One line of progress, at once, even where stdout is a file."""
    print(f"setup: {text}", flush=True)


def complain(text: str) -> None:
    """What is wrong and what mends it, apart from the progress lines."""
    sys.stdout.flush()
    print(f"\n{text}\n", file=sys.stderr, flush=True)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, indented; empty where there is none."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"  | {line}" for line in text.splitlines()[-lines:])


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
            f"{tail(log)}\n\nAll of it is in {log}."
        )
