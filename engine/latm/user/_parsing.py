"""The zero-token path: a tool's parser and its function, in one call of the tool's own cell."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import cast

from latm._literals import LiteralCall
from latm._reading import folded
from latm._records import Tool
from latm._signature import misfit
from latm.user._calling import judged
from latm.user._fitting import misshapen
from latm.user._functions import signature_in
from latm.user._tries import Tried
from latm_sandbox import AsyncSandbox, Outcome, Status

# Runs after the tool's source, in its names, so that a tool has one kind of cell: it adds one name that the
# source does not use. The parser has names of its own; what it gives is copied before anyone changes it, and
# marshal takes plain data alone. Every call compiles this, so that it is short: what is wrong with a parser
# comes out as an error without a line of the program.
_CODE = """def {name}(question, source, function):
    import marshal
    space = {{"__name__": __name__}}
    exec(source, space)
    found = space["parse"](question)
    if found is not None:
        data = marshal.dumps(found)
        text = space["render"](found)
        if text.split() == question.split():
            return marshal.loads(data), text, function(**marshal.loads(data))
{name} = {name}({question!r}, {source!r}, {function})
"""
_NAME = "latm_parsed"
_MOST_BITS = 13_000  # Python writes no longer number out
_DEEPEST = 20
_PROGRAM = 'File "<program>"'


@dataclasses.dataclass(frozen=True, slots=True)
class Parsed:
    """What came of a parser that was tried.

    Attributes:
        tried: what the function gave for what it found; None where it does not take the question.
        sound: whether the run ended as runs do; a parser that ran into a limit is not to be tried again.
    """

    tried: Tried | None
    sound: bool = True


async def try_parser(tool: Tool, parser: str, question: str, sandbox: AsyncSandbox) -> Parsed:
    """Take a question apart by a parser, prove it by putting it together again, and call the function.

    Args:
        tool: whose function is called.
        parser: source of ``parse`` and ``render``.
        question: that the parser has to take whole.
        sandbox: where all of it runs.

    Raises:
        SandboxError: no cell could be had.
    """
    name = _NAME
    while name in tool.source:
        name += "_"
    code = _CODE.format(name=name, question=question, source=parser, function=tool.function)
    outcome = await sandbox.run(tool.program, code, want=(name,))
    if outcome.status in {Status.TIMEOUT, Status.MEMORY, Status.KILLED, Status.OUTPUT}:
        return Parsed(None, sound=False)
    if outcome.status is Status.ERROR:
        return Parsed(_raised(outcome, tool, question))
    found = _found(outcome.values.get(name), tool)
    if found is None or folded(found[1]) != folded(question):
        return Parsed(None)
    call, _, value = found
    tried = judged(dataclasses.replace(outcome, value=value, values={}), call, tool=tool, question=question)
    literal = all(map(_is_literal, call.kwargs.values()))
    return Parsed(tried if literal else dataclasses.replace(tried, call=None))


def _raised(outcome: Outcome, tool: Tool, question: str) -> Tried | None:
    """What the function raised; nothing of the parser comes out here, nor arguments that do not bind."""
    if outcome.error is None or _PROGRAM not in outcome.error.traceback:
        return None
    return judged(outcome, LiteralCall(tool.function), tool=tool, question=question)


def _found(values: object, tool: Tool) -> tuple[LiteralCall, str, object] | None:
    """The call, the question as it was put together again, and the value; None where it is not that."""
    if not isinstance(values, tuple) or len(cast("tuple[object, ...]", values)) != 3:  # noqa: PLR2004
        return None
    arguments, text, value = cast("tuple[object, object, object]", values)
    if not isinstance(arguments, dict) or not isinstance(text, str):
        return None
    arguments = cast("Mapping[object, object]", arguments)
    named = {key: each for key, each in arguments.items() if isinstance(key, str)}
    call = LiteralCall(tool.function, (), MappingProxyType(named))
    signature = signature_in(tool.source, tool.function)
    if (
        len(named) < len(arguments)
        or misfit(signature, call) is not None
        or misshapen(tool, call) is not None
    ):
        return None
    return call, text, value


def _is_literal(value: object, depth: int = 0) -> bool:
    """Whether a value, written out, is the same when it is read again; an infinity is none."""
    match value:
        case None | bool() | str() | bytes():
            return True
        case int():
            return value.bit_length() < _MOST_BITS
        case float():
            return math.isfinite(value)
        case list() | tuple() | dict():
            parts = cast("Iterable[object]", value.items() if isinstance(value, dict) else value)
            return depth < _DEEPEST and all(_is_literal(each, depth + 1) for each in parts)
        case _:
            return False
