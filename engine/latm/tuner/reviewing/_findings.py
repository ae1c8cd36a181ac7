"""A finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a user should know of some samples, or of all.

    Attributes:
        check: what looked: ``leakage``, ``near-duplicate``, ...
        severity: an error is in the way of training; a warning costs accuracy or honesty; a note is to be
            looked at.
        samples: the ids of those that it is about; none where it is about all.
        message: what is wrong, for people.
        drop: the ids of those that are better dropped.
        found: what was found in the texts, to be marked when they are shown.
    """

    check: str
    severity: Severity
    samples: tuple[str, ...]
    message: str
    drop: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
