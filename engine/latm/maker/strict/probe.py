"""Probing what verification cannot see: does a function always give the same, and what does time cost it?"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from latm._literals import LiteralCall
from latm._reading import parse
from latm._signature import Signature
from latm.maker.judge import Robustness
from latm.maker.strict._checks import shown
from latm.maker.strict.verify import Verified
from latm_sandbox import AsyncSandbox, Limits, Status

_UNSTEADY = frozenset({"random", "secrets", "time", "uuid"})
_NOW = frozenset({"now", "today", "utcnow"})
_FACTORS = (2, 4, 8, 16)
_SLOW = 6.0  # how much longer twice the input may take; 4 is quadratic
_LEAST_S = 0.05  # of CPU, below which a ratio says nothing
_SCALING_S = 2.0  # of CPU, for one scaled call


async def determinism(verified: Verified, other: AsyncSandbox) -> str | None:
    """What differs in cells of another hash seed and time zone; None where nothing does.

    Args:
        verified: whose values are known from the engine's own cells.
        other: the other cells.
    """
    for each in verified.checked:
        outcome = await other.apply(verified.program, each.call.args, each.call.kwargs)
        if outcome.status is not Status.OK or not alike(outcome.value, each.outcome.value):
            gave = shown(outcome.value) if outcome.ok else str(outcome.error)
            return (
                f"The function does not always give the same: {each.call} gave {shown(each.outcome.value)}, "
                f"and {gave} in another process. Make it depend on its arguments alone (sort what comes out "
                "of a set; no clock, no randomness)."
            )
    return None


def alike(one: object, other: object) -> bool:
    """Whether two values are the same data of the same kind."""
    # By their text as well, since a NaN is not equal to itself.
    return type(one) is type(other) and (one == other or repr(one) == repr(other))


def declared(source: str, signature: Signature) -> tuple[str, ...]:
    """The errors that a function may decline an input with; an assert of its own is one as well."""
    tree = parse(source)
    asserts = tree is not None and any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    return (*signature.declared, "AssertionError") if asserts else signature.declared


def crash(robust: Robustness) -> str:
    """What the maker is told of the smallest call that ended as it should not."""
    first = robust.inside[0]
    return (
        f"The function fails on an input of the kind that it is for: {first.call}\n{first.problem}\n"
        "Make it answer, or raise an error for it that its docstring names under `Raises:`."
    )


def unsteady(source: str) -> tuple[str, ...]:
    """What in a source could make it give another value at another time, for the reader of its scorecard."""
    tree = parse(source)
    found: set[str] = set()
    for node in ast.walk(tree) if tree else ():
        match node:
            case ast.Import(names=names):
                found |= {each.name.partition(".")[0] for each in names} & _UNSTEADY
            case ast.ImportFrom(module=str(module)):
                found |= {module.partition(".")[0]} & _UNSTEADY
            case ast.Attribute(attr=name) if name in _NOW:
                found.add(name)
            case _:
                pass
    return tuple(f"It uses {name}." for name in sorted(found))


@dataclass(frozen=True, slots=True)
class Scaling:
    """How the time of the largest known call grew with its input.

    Attributes:
        seconds: CPU seconds by factor of the input's size; without those that were not reached.
        warning: what a reader should know; empty where nothing.
    """

    seconds: Mapping[int, float]
    warning: str = ""

    @property
    def held(self) -> bool:
        """Whether any larger input was tried to an end."""
        return bool(self.warning) or len(self.seconds) > 1

    def __str__(self) -> str:
        """For a reader."""
        if self.warning:
            return self.warning
        if not self.held:
            return "Not held: the largest known input could not be made larger, or the function declined it."
        largest = max(self.seconds)
        return f"With {largest} times the largest known input it takes {self.seconds[largest]:.3f} s of CPU."


async def scaling(verified: Verified, cells: AsyncSandbox) -> Scaling:
    """Time calls with ever larger inputs. A function may refuse them: then there is nothing to say."""
    call = max(verified.calls, key=lambda each: len(str(each)))
    limits = Limits(cpu_s=_SCALING_S, wall_s=_SCALING_S * 2)
    before, seconds = 0.0, dict[int, float]()
    grows = any(_larger(value, 2) != value for value in (*call.args, *call.kwargs.values()))
    for factor in (1, *_FACTORS) if grows else (1,):
        args = [_larger(value, factor) for value in call.args]
        kwargs = {name: _larger(value, factor) for name, value in call.kwargs.items()}
        outcome = await cells.apply(verified.program, args, kwargs, limits=_within(cells, limits))
        if outcome.status is Status.TIMEOUT:
            return Scaling(seconds, f"With {factor} times the input it takes more than {_SCALING_S:g} s.")
        if outcome.status is not Status.OK:
            break
        seconds[factor] = outcome.cpu_s
        if before >= _LEAST_S and outcome.cpu_s > _SLOW * before:
            ratio = outcome.cpu_s / before
            return Scaling(seconds, f"Twice the input takes {ratio:.0f} times as long (at {factor} times).")
        before = outcome.cpu_s
    return Scaling(seconds)


def _larger(value: object, factor: int) -> object:
    """The value `factor` times as long, if it has a length."""
    if isinstance(value, str):
        return value * factor
    if isinstance(value, list | tuple):
        return cast("list[object] | tuple[object, ...]", value) * factor
    return value


def _within(cells: AsyncSandbox, limits: Limits) -> Limits:
    own = cells.tightened(None)
    return Limits(cpu_s=min(limits.cpu_s, own.cpu_s), wall_s=min(limits.wall_s, own.wall_s))


def distinct(calls: Sequence[LiteralCall]) -> tuple[LiteralCall, ...]:
    """The calls without repetitions, in their order."""
    return tuple({str(call): call for call in calls}.values())
