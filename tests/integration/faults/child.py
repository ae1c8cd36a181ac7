"""Hosts of their own, as processes that may be harmed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator

PRELUDE = """
import asyncio, os, random, signal, sys, threading, time
import anyio
from latm_sandbox import *
ADD = Program("def add(a, b):\\n    return a + b")
NAP = Program("import time\\ndef nap(s):\\n    time.sleep(s)\\n    return s")
def say(text):
    print(text, flush=True)
"""


@contextlib.contextmanager
def host(code: str, *arguments: object) -> Generator[subprocess.Popen[str]]:
    """A process that runs the code after `PRELUDE`. It is ended when the block is left."""
    command = [sys.executable, "-W", "error", "-c", PRELUDE + code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def run(code: str, *arguments: object, seconds: float) -> tuple[int, str]:
    """Run it to its end; its pid and what it said. It has to end well."""
    with host(code, *arguments) as process:
        said, complained = process.communicate(timeout=seconds)
        assert process.returncode == 0, complained
        return process.pid, said
