"""The virtual environment, and whether it is up to date.

A stamp is written as the last thing. Without it (a set-up that was interrupted), or with one of another place
or recipe, the environment is made anew; with the stamp of another pyproject.toml it is brought up to date.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol

from setting_up.console import run_logged, say

RECIPE = 1
"""Counts up when what is done here changes, so that environments made before are made anew."""

PIP = "pip>=25.1"
"""The first pip that knows dependency groups; Debian 12 brings 23.0."""

TARGET = ".[all]"
GROUP = "dev"


class Runner(Protocol):
    """How commands are run: `run_logged`, or a fake in a test."""

    def __call__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run one, or raise `Stop`."""


class Condition(Enum):
    """What an environment needs."""

    READY = "ready"
    OUTDATED = "outdated"
    UNUSABLE = "unusable"


class Environment:
    """The .venv of a work tree."""

    def __init__(self, root: Path, log: Path, *, run: Runner = run_logged) -> None:
        self.path = root / ".venv"
        self.python = self.path / "bin" / "python"
        self._root = root
        self._log = log
        self._run = run
        self._stamp = self.path / ".latm-setup.json"

    def condition(self, *, exactly: bool) -> Condition:
        """What has to be done.

        Args:
            exactly: it has to be of the Python that runs us; otherwise the one it was made with will do.
        """
        stamp = self._read_stamp()
        wanted = self._wanted_stamp()
        keys = {"recipe", "place"} | ({"python"} if exactly else set[str]())
        if any(stamp.get(key) != wanted[key] for key in keys) or not self._runs():
            return Condition.UNUSABLE
        return Condition.READY if stamp.get("pyproject") == wanted["pyproject"] else Condition.OUTDATED

    def make(self) -> None:
        """Make it anew, with nothing in it but pip."""
        say(f"making .venv with Python {platform.python_version()} ({sys.executable})")
        self._run([sys.executable, "-m", "venv", "--clear", str(self.path)], self._log)

    def install(self) -> None:
        """Install latm with its extras and all that its development needs, and put the stamp on it."""
        log = self._log.relative_to(self._root)
        say(f"installing latm, its extras and its development tools (log: {log})")
        start = time.monotonic()
        # What the stamp says of the Python it was made with stays true when only packages change.
        python = self._read_stamp().get("python", platform.python_version())
        self._stamp.unlink(missing_ok=True)
        self._pip(PIP)
        self._pip("--editable", TARGET, "--group", GROUP)
        self._write_stamp({**self._wanted_stamp(), "python": python})
        say(f"installed {self._count()} packages in {time.monotonic() - start:.0f} s")

    def _pip(self, *arguments: str) -> None:
        # Compiling all that was installed takes longer than compiling what is used, when it is.
        pip = [
            str(self.python),
            "-m",
            "pip",
            "install",
            "--no-input",
            "--no-compile",
            "--disable-pip-version-check",
        ]
        # A user's settings for user or target installs would put the packages elsewhere.
        environment = {"PIP_USER": "0", "PYTHONNOUSERSITE": "1"}
        self._run([*pip, *arguments], self._log, cwd=self._root, env=environment)

    def _runs(self) -> bool:
        """Its Python may have been upgraded away underneath it."""
        try:
            done = subprocess.run([self.python, "-I", "-S", "-c", ""], capture_output=True, check=False)
        except OSError:
            return False
        return done.returncode == 0

    def _wanted_stamp(self) -> dict[str, str]:
        pyproject = (self._root / "pyproject.toml").read_bytes()
        return {
            "recipe": str(RECIPE),
            "place": str(self.path),  # the scripts in it name their interpreter by its whole path
            "python": platform.python_version(),
            "pyproject": hashlib.sha256(pyproject).hexdigest(),
        }

    def _read_stamp(self) -> dict[str, str]:
        try:
            stamp: dict[str, str] = json.loads(self._stamp.read_text())
        except (OSError, ValueError):
            return {}
        return stamp

    def _write_stamp(self, stamp: dict[str, str]) -> None:
        unfinished = self._stamp.with_suffix(".new")
        unfinished.write_text(json.dumps(stamp, indent=1))
        unfinished.replace(self._stamp)

    def _count(self) -> int:
        return sum(1 for _ in self.path.glob("lib/python*/site-packages/*.dist-info"))
