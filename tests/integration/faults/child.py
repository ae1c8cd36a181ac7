"""Hosts of their own, as processes that may be harmed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

PRELUDE = """
import asyncio, os, random, signal, sys, threading, time
import anyio
from latm_sandbox import *
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
ADD = Program("def add(a, b):\\n    return a + b")
NAP = Program("import time\\ndef nap(s):\\n    time.sleep(s)\\n    return s")
def say(text):
    print(text, flush=True)
"""


@contextlib.contextmanager
def host(code: str, *arguments: object) -> Generator[subprocess.Popen[str]]:
    """A process that runs the code after `PRELUDE`. It is ended when the block is left."""
    with _started(["-W", "error", "-c", PRELUDE + code, *map(str, arguments)]) as process:
        yield process


@contextlib.contextmanager
def _started(arguments: list[str]) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def run(code: str, *arguments: object, seconds: float) -> tuple[int, str]:
    """Run it to its end; its pid and what it said. It has to end well."""
    with host(code, *arguments) as process:
        return _ended(process, seconds)


def run_file(program: Path, *arguments: object, seconds: float) -> tuple[int, str]:
    """The same for a program that processes of its own import."""
    with _started([str(program), *map(str, arguments)]) as process:
        return _ended(process, seconds)


def _ended(process: subprocess.Popen[str], seconds: float) -> tuple[int, str]:
    said, complained = process.communicate(timeout=seconds)
    assert process.returncode == 0, complained
    return process.pid, said
