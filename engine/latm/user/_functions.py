"""The functions of tools, as a call has to know them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import final

from latm._literals import LiteralCall, Unreadable, read_call
from latm._records import Tool
from latm._signature import Parameter, Signature, signature_of


@final
class Kept:
    """A tool as the key of what is kept about it: the same as any other that a call sees the same of.

    A tool itself has no hash, and is read from the library anew.
    """

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self._parts = (tool.source, tool.function, tool.contract, tool.demonstrations, tool.checks)

    def __hash__(self) -> int:
        """Of the parts."""
        return hash(self._parts)

    def __eq__(self, other: object) -> bool:
        """By the parts."""
        return isinstance(other, Kept) and self._parts == other._parts


@lru_cache(maxsize=256)
def signature_in(source: str, function: str) -> Signature:
    """The signature of a tool's function; one that takes anything where the source does not say.

    Kept, since a source is read anew for every question else.
    """
    anything = (Parameter("args", place="args"), Parameter("kwargs", place="kwargs"))
    found = signature_of(source, function)
    return Signature(function, anything) if found is None else found


def verified_calls(tool: Tool) -> tuple[tuple[str, LiteralCall], ...]:
    """The calls that a tool was verified with, each behind its question; what is no call is left out."""
    known = dict.fromkeys(
        [
            *((each.question, each.code) for each in tool.demonstrations),
            *((each.question, each.call) for each in tool.checks),
        ]
    )
    return _read(tool.function, tuple(known))


@lru_cache(maxsize=256)
def _read(function: str, known: tuple[tuple[str, str], ...]) -> tuple[tuple[str, LiteralCall], ...]:
    found: list[tuple[str, LiteralCall]] = []
    for question, code in known:
        try:
            found.append((question, read_call(code, (function,))))
        except Unreadable:
            continue
    return tuple(found)


def arguments_of(call: LiteralCall, signature: Signature) -> Iterator[tuple[str, Parameter | None, object]]:
    """The arguments of a call: name, parameter and value; what no parameter of its own takes has None."""
    ordered = [each for each in signature.parameters if each.place in {"position", "either"}]
    rest = next((each.name for each in signature.parameters if each.place == "args"), "args")
    named = {each.name: each for each in signature.parameters if each.place in {"either", "name"}}
    for number, value in enumerate(call.args):
        parameter = ordered[number] if number < len(ordered) else None
        yield (rest if parameter is None else parameter.name), parameter, value
    for name, value in call.kwargs.items():
        yield name, named.get(name), value
