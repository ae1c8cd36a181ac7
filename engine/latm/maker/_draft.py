"""What a protocol has made, before it becomes a tool of the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from latm._records import Check, Demonstration, Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """All of a tool that does not depend on where it is stored.

    Attributes:
        source: as it was verified, byte for byte.
        function: the function in it to call.
        contract: what it takes and gives.
        demonstrations: what the user model is shown.
        call_style: how the user model answers.
        tests: unit tests as code, by name.
        checks: unit tests as calls with their answers.
        parser: source of a parser, if one was accepted.
        notes: what a reader should know.
        evidence: stage by stage.
    """

    source: str
    function: str
    contract: str
    demonstrations: tuple[Demonstration, ...]
    call_style: str = "code"
    tests: Mapping[str, str] = field(default_factory=dict[str, str])
    checks: tuple[Check, ...] = ()
    parser: str | None = None
    notes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
