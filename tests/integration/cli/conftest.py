from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Latm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def latm(tmp_path: Path) -> Latm:
    """Runs the installed command in an empty folder, with no key in its environment."""

    def run(
        *arguments: str, stdout: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.endswith("_API_KEY") and not key.startswith("LATM_")
        }
        command = [str(Path(sys.executable).with_name("latm")), *arguments]
        if stdout is not None:
            command = ["sh", "-c", f'exec "$@" > {stdout}', "sh", *command]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**kept, "NO_COLOR": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
