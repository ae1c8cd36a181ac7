"""Read a decision, strictly: what is said unclearly is no decision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from latm._reading import blocks
from latm._records import RESERVED_NAMES, slug
from latm.dispatcher._candidates import Candidate, Decision
from latm.dispatcher._request import NEW, NONE, UNSURE
from latm.errors import ConfigError
from latm.plugin import Reply


def read(reply: Reply, candidates: Sequence[Candidate]) -> Decision:
    """Read a decision strictly: JSON as asked for, a call of a candidate, or a candidate's name alone.

    A name that is none of the candidates' is unreadable, however much it is like one.
    """
    by_name = {each.name: each for each in candidates}
    said, task = _fields(reply)
    decision = said if said in RESERVED_NAMES else _slug(said)
    if decision in by_name:
        return Decision("tool" if by_name[decision].has_tool else "task", decision)
    if decision == NONE:
        return Decision("none")
    if decision == UNSURE:
        return Decision("unsure")
    # A "new" task under a known name is that task; its tool was not chosen, so it is not used.
    if decision == NEW and task and (name := _slug(task)):
        return Decision("new", name)
    return Decision("unreadable")


def _fields(reply: Reply) -> tuple[str, str | None]:
    if reply.calls:
        call, *others = reply.calls
        if others:
            return "", None
        return _texts(call.arguments.get("decision", call.name), call.arguments.get("task"))
    text = reply.text.strip()
    fenced = [block.code for block in blocks(text)]
    if len(fenced) > 1:
        return "", None
    body = fenced[0].strip() if fenced else text
    if not body.startswith("{"):
        return body.strip("\"'`*<> .").lower(), None
    try:
        data: object = json.loads(body, object_pairs_hook=_once_each)
    except (ValueError, RecursionError):
        return "", None
    fields = cast("dict[str, object]", data)
    return _texts(fields.get("decision"), fields.get("task"))


def _texts(decision: object, task: object) -> tuple[str, str | None]:
    return (decision if isinstance(decision, str) else ""), (task if isinstance(task, str) else None)


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _slug(name: str) -> str:
    """The name as tasks are called; empty where it is no name."""
    try:
        return slug(name)
    except ConfigError:
        return ""


assert {NEW, NONE, UNSURE} == RESERVED_NAMES
