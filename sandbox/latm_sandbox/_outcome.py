"""What happened to a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Status(StrEnum):
    """How a run ended.

    Values:
        ok: it delivered its value.
        error: the program raised; `Outcome.error` says what and where.
        invalid: it does not load: syntax, no such function, more than one and none named.
        timeout: it used more time or CPU time than its limits.
        memory: it used more memory.
        output: it wrote too much, or its result is too large.
        unserialisable: its result, or an argument, is of a type that cannot cross; the message names it.
        killed: its process or its cell died otherwise.
    """

    OK = "ok"
    ERROR = "error"
    INVALID = "invalid"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    UNSERIALISABLE = "unserialisable"
    KILLED = "killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramError:
    """What went wrong in a run.

    Attributes:
        type: the name of the exception's class; for what is no exception, a word such as ``Timeout``.
        message: the exception's text; may be empty, as that of a bare ``assert`` is.
        traceback: as Python prints it, with none but the program's own frames; empty without an exception.
        line: the line that raised, in the innermost frame of the program or the code; None if there is none.
    """

    type: str
    message: str = ""
    traceback: str = ""
    line: int | None = None

    def __str__(self) -> str:
        """``KeyError: '{'``, the last line of a traceback."""
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to a run. Whatever the program did, there is one of these, and never an exception.

    All but `status`, `wall_s` and `cell` is what the cell says, which hostile code may have told it to say.

    Attributes:
        status: how it ended.
        value: what the function returned (`call`); None otherwise.
        values: the names that were wanted (`run`); empty otherwise.
        error: what went wrong; None exactly when `status` is ok.
        stdout: what the run printed, at most ``output_bytes``.
        stderr: likewise.
        truncated: whether more was printed than is kept.
        wall_s: seconds that the call took, as the host saw it, without waiting for a cell.
        cpu_s: seconds of CPU time of the call's own process.
        peak_memory_bytes: the largest resident size of that process, with the interpreter that it shares.
        cell: which cell ran it: the launcher's name, a colon, and what the launcher calls it.
    """

    status: Status
    value: Any = None
    values: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    error: ProgramError | None = None
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    cell: str = ""

    @property
    def ok(self) -> bool:
        """Whether the run delivered what was asked for."""
        return self.status is Status.OK


@dataclass(frozen=True, slots=True)
class TestReport(Mapping[str, Outcome]):
    """The outcome of each test by its name, in the order in which they were given."""

    __test__ = False  # pytest: not a class of tests

    outcomes: Mapping[str, Outcome]

    @property
    def passed(self) -> bool:
        """Whether every test did. True for no tests at all."""
        return all(outcome.ok for outcome in self.outcomes.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the tests that did not pass."""
        return tuple(name for name, outcome in self.outcomes.items() if not outcome.ok)

    def __getitem__(self, name: str) -> Outcome:
        return self.outcomes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.outcomes)

    def __len__(self) -> int:
        return len(self.outcomes)
