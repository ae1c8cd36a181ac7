"""Tools for the paper's six tasks and others, other wordings of their questions, and look-alikes.

A paraphrase can be answered by its tool. A near miss shares the words and the data, and asks for something
that the tool does not compute. A templated question is worded as the demonstrations are. All of it was
written for hard_set.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latm import Demonstration, Provenance, Tool
from latm.plugin import Usage


@dataclass(frozen=True)
class Kind:
    """A task with its tool and its questions."""

    name: str
    contract: str
    demonstrations: tuple[Demonstration, ...]
    templated: tuple[str, ...]
    paraphrases: tuple[str, ...]
    near_misses: tuple[str, ...]

    @property
    def tool(self) -> Tool:
        """The tool as a library keeps it; its function is never run here."""
        return Tool(
            name=self.name,
            version=0,
            source="def f():\n    pass\n",
            function="f",
            contract=self.contract,
            demonstrations=self.demonstrations,
            call_style="call",
            provenance=Provenance(
                protocol="strict",
                maker="a:b",
                run="r",
                examples_sha256="0",
                source_sha256="1",
                usage=Usage(),
                cost_usd=None,
                seconds=1.0,
                created="2026-01-01T00:00:00+00:00",
            ),
        )


def _kind(name: str, entry: Mapping[str, Any]) -> Kind:
    return Kind(
        name=name,
        contract=entry["contract"],
        demonstrations=tuple(Demonstration(question, call) for question, call in entry["demonstrations"]),
        templated=tuple(entry.get("templated", ())),
        paraphrases=tuple(entry.get("paraphrases", ())),
        near_misses=tuple(entry.get("near_misses", ())),
    )


_DATA = tomllib.loads((Path(__file__).parent / "hard_set.toml").read_text(encoding="utf-8"))
PAPER = tuple(_kind(name, entry) for name, entry in _DATA["paper"].items())
TOOLS = (*PAPER, *(_kind(name, entry) for name, entry in _DATA["others"].items()))
FOREIGN: tuple[str, ...] = tuple(_DATA["foreign"])
TEMPLATED = tuple((kind, question) for kind in PAPER for question in kind.templated)
PARAPHRASES = tuple((kind, question) for kind in PAPER for question in kind.paraphrases)
NEAR_MISSES = tuple((kind, question) for kind in PAPER for question in kind.near_misses)
