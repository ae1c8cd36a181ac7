"""`latm make` while another makes a tool for the task."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from integration.cli.test_commands import workshop
from latm.library import Lease, Library

pytestmark = pytest.mark.docker
__all__ = ["workshop"]  # a fixture


def test_make_says_that_it_waits_and_goes_on(workshop: Path) -> None:
    library = Library(f"sqlite:///{workshop / 'latm.db'}")
    lease = library.acquire("doubling", "someone elsewhere", fingerprint="", ttl_s=300)
    assert isinstance(lease, Lease)
    command = [str(Path(sys.executable).with_name("latm")), "make", "doubling", "-e", "e.jsonl"]
    process = subprocess.Popen(
        [*command, "--protocol", "paper"],
        cwd=workshop,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = next(each for each in process.stderr if "waiting" in each)
    assert line == "another process makes another tool for this task: waiting for it\n"
    assert library.list() == ()
    library.release(lease)
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, "doubling version 1: double(n)\n")
    library.close()
