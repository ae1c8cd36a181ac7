"""What the judge says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of one property.

    Attributes:
        name: the property's.
        status: ``holds``: on every case that was tried, and wrong answers made it fail. ``fails``: there is a
            counterexample. ``contradicts``: it fails on a known call. ``broken``: it does not load, or raises
            by its own fault. ``vacuous``: too few valid cases, or it would hold whatever is answered.
        cases: different valid cases on which it was seen to hold, with the function asked in each.
        call: the smallest counterexample as the calls of the function that it made; else empty.
        detail: the error, or why it is broken or vacuous, or which known call it contradicts.
    """

    name: str
    status: Literal["holds", "fails", "contradicts", "broken", "vacuous"]
    cases: int = 0
    call: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A call that ended as it should not.

    Attributes:
        call: as Python writes it; shortened where it is long.
        problem: what happened, such as ``IndexError: pop from empty list``.
    """

    call: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """What generated calls found.

    Attributes:
        cases: different calls inside the contract that were tried.
        inside: hard failures, the smallest call of each kind.
        outside: notes on calls that look less like those that were seen.
    """

    cases: int
    inside: tuple[Crash, ...] = ()
    outside: tuple[Crash, ...] = ()
