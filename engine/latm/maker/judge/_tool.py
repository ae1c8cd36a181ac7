"""The function that is judged, in cells of its own."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from latm.maker.judge._reading import errors
from latm_sandbox import AsyncSandbox, Limits, Program, SandboxError, Status

_KEPT = 20_000  # answers that are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of a call.

    Attributes:
        kind: ``value``; ``error``: the function raised; ``hard``: it ended otherwise.
        value: of kind ``value``.
        type: the exception's, or how it ended.
        message: the exception's, or what is said of the end.
        line: of the source, where the function raised.
    """

    kind: Literal["value", "error", "hard"]
    value: object = None
    type: str = ""
    message: str = ""
    line: int | None = None

    @property
    def problem(self) -> str:
        """In one line."""
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(kw_only=True)
class Tool:
    """Calls the function, each call in a state of its own; the same call is made once.

    Attributes:
        cells: never the judge's.
        program: its source.
        function: its name.
        declared: names of the errors that it may raise.
        limits: of each call; None leaves the sandbox's.
        trouble: what kept a call from being made at all; the judge raises it.
    """

    cells: AsyncSandbox
    program: Program
    function: str
    declared: Collection[str]
    limits: Limits | None = None
    trouble: SandboxError | None = None
    _replies: dict[str, Reply] = field(default_factory=dict[str, Reply], init=False)

    _slow: bool = field(default=False, init=False)

    async def reply(
        self, args: Sequence[object], kwargs: Mapping[str, object], *, limits: Limits | None = None
    ) -> Reply | None:
        """What the function does; None where no cell could be had."""
        key = repr((args, sorted(kwargs.items())))
        if key not in self._replies:
            if self.trouble is not None:
                return None
            if len(self._replies) >= _KEPT:
                self._replies.clear()
            try:
                self._replies[key] = await self._called(args, kwargs, limits or self.limits)
            except SandboxError as error:
                self.trouble = error
                return None
        return self._replies[key]

    def declares(self, error: str) -> bool:
        """Whether the function may raise it: named, or derived from one that is."""
        if error in self.declared:
            return True
        kind = getattr(builtins, errors(self.program.source).get(error, error), None)
        return isinstance(kind, type) and any(base.__name__ in self.declared for base in kind.__mro__[:-3])

    async def _called(
        self, args: Sequence[object], kwargs: Mapping[str, object], limits: Limits | None
    ) -> Reply:
        program = Program(self.program.source, self.function)
        outcome = await self.cells.apply(program, args, kwargs, limits=limits)
        if outcome.status is Status.TIMEOUT and not self._slow:
            # Once it may have been the machine that was busy.
            outcome = await self.cells.apply(program, args, kwargs, limits=limits)
            self._slow = outcome.status is Status.TIMEOUT
        if outcome.status is Status.OK:
            return Reply(kind="value", value=outcome.value)
        error = outcome.error
        assert error is not None
        if outcome.status is Status.ERROR:
            return Reply(kind="error", type=error.type, message=error.message, line=error.line)
        # A measured time or size would make two runs of the same seed differ.
        said = {
            Status.TIMEOUT: "it did not end within its time limit",
            Status.MEMORY: "it used more memory than it may",
            Status.OUTPUT: "it printed or returned too much",
        }.get(outcome.status, error.message)
        return Reply(kind="hard", type=outcome.status.value, message=said)
