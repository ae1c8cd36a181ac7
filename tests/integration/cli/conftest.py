from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commanding import clean, command

Latm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def latm(tmp_path: Path) -> Latm:
    """Runs the command in an empty folder, with no key in its environment."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return command(tmp_path, *arguments, environment=environment)

    return run


@pytest.fixture
def latm_started(tmp_path: Path) -> Latm:
    """The same by the installed program, for what is of its process: imports, exit, output that fails."""

    def run(
        *arguments: str, stdout: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        started = [str(Path(sys.executable).with_name("latm")), *arguments]
        if stdout is not None:
            started = ["sh", "-c", f'exec "$@" > {stdout}', "sh", *started]
        return subprocess.run(
            started,
            cwd=tmp_path,
            env={**clean(os.environ), "NO_COLOR": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
