"""Whether what a backend gave is a reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from latm import cassettes
from latm.plugin import Call, Reply, Usage

_BUCKETS = ("input", "cache_read", "cache_write", "output")


def reply_problem(reply: object) -> str | None:
    """What keeps a backend's return value from being a `Reply` that can be used, counted and written down.

    Python checks no types at run time, so that a plugin can hand over a `Reply` of anything.

    Returns:
        The tail of a sentence that begins with "the backend gave"; None if all is well.
    """
    if not isinstance(reply, Reply):
        return f"{type(reply).__name__} where a Reply was due"
    problem = usage_problem(reply.usage) or next(_wrong_fields(reply), None)
    if problem is None:
        try:
            cassettes.encode_reply(reply)
        except ValueError as error:
            problem = f"a Reply that is no data: {error}"
        except RecursionError:
            problem = "a Reply that is nested too deeply"
    return problem


def usage_problem(usage: object) -> str | None:
    """What keeps a usage from being counted, as the tail of the same sentence; None if all is well."""
    if not isinstance(usage, Usage):
        return f"a Reply whose usage is {_a(usage)}, not a Usage"
    for name in _BUCKETS:
        tokens: object = getattr(usage, name)
        if not isinstance(tokens, int) or isinstance(tokens, bool):
            return f"a Reply whose usage.{name} is {_a(tokens)}, not a number of tokens"
    return None


def _wrong_fields(reply: Reply) -> Iterator[str]:
    for name in ("text", "model", "finish_reason"):
        value: object = getattr(reply, name)
        if not isinstance(value, str) and not (value is None and name == "finish_reason"):
            yield f"a Reply whose {name} is {_a(value)}, not text"
    calls = cast("object", reply.calls)
    if not isinstance(calls, tuple):
        yield f"a Reply whose calls are {_a(calls)}, not a tuple"
        return
    for call in cast("tuple[object, ...]", calls):
        if not isinstance(call, Call):
            yield f"a Reply with {_a(call)} among its calls"
        elif not isinstance(cast("object", call.name), str) or not _is_mapping(call.arguments):
            yield "a Reply with a Call that is not a name and a mapping of arguments"
    if not _is_mapping(reply.metadata):
        yield f"a Reply whose metadata is {_a(reply.metadata)}, not a mapping"


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _a(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
