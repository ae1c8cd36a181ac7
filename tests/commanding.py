"""``latm`` as a user types it, in the process of the tests: to start one for each takes most of their time.

What is of the process itself (an import that fails, a signal, a closed pipe) is tested by the program.
"""

from __future__ import annotations

import os
import subprocess
import traceback
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from latm.cli._app import app


def clean(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment without a key and without settings of latm."""
    return {
        name: value
        for name, value in variables.items()
        if not name.endswith("_API_KEY") and not name.startswith("LATM_")
    }


def command(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, typed: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``latm`` in a folder; what gets out of it is shown as Python would, and ends it with 1."""
    variables = {**clean(os.environ), "NO_COLOR": "1", **(environment or {})}
    with chdir(folder), mock.patch.dict(os.environ, variables, clear=True):
        done = CliRunner().invoke(app, arguments, input=typed, prog_name="latm")
    unforeseen = done.exception if not isinstance(done.exception, SystemExit) else None
    trace = "".join(traceback.format_exception(unforeseen)) if unforeseen else ""
    return subprocess.CompletedProcess(["latm", *arguments], done.exit_code, done.stdout, done.stderr + trace)
