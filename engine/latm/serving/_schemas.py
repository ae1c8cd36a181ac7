"""Tools as the MCP package's own records; needs the extra ``mcp``."""

from __future__ import annotations

import mcp_types as types

from latm.serving._formats import MCP_LONGEST
from latm.serving._offers import Offer

SOLVE = "solve"
"""The name of the engine itself among the tools."""

SOLVE_TOOL = types.Tool(
    name=SOLVE,
    title="Answer a question",
    description=(
        "Answer a question by the verified tool that fits, or by the strong model where none does. It asks "
        "models, which costs money; the result says by which route it came and what it cost. Kinds of "
        "questions that come again and again become tools."
    ),
    input_schema={
        "type": "object",
        "properties": {"question": {"type": "string", "description": "The question, whole."}},
        "required": ["question"],
        "additionalProperties": False,
    },
    annotations=types.ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True),
)


def mcp_tool(offer: Offer) -> types.Tool:
    """A tool as ``tools/list`` gives it."""
    return types.Tool(
        name=offer.name,
        description=offer.description(MCP_LONGEST),
        input_schema=dict(offer.parameters),
        # A cell has no network, no files of the host's and no state between calls.
        annotations=types.ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
        _meta={"latm/version": offer.tool.version},
    )
