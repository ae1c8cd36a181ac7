"""What calls came to, as the MCP package's own records; needs the extra ``mcp``."""

from __future__ import annotations

import mcp_types as types

from latm._failures import failure
from latm._records import Answer
from latm.serving._offers import Offer
from latm.serving._values import as_json, as_text, shown
from latm_sandbox import Outcome, Status

_LONGEST = 2000  # characters of an error, whose message the function chose


def called(offer: Offer, outcome: Outcome) -> types.CallToolResult:
    """What a tool's function gave, or what went wrong."""
    if outcome.ok:
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=shown(outcome.value))],
            structured_content={"result": as_json(outcome.value)},
        )
    if outcome.status is Status.ERROR and outcome.error is not None:
        # Without the traceback: the caller sees the contract, and not the source.
        said = (
            f"{outcome.error.type}: {outcome.error.message}" if outcome.error.message else outcome.error.type
        )
        return refused(f"{offer.name} raised {said}")
    return refused(failure(outcome).replace("The code", offer.name, 1))


def answered(answer: Answer) -> types.CallToolResult:
    """An answer of the engine, with how it came about; an error where there is none."""
    if answer.text is None:
        return refused(answer.reason or "there is no answer")
    cost = "unknown" if answer.cost_usd is None else f"${answer.cost_usd:f}"
    by = f"tool {answer.tool} version {answer.tool_version}" if answer.route == "tool" else "the strong model"
    text = as_text(answer.text)
    return types.CallToolResult(
        content=[
            types.TextContent(type="text", text=text),
            types.TextContent(type="text", text=f"(by {by}; cost {cost})"),
        ],
        structured_content={
            "text": text,
            "route": answer.route,
            "layer": answer.layer,
            "task": answer.task,
            "tool": answer.tool,
            "tool_version": answer.tool_version,
            "cost_usd": None if answer.cost_usd is None else str(answer.cost_usd),
            "tokens": answer.usage.total,
            "seconds": round(answer.seconds, 6),
        },
    )


def refused(problem: str) -> types.CallToolResult:
    """A call that came to nothing, and why."""
    said = as_text(problem)
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
    return types.CallToolResult(content=[types.TextContent(type="text", text=said)], is_error=True)
