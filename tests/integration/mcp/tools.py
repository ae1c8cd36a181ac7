"""Tools as a library holds them, made by hand."""

from __future__ import annotations

import re

from latm import Demonstration, Provenance, Scorecard, Tool
from latm._records import Evidence
from latm._signature import contract_of
from latm.plugin import Usage

SECRET = "What does Ms Jones owe?"
EVIDENCE = (
    Evidence(stage="verify", summary="6 answers are right; the maker did not know 3 of them."),
    Evidence(stage="opinion", summary=f"They differ on {SECRET}."),
    Evidence(stage="scaling", held=False, summary=f"Not held: {SECRET}."),
    Evidence(stage="exam", summary=f"Wrong: {SECRET}.", figures={"right": 5, "asked": 6}),
)


def tool(name: str, source: str, **changes: object) -> Tool:
    """A tool whose function is the last one of its source."""
    function = re.findall(r"^def (\w+)", source, re.MULTILINE)[-1]
    fields: dict[str, object] = {
        "name": name,
        "version": 1,
        "source": source,
        "function": function,
        "contract": contract_of(source, function),
        "demonstrations": (Demonstration("What?", f"{function}()"),),
        "call_style": "call",
        "scorecard": Scorecard(evidence=EVIDENCE, notes=(SECRET,)),
        "provenance": Provenance(
            protocol="strict",
            maker="fake:maker",
            run="make-1",
            examples_sha256="0" * 64,
            source_sha256="0" * 64,
            usage=Usage(),
            cost_usd=None,
            seconds=0.0,
            created="2026-11-01T00:00:00Z",
        ),
    }
    return Tool(**{**fields, **changes})  # type: ignore[arg-type]  # given by name
