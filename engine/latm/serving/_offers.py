"""What another program is told of a tool: its name, its schema, its contract and the evidence for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from latm._records import Evidence, Tool
from latm._signature import contract_of, json_schema
from latm.serving._values import as_json, as_text
from latm.user import picks, signature_in

_WITHOUT_QUOTES = frozenset(
    {"verify", "determinism", "overlap", "robustness", "properties", "scaling", "parser"}
)
"""Stages whose summaries hold figures and names alone; others may quote a question, an answer or a call."""

_REMADE = "make it again with the protocol strict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A tool that another program can call by named arguments.

    Attributes:
        tool: the tool.
        parameters: the JSON Schema of its function's arguments, an object.
    """

    tool: Tool
    parameters: Mapping[str, object]

    @property
    def name(self) -> str:
        """The name under which it is offered: the tool's, which no other tool of the library has."""
        return self.tool.name

    def description(self, longest: int) -> str:
        """The contract and the evidence.

        Args:
            longest: how many characters it may have. What is too long loses the single findings first, then
                the end of the contract.
        """
        contract, findings = as_text(_contract(self.tool)), _findings(self.tool)
        whole = "\n\n".join([contract, "\n".join(as_text(each) for each in findings)])
        if len(whole) <= longest:
            return whole
        tail = "\n\n" + findings[0].rstrip(":") + "."
        room = longest - len(tail)
        return (contract if len(contract) <= room else contract[: room - 3] + "...") + tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A tool that is not offered.

    Attributes:
        tool: the tool.
        reason: why it is not, and what to do about it.
    """

    tool: Tool
    reason: str

    def __str__(self) -> str:
        """For a reader."""
        return f"{self.tool.name} is not offered: {self.reason}"


Decision: TypeAlias = Offer | Withheld


def decide(tool: Tool) -> Decision:
    """A tool as it is offered, or why it is not.

    Offered is what was verified as one call by literal arguments whose value is the answer. What a tool of
    the paper's protocol was verified as, is the code around its function.
    """
    if tool.call_style != "call":
        return Withheld(tool=tool, reason=f"its answer is what code makes of its function; {_REMADE}")
    parameters = json_schema(signature_in(tool.source, tool.function))
    if parameters is None:
        return Withheld(tool=tool, reason=f"its function takes arguments that have no names; {_REMADE}")
    if picks(tool):
        return Withheld(tool=tool, reason=f"its answer is only a part of its function's value; {_REMADE}")
    return Offer(tool=tool, parameters=as_json(parameters))


def offers(tools: Iterable[Tool]) -> tuple[tuple[Offer, ...], tuple[Withheld, ...]]:
    """The tools that can be offered to another program, and those that cannot, each in their order."""
    decisions = [decide(tool) for tool in tools]
    return (
        tuple(each for each in decisions if isinstance(each, Offer)),
        tuple(each for each in decisions if isinstance(each, Withheld)),
    )


def _contract(tool: Tool) -> str:
    contract = tool.contract or contract_of(tool.source, tool.function)
    declared = signature_in(tool.source, tool.function).declared
    unsaid = [name for name in declared if name not in contract]
    return contract + (f"\nIt raises {', '.join(unsaid)} where it cannot answer." if unsaid else "")


def _findings(tool: Tool) -> list[str]:
    held = [each.held for each in tool.scorecard.evidence]
    stages = f"{sum(held)} of {len(held)} stages of verification held" if held else "Verified"
    made = f"latm tool {tool.name}, version {tool.version}, made by {tool.provenance.maker}"
    return [f"{made}. {stages}:", *(f"- {each}" for each in evidence(tool))]


def evidence(tool: Tool) -> list[str]:
    """What each stage found, in a line each, and nothing that quotes an application's questions."""
    return [_told(each) for each in tool.scorecard.evidence]


def _told(found: Evidence) -> str:
    right, asked = found.figures.get("right"), found.figures.get("asked")
    if not found.held:
        return f"{found.stage}: open"
    if found.stage == "exam" and right is not None and asked is not None:
        return f"exam: {right} of {asked} unseen questions were answered rightly."
    return f"{found.stage}: {found.summary if found.stage in _WITHOUT_QUOTES else 'held'}"
