"""The leaves of a call's arguments, each with where it stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from latm._hints import ANY, Hints, Shape
from latm._literals import LiteralCall
from latm._signature import Parameter, Signature
from latm.user._functions import arguments_of

Value: TypeAlias = "str | int | float | complex | bytes | bool | tuple[str, ...] | None"
_DIGITS = range(10)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value without parts, or single characters that stand side by side.

    Attributes:
        name: of the argument that it belongs to.
        place: the argument and the way to it, the same for all items of a list, such as ``pairs[][]``.
        value: itself; a tuple where single characters stand side by side, which belong together.
        is_key: whether it is a key of a dict.
        digits: of a digit, all that stand beside it.
    """

    name: str
    place: str
    value: Value
    is_key: bool = False
    digits: tuple[str, ...] = ()


def leaves_of(call: LiteralCall, signature: Signature) -> Iterator[Leaf]:
    """Every leaf of a call that its function does not declare: no enum's value, no default.

    The subscripts behind the call are leaves too, under the name ``[]``.
    """
    hints = Hints(signature.definitions)
    for name, parameter, value in arguments_of(call, signature):
        if parameter is not None and _is_default(parameter, value):
            continue
        shape = ANY if parameter is None else hints.shape(parameter.hint)
        yield from _within(name, name, value, shape)
    for pick in call.picks:
        yield from _within("[]", "[]", pick, ANY)


def _is_default(parameter: Parameter, value: object) -> bool:
    if parameter.default is None:
        return False
    try:
        default: object = ast.literal_eval(parameter.default)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return type(default) is type(value) and default == value


def _within(name: str, place: str, value: object, shape: Shape) -> Iterator[Leaf]:
    """The leaves of a value of a shape."""
    if _is_declared(value, shape):
        return
    match value:
        case dict():
            yield from _entries(name, place, cast("Mapping[object, object]", value), shape)
        case list() | tuple():
            yield from _items(name, f"{place}[]", cast("Sequence[object]", value), shape)
        case set() | frozenset():
            for item in cast("frozenset[object]", value):
                yield from _within(name, f"{place}[]", item, _item_shapes(shape, 0)[0])
        case _:
            yield Leaf(name, place, cast("Value", value))


def _entries(name: str, place: str, entries: Mapping[object, object], shape: Shape) -> Iterator[Leaf]:
    part = next((each for each in _options(shape) if each.kind == "map" and len(each.parts) > 1), None)
    key_shape, held_shape = (ANY, ANY) if part is None else part.parts[:2]
    for key, held in entries.items():
        declared = _entry(key, shape)
        if declared is None:
            for leaf in _within(name, f"{place}{{key}}", key, key_shape):
                yield replace(leaf, is_key=True)
        yield from _within(name, f"{place}{{}}", held, declared or held_shape)


def _items(name: str, place: str, items: Sequence[object], shape: Shape) -> Iterator[Leaf]:
    letters = [each for each in items if isinstance(each, str) and len(each) == 1]
    if 1 < len(letters) == len(items):
        yield Leaf(name, place, tuple(letters))
        return
    digits = [str(each) for each in items if type(each) is int and each in _DIGITS]
    together = tuple(digits) if 1 < len(digits) == len(items) else ()
    shapes = _item_shapes(shape, len(items))
    for number, item in enumerate(items):
        for leaf in _within(name, place, item, shapes[min(number, len(shapes) - 1)]):
            yield replace(leaf, digits=together) if together else leaf


def _options(shape: Shape) -> tuple[Shape, ...]:
    return shape.parts if shape.kind == "union" else (shape,)


def _is_declared(value: object, shape: Shape) -> bool:
    return any(
        type(value) is type(each) and value == each
        for option in _options(shape)
        if option.kind == "enum"
        for each in option.values
    )


def _entry(key: object, shape: Shape) -> Shape | None:
    """The shape of what a declared key holds; None where it is not declared."""
    for option in _options(shape):
        for entry, part in zip(option.entries, option.parts, strict=False):
            if entry.name == key:
                return part
    return None


def _item_shapes(shape: Shape, count: int) -> Sequence[Shape]:
    for option in _options(shape):
        if option.kind == "tuple" and not option.open and len(option.parts) == count and count:
            return option.parts
        if option.kind in {"list", "tuple", "set", "frozenset"} and option.parts:
            return option.parts[:1]
    return (ANY,)
