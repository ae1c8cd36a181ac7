"""Hints as JSON Schema, and JSON as what a hint says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._literals import Unreadable
from latm._signature import json_schema, to_call
from unit.engine.test_signature import read

TYPES = """
import typing as t
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NewType, NotRequired, Required, TypeAlias, TypedDict

Pair = tuple[str, str]
Table: TypeAlias = "dict[str, list[Pair]]"
Name = NewType("Name", str)
Tree = list["Tree"]
Options = TypedDict("Options", {"in": int, "out": NotRequired[str]})
Odd = TypedDict("Odd", {"größe": int})


class Point(TypedDict):
    x: int
    y: NotRequired[float]


class Far(Point, total=False):
    z: float
    name: Required[str]


@dataclass(frozen=True)
class Box:
    label: str
    size: int = 1
    tags: list[str] = field(default_factory=list)
    hidden: int = field(init=False, default=0)
    known: ClassVar[int] = 3


class Other:
    x: int
"""


def schema(hint: str, types: str = TYPES) -> Any:
    made = json_schema(read(f"{types}\ndef f(a: {hint}): pass\n"))
    assert made is not None
    return made["properties"]["a"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("hint", "wanted"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("None", {"type": "null"}),
        ("list", {"type": "array", "items": {}}),
        ("list[str]", {"type": "array", "items": {"type": "string"}}),
        ("t.Sequence[int]", {"type": "array", "items": {"type": "integer"}}),
        ("t.Iterable['int']", {"type": "array", "items": {"type": "integer"}}),
        ("set[int]", {"type": "array", "items": {"type": "integer"}}),
        ("tuple", {"type": "array", "items": {}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        ("tuple[()]", {"type": "array", "items": {}, "minItems": 0, "maxItems": 0}),
        ("Pair", {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}),
        (
            "tuple[int, str]",
            {
                "type": "array",
                "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        ("dict", {"type": "object"}),
        ("dict[str, Any]", {"type": "object"}),
        ("t.Mapping[str, int]", {"type": "object", "additionalProperties": {"type": "integer"}}),
        ("Literal['a', 'b']", {"type": "string", "enum": ["a", "b"]}),
        ("t.Literal[1, 2]", {"type": "integer", "enum": [1, 2]}),
        ("Literal['a', None]", {"enum": ["a", None]}),
        ("Literal[b'a']", {}),
        ("int | None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("t.Optional[int]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("t.Union[int, str, int]", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (
            "'int | list[str]'",
            {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "string"}}]},
        ),
        ("t.Annotated[int, 'metres']", {"type": "integer"}),
        ("Name", {"type": "string"}),
        ("int | Any", {}),
        ("Any", {}),
        ("object", {}),
        ("Other", {}),
        ("Callable[[int], int]", {}),
        ("list[Other]", {"type": "array", "items": {}}),
        ("Tree", {"type": "array", "items": {}}),
        ("Odd", {"type": "object"}),
        ("Decimal", {}),
        ("(lambda: 1)", {}),
        ("Final[()]", {}),
        ("t.Annotated[()]", {}),
        ("t.Union[()]", {}),
        ("Literal[()]", {}),
    ],
)
def test_the_schema_of_a_hint(hint: str, wanted: object) -> None:
    assert schema(hint) == wanted


@pytest.mark.parametrize(
    ("hint", "names", "required"),
    [
        ("Point", ["x", "y"], ["x"]),
        ("Far", ["x", "y", "z", "name"], ["x", "name"]),
        ("Box", ["label", "size", "tags"], ["label"]),
        ("Options", ["in", "out"], ["in"]),
    ],
)
def test_types_of_the_source_are_objects(hint: str, names: list[str], required: list[str]) -> None:
    found = schema(hint)
    assert found["type"] == "object"
    assert list(found["properties"]) == names
    assert found["required"] == required
    assert found["additionalProperties"] is False


def test_the_schema_of_a_function() -> None:
    made = json_schema(read("def f(a, b: int = 3, *, c: str): pass"))
    assert made == {
        "type": "object",
        "properties": {"a": {}, "b": {"type": "integer"}, "c": {"type": "string"}},
        "required": ["a", "c"],
        "additionalProperties": False,
    }
    assert json_schema(read("def f(): pass")) == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "code",
    [
        "def f(a, /): pass",
        "def f(*args): pass",
        "def f(**kwargs): pass",
        "async def f(a): pass",
        "def f(größe): pass",
        f"def f({'a' * 65}): pass",
    ],
)
def test_what_cannot_be_called_natively_has_no_schema(code: str) -> None:
    assert json_schema(read(code)) is None


KEYWORDS = {"type", "enum", "anyOf", "items", "minItems", "maxItems"} | {
    "properties",
    "required",
    "additionalProperties",
}


def allowed(node: object) -> None:
    """What the services take: known words, and ``items`` in every array."""
    assert isinstance(node, dict)
    assert node.keys() <= KEYWORDS
    kind = node.get("type")
    assert kind in {None, "string", "integer", "number", "boolean", "null", "array", "object"}
    assert (kind == "array") == ("items" in node)
    for each in (*node.get("anyOf", ()), *node.get("properties", {}).values()):
        allowed(each)
    if kind == "array":
        allowed(node["items"])
    if isinstance(node.get("additionalProperties"), dict):
        allowed(node["additionalProperties"])
    assert set(node.get("required", ())) <= set(node.get("properties", {}))


plain_hints = st.sampled_from(
    ["str", "int", "float", "bool", "None", "Literal['a', 1]", "Pair", "Far", "Any"]
)
hints = st.recursive(
    plain_hints,
    lambda inner: (
        inner.map("list[{}]".format)
        | inner.map("set[{}]".format)
        | inner.map("dict[str, {}]".format)
        | inner.map("dict[int, {}]".format)
        | inner.map("tuple[{}, ...]".format)
        | st.tuples(inner, inner).map(lambda two: f"tuple[{two[0]}, {two[1]}]")
        | st.tuples(inner, inner).map(lambda two: f"{two[0]} | {two[1]}")
        | inner.map("Optional[{}]".format)
    ),
    max_leaves=6,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.sampled_from(["a", "1", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("1xyz"), inner, max_size=3),
    max_leaves=6,
)


@given(hints)
def test_every_schema_is_one_that_services_take(hint: str) -> None:
    made = json_schema(read(f"{TYPES}\ndef f(a: {hint}, b: int = 1): pass\n"))
    allowed(made)
    json.dumps(made)


@given(hints, json_values)
def test_any_argument_makes_a_call_that_says_the_same(hint: str, value: object) -> None:
    call = to_call(read(f"{TYPES}\ndef f(a: {hint}): pass\n"), {"a": value})

    def same(made: object, given: object) -> bool:
        match made, given:
            case ((set() | tuple() | list()), list()):
                if isinstance(made, set):
                    return made == set(map(_hashable, given))
                return len(made) == len(given) and all(map(same, made, given))
            case dict(), dict():
                keys = {float(key) if isinstance(key, int) else key: key for key in made}
                return all(
                    same(made[key if key in made else keys[float(key)]], each) for key, each in given.items()
                )
            case _:
                return made == given

    def _hashable(item: object) -> object:
        return tuple(map(_hashable, item)) if isinstance(item, list) else item

    assert same(call.kwargs["a"], value) or "set" in hint


@pytest.mark.parametrize(
    ("hint", "value", "made"),
    [
        ("set[int]", [1, 1, 2], {1, 2}),
        ("list[Pair]", [["a", "b"]], [("a", "b")]),
        ("tuple[int, ...]", [1.0, 2], (1, 2)),
        ("dict[int, set[str]]", {"1": ["a"]}, {1: {"a"}}),
        ("dict[float, int]", {"1.5": 2}, {1.5: 2}),
        ("int | set[int]", [1], {1}),
        ("Pair | list[str]", ["a", "b", "c"], ["a", "b", "c"]),
        ("Optional[Pair]", None, None),
        ("Point", {"x": 1.0}, {"x": 1}),
        ("int", "no", "no"),
        ("int", True, True),
        ("Pair", ["a"], ["a"]),
        ("set[list[int]]", [[1]], [[1]]),
        ("float", 3, 3),
    ],
)
def test_json_becomes_what_the_hint_says(hint: str, value: object, made: object) -> None:
    found = to_call(read(f"{TYPES}\ndef f(a: {hint}): pass\n"), {"a": value}).kwargs["a"]
    assert found == made
    assert type(found) is type(made)


def test_arguments_that_the_function_does_not_take() -> None:
    with pytest.raises(Unreadable, match=r"f has no argument b: it is f\(a\)"):
        to_call(read("def f(a): pass"), {"a": 1, "b": 2})
    with pytest.raises(Unreadable, match="the argument a of f is missing"):
        to_call(read("def f(a, b=1): pass"), {"b": 2})


def test_types_that_name_each_other_over_and_over_have_a_bound() -> None:
    lines = ["class T0(TypedDict):\n    x: int"]
    for n in range(1, 40):
        lines += [f"class T{n}(TypedDict):", *(f"    a{m}: T{n - 1}" for m in range(9))]
    found = json_schema(read("\n".join([*lines, "def f(a: T39): pass"])))
    assert len(json.dumps(found)) < 1_000_000
