"""How the commands speak: data to stdout, all else to stderr, one message and an exit code for a mistake."""

from __future__ import annotations

import dataclasses
import errno
import functools
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from enum import Enum
from typing import Any, ParamSpec, TypeVar, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from latm._figures import usd
from latm.errors import (
    BackendError,
    BudgetExceeded,
    ConfigError,
    LatmError,
    LibraryError,
    LibraryUnreachable,
    MakingFailed,
    MissingDependency,
    PluginError,
    Unauthorized,
)
from latm_sandbox import SandboxError

NOT_ACHIEVED, WRONG_INPUT, MISSING, MODEL_FAILED, BUDGET, INTERRUPTED = 1, 2, 3, 4, 5, 130

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (Unauthorized, MISSING),
    (MissingDependency, MISSING),
    (PluginError, MISSING),
    (SandboxError, MISSING),
    (BudgetExceeded, BUDGET),
    (BackendError, MODEL_FAILED),
    (MakingFailed, NOT_ACHIEVED),
    (ConfigError, WRONG_INPUT),
    (LibraryUnreachable, MISSING),
    (LibraryError, WRONG_INPUT),
    (LatmError, NOT_ACHIEVED),
)

DEBUG = "LATM_DEBUG"
"""The variable that shows the traceback of a mistake; ``latm --debug`` sets it."""

_UNWRITTEN = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""How a write to stdout fails."""

_PIPED_WIDTH = 10_000  # columns; a table takes what it needs
_WIDEST_INT = 14_000  # bits; Python refuses to write more than 4,300 digits

KEPT = "what was paid for is in the journal of the library"
_GOES_ON = {
    "make": f"{KEPT}; the same command goes on where it stopped",
    "solve": KEPT,
    "synthesise": "the texts so far are paid for once; the same command has the missing ones written",
    "train": "the same command goes on with the training, or follows the job that is under way",
    "compare": "the replies so far are kept; the same command asks for the others alone",
    "tune_run": f"{KEPT}; the same command goes on where it stopped",
    "label": KEPT,
    "import_": "the tools that were taken in whole are there; the same command takes in the others",
}
_AFRESH = "nothing is left half done; the same command begins afresh"

P = ParamSpec("P")
R = TypeVar("R")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a command that knows better than `goes_on` how to go on.

    Attributes:
        how: the sentence.
    """

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@contextmanager
def undisturbed() -> Generator[None, None, None]:
    """Let Ctrl-C wait until what is done here is whole; the second one does not wait."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = False

    def remember(_number: int, _frame: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def goes_on(command: str) -> str:
    """What is kept, and how to go on, after Ctrl-C in a command; named as its function is."""
    return _GOES_ON.get(command, _AFRESH)


def progress_console() -> Console:
    """A console on stderr as it is now; colours and control codes only on a terminal."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def data_console() -> Console:
    """A console on stdout as it is now."""
    return Console(highlight=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """Write a table to stdout; in a pipe no cell is cut, since another program reads it."""
    console = data_console()
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    console.print(table)


def note(text: str, style: str = "dim") -> None:
    """Say something that is no data."""
    progress_console().print(escape(text), style=style)


def print_json(value: object) -> None:
    """Write data as one line of JSON."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=True, allow_nan=False) + "\n")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """A command whose errors are one message and an exit code; with LATM_DEBUG set, a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        # What models wrote may hold what no encoding has, or a terminal's has not.
        if reconfigure := getattr(sys.stdout, "reconfigure", None):
            reconfigure(errors="backslashreplace")
        try:
            done = command(*args, **kwargs)
            sys.stdout.flush()  # here, where a full disk is still ours to report
        except KeyboardInterrupt as interrupt:
            how = interrupt.how if isinstance(interrupt, Interrupted) else goes_on(command.__name__)
            sys.stderr.write(f"latm: interrupted; {how}\n")
            raise typer.Exit(INTERRUPTED) from None
        except (LatmError, SandboxError, OSError) as error:
            if isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITTEN:
                _drop_output()
            if os.environ.get(DEBUG):
                raise
            if said := _said(error):
                sys.stderr.write(f"latm: {said}\n")
            raise typer.Exit(exit_code(error)) from None
        return done

    return run


def _said(error: Exception) -> str:
    """The line about an error; empty where nobody is there to read more."""
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {reason}"
    if isinstance(error, BrokenPipeError):  # a reader that has gone: "latm ... | head"
        return ""
    return f"cannot write the output: {reason}" if error.errno in _UNWRITTEN else reason


def _drop_output() -> None:
    """Send what is still to be written nowhere: at exit it would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_code(error: Exception) -> int:
    """The documented exit code of an error."""
    if isinstance(error, OSError) and error.filename is not None:
        return WRONG_INPUT
    return next((code for kind, code in _CODES if isinstance(error, kind)), NOT_ACHIEVED)


def plain(value: object) -> Any:  # noqa: PLR0911 - one return for each kind of value
    """Records, enums, money and what else we hold, as JSON data; what has no JSON form as its repr."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return _plain_mapping(cast("Mapping[object, object]", value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("list[object]", value)]
    if isinstance(value, Decimal):
        return str(value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if value.bit_length() < _WIDEST_INT else hex(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no NaN and no infinity
    return repr(value)


def _plain_mapping(mapping: Mapping[object, object]) -> Any:
    if all(isinstance(key, str) for key in mapping):
        return {str(key): plain(item) for key, item in mapping.items()}
    # 1 and "1" would be one key of a JSON object.
    return [[plain(key), plain(item)] for key, item in mapping.items()]


def cost(value: Decimal | None) -> str:
    """An amount in USD where nothing near it says what it is."""
    return "cost unknown" if value is None else usd(value)
