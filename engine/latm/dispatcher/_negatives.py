"""Questions that look like a tool's and are not: kept, and shown to the dispatcher with the tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latm._reading import folded
from latm.dispatcher._candidates import Decision, Shortlist

if TYPE_CHECKING:
    from latm.library import Library

NEAR = 0.25
"""The score above which a question that was refused is a near miss of a tool.

Of the near misses in tests/integration/engine/hard_set.py 66 of 67 score above it, of its foreign ones none.
"""
_MOST_TOOLS = 2  # that one question is a near miss of
_LONGEST = 2_000  # characters; a longer question teaches nobody what its kind is


def note_refusal(
    library: Library, question: str, shortlist: Shortlist, decision: Decision
) -> tuple[str, ...]:
    """Keep a question as a near miss of the tools that it looks like, if the dispatcher refused them.

    Blocks. What the dispatcher was unsure of, or said unreadably, is no refusal.

    Returns:
        The names of the tools that it is a near miss of.

    Raises:
        LibraryError: it cannot be written.
    """
    if decision.kind in {"unsure", "unreadable"} or len(question) > _LONGEST:
        return ()
    asked = folded(question)
    near = [
        each.name
        for each in shortlist.candidates
        # A "new" task under the tool's own name is the tool's task in the dispatcher's eyes.
        if each.has_tool and each.score >= NEAR and each.name != decision.task
        # One of its own demonstrations is no near miss, whatever the dispatcher says: it erred.
        if asked not in map(folded, each.questions)
    ][:_MOST_TOOLS]
    for name in near:
        library.add_negative(name, question)
    return tuple(near)
