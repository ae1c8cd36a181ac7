"""What a call, a cell and a pool may use."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Final, Self

from latm_sandbox.errors import LimitsError

KiB: Final = 1 << 10
"""1,024 bytes."""
MiB: Final = 1 << 20
"""1,048,576 bytes."""

# Below these nothing can run: the interpreter itself, or the frame of the smallest answer, would not fit.
_LEAST = {
    "wall_s": 0.001,
    "cpu_s": 0.001,
    "memory_bytes": 16 * MiB,
    "processes": 1,
    "output_bytes": 0,
    "result_bytes": 1,
    "scratch_bytes": 64 * KiB,
}
_MOST = {"wall_s": 86_400.0, "cpu_s": 86_400.0, "output_bytes": 32 * MiB, "result_bytes": 32 * MiB}
_OF_THE_CELL = ("processes", "scratch_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may use. A call may tighten what its sandbox allows, never widen it.

    Of the limits given to a call only those count that are written out: ``Limits(wall_s=2.0)`` leaves all
    others as the sandbox has them.

    Attributes:
        wall_s: seconds from the start of the call to its answer.
        cpu_s: seconds of CPU time of all processes of the call.
        memory_bytes: memory of the call: each process by itself, and all together, files in scratch included.
            A call's own, tighter figure holds for each process; the sandbox's for all together.
        processes: processes and threads at once, the call's own included. Belongs to the cell.
        output_bytes: what may be written to stdout and stderr together.
        result_bytes: the encoded result.
        scratch_bytes: what fits into the one writable directory, /tmp; /dev/shm has as much again. Belongs
            to the cell.

    Raises:
        LimitsError: a figure is not a number, or too small or too large to make sense; names the field.
    """

    wall_s: float = 5.0
    cpu_s: float = 5.0
    memory_bytes: int = 256 * MiB
    processes: int = 32
    output_bytes: int = 64 * KiB
    result_bytes: int = 1 * MiB
    scratch_bytes: int = 16 * MiB
    _stated: frozenset[str] = field(init=False, repr=False, compare=False)

    def __new__(cls, **stated: float) -> Self:
        """Remember which limits were written out."""
        self = object.__new__(cls)
        object.__setattr__(self, "_stated", frozenset(stated))
        return self

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            whole = name not in ("wall_s", "cpu_s")
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise LimitsError(f"{value!r} is no {'whole number' if whole else 'number'}", field=name)
            if not math.isfinite(value) or value < least:
                raise LimitsError(f"{value!r} is less than {least}, below which nothing runs", field=name)
            if value > _MOST.get(name, math.inf):
                raise LimitsError(f"{value!r} is more than {_MOST[name]}", field=name)

    def tightened(self, by: Limits | None) -> Limits:
        """These limits with those that `by` states.

        Raises:
            LimitsError: `by` states more than these allow, or another figure for what belongs to the cell.
        """
        if by is None:
            return self
        changes: dict[str, float] = {}
        for name in by._stated:  # noqa: SLF001 - of this class
            ours, theirs = getattr(self, name), getattr(by, name)
            if theirs > ours:
                raise LimitsError(f"the call asks for {theirs}, its sandbox allows {ours}", field=name)
            if name in _OF_THE_CELL and theirs != ours:
                raise LimitsError(
                    f"set when a cell starts ({ours}); give it to the sandbox, not to a call", field=name
                )
            changes[name] = theirs
        return dataclasses.replace(self, **changes) if changes else self  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPolicy:
    """How many cells there are and how long they live.

    Attributes:
        cells: how many cells there may be at once, starting and ending ones included.
        spare: how many blank cells are kept started ahead of need; 0 starts a cell when it is needed.
        max_calls: calls that a cell serves before it is replaced.
        idle_s: seconds after which a cell that nobody uses is thrown away, unless it is a spare one. Looked
            for every five seconds.
        queue: calls that may wait for a cell, beside those for which one is free or starts; one more is
            refused with `SandboxBusy`.
        wait_s: seconds that a call waits for a cell before it is refused with `SandboxBusy`.
        start_s: seconds that a cell may take to start.
    """

    cells: int = 4
    spare: int = 1
    max_calls: int = 10_000
    idle_s: float = 300.0
    queue: int = 1_000
    wait_s: float = 30.0
    start_s: float = 30.0

    def __post_init__(self) -> None:
        for name, least in (("cells", 1), ("spare", 0), ("max_calls", 1), ("queue", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise LimitsError(f"{value!r} is no whole number from {least} on", field=name)
        for name in ("idle_s", "wait_s", "start_s"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise LimitsError(f"{value!r} is no number of seconds", field=name)
        if self.spare > self.cells:
            raise LimitsError(
                f"{self.spare} cannot be kept ahead of at most {self.cells} cells", field="spare"
            )
