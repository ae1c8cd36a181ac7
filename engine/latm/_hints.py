"""Type hints as data: what JSON fits them, and what Python value that JSON stands for."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, final

from latm._reading import parse

Kind: TypeAlias = Literal[
    "any",
    "str",
    "int",
    "float",
    "bool",
    "null",
    "list",
    "tuple",
    "set",
    "frozenset",
    "map",
    "enum",
    "union",
    "object",
]

_PLAIN: Mapping[str, Kind] = {"str": "str", "int": "int", "float": "float", "bool": "bool", "None": "null"}
_HOLDERS: Mapping[str, Kind] = {
    "Collection": "list",
    "Container": "list",
    "Iterable": "list",
    "List": "list",
    "MutableSequence": "list",
    "Reversible": "list",
    "Sequence": "list",
    "list": "list",
    "AbstractSet": "set",
    "MutableSet": "set",
    "Set": "set",
    "set": "set",
    "FrozenSet": "frozenset",
    "frozenset": "frozenset",
    "Tuple": "tuple",
    "tuple": "tuple",
    "Dict": "map",
    "Mapping": "map",
    "MutableMapping": "map",
    "dict": "map",
}
PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What services take as the name of a function, an argument or a key."""

_WRAPPERS = frozenset({"Annotated", "Final", "Required", "NotRequired", "ReadOnly"})
_JSON: Mapping[Kind, str] = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "null": "null",
}
_MOST_NESTED = 30
_MOST_SHAPES = 2000  # names that stand for each other twice over would grow without end


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of an object: its name, its hint and whether it has to be there."""

    name: str
    hint: str | None
    required: bool = True


@dataclass(frozen=True, slots=True)
class Definition:
    """A type that a source names: another hint, or an object with these entries."""

    hint: str | None = None
    entries: tuple[Entry, ...] | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A hint, read.

    Attributes:
        kind: of the value; ``any`` where nothing is known.
        parts: the shapes inside: of a list, tuple, set or union; of a map its key and value; of an object
            its values.
        values: of an enum: what is allowed.
        entries: of an object.
        open: of a tuple: whether its one part may stand any number of times.
    """

    kind: Kind = "any"
    parts: tuple[Shape, ...] = ()
    values: tuple[object, ...] = ()
    entries: tuple[Entry, ...] = ()
    open: bool = False


ANY = Shape()


@final
class Hints:
    """Reads hints that may name types of their source.

    Args:
        definitions: of the source, by name.
    """

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self._definitions = definitions
        self._left = _MOST_SHAPES

    def shape(self, hint: str | None) -> Shape:
        """The shape of a hint; ``any`` for none and for what is no data (a class, a callable)."""
        return self._named(hint, ())

    def _named(self, hint: str | None, within: tuple[str, ...]) -> Shape:
        tree = None if hint is None else parse(hint.strip())
        match tree.body if tree else ():
            case [ast.Expr(value=node)]:
                return self._shape(node, within)
            case _:
                return ANY

    def _shape(self, node: ast.expr, within: tuple[str, ...]) -> Shape:
        self._left -= 1
        found = ANY
        if self._left < 0 or len(within) > _MOST_NESTED:
            return found
        deeper = (*within, "")
        match node:
            case ast.Constant(value=None):
                found = Shape("null")
            case ast.Constant(value=str(text)):
                found = self._named(text, deeper)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                found = _union((self._shape(left, deeper), self._shape(right, deeper)))
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found = self._word(name, within)
            case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
                args = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                found = self._filled(name, args, deeper)
            case _:
                pass
        return found

    def _word(self, name: str, within: tuple[str, ...]) -> Shape:
        definition = self._definitions.get(name)
        if definition is not None:
            return ANY if name in within else self._defined(definition, (*within, name))
        if name in _PLAIN:
            return Shape(_PLAIN[name])
        kind = _HOLDERS.get(name, "any")
        parts = {"any": (), "map": (ANY, ANY)}.get(kind, (ANY,))
        return Shape(kind, parts, open=kind == "tuple")

    def _defined(self, definition: Definition, within: tuple[str, ...]) -> Shape:
        if definition.entries is None:
            return self._named(definition.hint, within)
        values = tuple(self._named(each.hint, within) for each in definition.entries)
        return Shape("object", values, entries=definition.entries)

    def _filled(self, name: str, args: Sequence[ast.expr], within: tuple[str, ...]) -> Shape:
        if name == "Literal":
            return _enum(args)
        kind = _HOLDERS.get(name, "any")
        if kind == "tuple":
            return self._tuple(args, within)
        inside = tuple(self._shape(each, within) for each in args)
        if name in {"Optional", "Union"}:
            return _union((*inside, Shape("null")) if name == "Optional" else inside)
        if name in _WRAPPERS:
            return inside[0] if inside else ANY
        return Shape(kind, inside) if len(inside) == (2 if kind == "map" else 1) and kind != "any" else ANY

    def _tuple(self, args: Sequence[ast.expr], within: tuple[str, ...]) -> Shape:
        match args:
            case [item, ast.Constant(value=value)] if value is Ellipsis:
                return Shape("tuple", (self._shape(item, within),), open=True)
            case [ast.Tuple(elts=[])]:
                return Shape("tuple")
            case _:
                return Shape("tuple", tuple(self._shape(each, within) for each in args))


def _enum(args: Sequence[ast.expr]) -> Shape:
    values: list[object] = []
    for each in args:
        try:
            value: object = ast.literal_eval(each)
        except (ValueError, TypeError, SyntaxError, RecursionError):
            return ANY
        if not isinstance(value, str | int | None):
            return ANY
        values.append(value)
    return Shape("enum", values=tuple(values)) if values else ANY


def _union(options: Sequence[Shape]) -> Shape:
    flat: list[Shape] = []
    for each in options:
        flat += each.parts if each.kind == "union" else (each,)
    if not flat or ANY in flat:
        return ANY
    distinct = tuple(dict.fromkeys(flat))
    return distinct[0] if len(distinct) == 1 else Shape("union", distinct)


def schema_of(shape: Shape) -> dict[str, object]:
    """JSON Schema that services accept: every array has ``items``, none ``prefixItems``; no ``$ref``."""
    found: dict[str, object] = {}
    match shape.kind:
        case "any":
            pass
        case "list" | "set" | "frozenset":
            found = {"type": "array", "items": schema_of(shape.parts[0])}
        case "tuple":
            found = _tuple_schema(shape)
        case "map":
            value = schema_of(shape.parts[1])
            found = {"type": "object"}
            if value:
                found["additionalProperties"] = value
        case "enum":
            kinds = {_json_type(value) for value in shape.values}
            found = {"enum": list(shape.values)}
            if len(kinds) == 1:
                found["type"] = kinds.pop()
        case "union":
            found = {"anyOf": [schema_of(each) for each in shape.parts]}
        case "object":
            fit = all(PLAIN_NAME.fullmatch(entry.name) for entry in shape.entries)
            found = object_schema(shape.entries, shape.parts) if fit else {"type": "object"}
        case _:
            found = {"type": _JSON[shape.kind]}
    return found


def object_schema(entries: Sequence[Entry], values: Sequence[Shape]) -> dict[str, object]:
    """The schema of an object with exactly these entries."""
    return {
        "type": "object",
        "properties": {entry.name: schema_of(value) for entry, value in zip(entries, values, strict=True)},
        "required": [entry.name for entry in entries if entry.required],
        "additionalProperties": False,
    }


def _tuple_schema(shape: Shape) -> dict[str, object]:
    # Services differ on prefixItems, so a tuple of several types says them all of each item.
    items = schema_of(_union(shape.parts)) if shape.parts else {}
    if shape.open:
        return {"type": "array", "items": items}
    many = len(shape.parts)
    return {"type": "array", "items": items, "minItems": many, "maxItems": many}


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "null" if value is None else "integer" if isinstance(value, int) else "string"


class _Misfit(Exception):  # noqa: N818 - never leaves this module
    """A value that a shape does not fit."""


def convert(shape: Shape, value: object) -> object:
    """The Python value that JSON stands for: tuples, sets and whole-number keys where the hint says so.

    What does not fit the hint comes back as it is: Python's hints bind nobody.
    """
    try:
        return _fitted(shape, value)
    except (_Misfit, TypeError, ValueError):
        return value


def _fitted(shape: Shape, value: object) -> object:
    match shape.kind:
        case "any":
            return value
        case "union":
            return _first(shape.parts, value)
        case "enum":
            if not any(value == each and type(value) is type(each) for each in shape.values):
                raise _Misfit
            return value
        case "map" | "object":
            if not isinstance(value, dict):
                raise _Misfit
            return _fitted_dict(shape, cast("dict[object, object]", value))
        case "list" | "tuple" | "set" | "frozenset":
            if not isinstance(value, list | tuple):
                raise _Misfit
            return _fitted_items(shape, cast("list[object] | tuple[object, ...]", value))
        case _:
            return _fitted_scalar(shape.kind, value)


def _first(options: Sequence[Shape], value: object) -> object:
    for each in options:
        try:
            return _fitted(each, value)
        except (_Misfit, TypeError, ValueError):
            continue
    raise _Misfit


def _fitted_scalar(kind: Kind, value: object) -> object:
    match kind, value:
        case ("str", str()) | ("null", None) | ("bool", bool()):
            return value
        case ("int" | "float", bool()):
            raise _Misfit
        case ("int", int()) | ("float", int() | float()):
            return value
        case "int", float() if value.is_integer():
            return int(value)
        case _:
            raise _Misfit


def _fitted_items(shape: Shape, values: Sequence[object]) -> object:
    if shape.kind == "tuple" and not shape.open:
        return tuple(_fitted(part, each) for part, each in zip(shape.parts, values, strict=True))
    items = [_fitted(shape.parts[0], each) for each in values]
    match shape.kind:
        case "tuple":
            return tuple(items)
        case "set":
            return set(items)
        case "frozenset":
            return frozenset(items)
        case _:
            return items


def _fitted_dict(shape: Shape, value: Mapping[object, object]) -> object:
    if shape.kind == "map":
        key, held = shape.parts
        return {_key(key, name): _fitted(held, each) for name, each in value.items()}
    known = {entry.name: part for entry, part in zip(shape.entries, shape.parts, strict=True)}
    if not value.keys() <= known.keys():
        raise _Misfit
    if any(entry.required and entry.name not in value for entry in shape.entries):
        raise _Misfit
    return {name: _fitted(known[str(name)], each) for name, each in value.items()}


def _key(shape: Shape, name: object) -> object:
    """A key: JSON has texts alone, and a hint may want whole numbers."""
    if shape.kind == "int" and isinstance(name, str):
        return int(name)
    if shape.kind == "float" and isinstance(name, str):
        return float(name)
    return _fitted(shape, name)
