"""Grounding: what a call says has to be said by its question, or be a term of the tool.

A user model translates; it is not to answer. What it puts into a call that is in no question, such as the
answer itself, is found here before anything runs.
"""

from __future__ import annotations

from latm._literals import LiteralCall
from latm._records import Tool
from latm.user._functions import signature_in
from latm.user._grounding._facts import Facts
from latm.user._grounding._leaves import Leaf, leaves_of
from latm.user._grounding._terms import terms_of

__all__ = ["ungrounded"]

_SHOWN = 80


def ungrounded(tool: Tool, call: LiteralCall, question: str) -> str | None:
    """What of a call does not come from its question, as the model is told; None where everything does.

    Every leaf of the arguments has to be found in the question, up to case, white space and quotes or as
    another spelling of its number, date or time. Values of ``Literal`` hints, truth values, None and
    defaults are free, and so are the tool's own terms: words that its contract quotes or its source compares
    with, and what its verified calls hold that their questions do not.

    Args:
        tool: whose function is called.
        call: of it.
        question: that the call was made for.
    """
    facts = Facts(question)
    terms = terms_of(tool)
    for leaf in leaves_of(call, signature_in(tool.source, tool.function)):
        if not (facts.hold(leaf) or terms.cover(leaf)):
            return _said(leaf, call.function)
    return None


def _said(leaf: Leaf, function: str) -> str:
    where = (
        f"A subscript behind {function}" if leaf.name == "[]" else f"The argument {leaf.name} of {function}"
    )
    value = list(leaf.value) if isinstance(leaf.value, tuple) else leaf.value
    shown = repr(value)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}..."
    return f"{where} holds {shown}, which the question does not say: write it as the question does"
