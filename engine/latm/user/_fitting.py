"""Whether what a call holds is of the kinds that its function's hints name, and is there at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import cast

from latm._hints import Hints, Shape
from latm._literals import LiteralCall
from latm._records import Tool
from latm.user._functions import arguments_of, signature_in, verified_calls

_SHOWN = 80
_SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "str": str,
    "bool": bool,
    "null": type(None),
}


def misshapen(tool: Tool, call: LiteralCall) -> str | None:
    """Which argument is certainly not of its hint, as the model is told; None where none is.

    A hint that names no plain data lets everything pass, and so does one that a verified call of the tool
    does not keep to. Lists, tuples and sets pass for each other, as JSON has lists alone.
    """
    for name, parameter, value in arguments_of(call, signature_in(tool.source, tool.function)):
        if parameter is None or parameter.hint is None or parameter.default == repr(value):
            continue
        shape = _shape(tool.source, tool.function, parameter.hint)
        if not fits(shape, value) and all(fits(shape, each) for each in _verified(tool, name)):
            shown = repr(value)
            shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
            return f"The argument {name} of {tool.function} is {shown}, which is no {parameter.hint}"
    return None


@lru_cache(maxsize=1024)
def _shape(source: str, function: str, hint: str) -> Shape:
    """What a hint of a tool's function says; read once, and not for every question."""
    return Hints(signature_in(source, function).definitions).shape(hint)


def hollow(tool: Tool, call: LiteralCall) -> str | None:
    """Which argument is empty that is not in any verified call, as the model is told; None where none is."""
    for name, parameter, value in arguments_of(call, signature_in(tool.source, tool.function)):
        if (parameter is None or parameter.needed) and _is_empty(value):
            known = _verified(tool, name)
            if known and not any(map(_is_empty, known)):
                return f"The argument {name} of {tool.function} is empty: take it from the question"
    return None


def fits(shape: Shape, value: object) -> bool:
    """Whether a value may be of a shape; only what certainly is not of it does not fit."""
    match shape.kind:
        case "union":
            return any(fits(each, value) for each in shape.parts)
        case "enum":
            return any(type(value) is type(each) and value == each for each in shape.values)
        case "list" | "tuple" | "set" | "frozenset":
            return _fits_items(shape, value)
        case "map" | "object":
            return isinstance(value, dict) and _fits_entries(shape, cast("Mapping[object, object]", value))
        case _:
            kind = _SCALARS.get(shape.kind)
            return kind is None or isinstance(value, kind)


def _fits_items(shape: Shape, value: object) -> bool:
    if not isinstance(value, list | tuple | set | frozenset):
        return False
    items = list(cast("Sequence[object]", value))
    if shape.kind == "tuple" and not shape.open:
        return len(items) == len(shape.parts) and all(map(fits, shape.parts, items))
    return not shape.parts or all(fits(shape.parts[0], each) for each in items)


def _fits_entries(shape: Shape, entries: Mapping[object, object]) -> bool:
    if shape.kind == "map":
        if len(shape.parts) < 2:  # noqa: PLR2004 - of keys and of values
            return True
        keys, values = shape.parts
        return all(fits(keys, key) and fits(values, each) for key, each in entries.items())
    known = {entry.name: part for entry, part in zip(shape.entries, shape.parts, strict=True)}
    return all(key not in known or fits(known[str(key)], each) for key, each in entries.items())


def _verified(tool: Tool, name: str) -> list[object]:
    """What the verified calls of a tool give an argument."""
    signature = signature_in(tool.source, tool.function)
    return [
        value
        for _, call in verified_calls(tool)
        for found, _, value in arguments_of(call, signature)
        if found == name
    ]


def _is_empty(value: object) -> bool:
    return isinstance(value, str | list | tuple | set | frozenset | dict) and not cast(
        "Collection[object]", value
    )
