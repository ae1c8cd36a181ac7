"""A function's signature, read from source alone: its head, its errors, its JSON Schema, and calls of it."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._literals import LiteralCall, Unreadable
from latm._signature import Signature, contract_of, json_schema, misfit, signature_of, to_call

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


def read(source: str, name: str = "f") -> Signature:
    found = signature_of(source, name)
    assert found is not None
    return found


def schema(hint: str, types: str = TYPES) -> Any:
    made = json_schema(read(f"{types}\ndef f(a: {hint}): pass\n"))
    assert made is not None
    return made["properties"]["a"]  # type: ignore[index]


@pytest.mark.parametrize(
    "head",
    [
        "f()",
        "f(a)",
        "f(a, b=1)",
        "f(a: int, b: str = 'x') -> list[str]",
        "f(a, /, b)",
        "f(a, /)",
        "f(a, /, *, b)",
        "f(*, a: int)",
        "f(a, *args: int, b, **kwargs)",
        "f(*args)",
        "f(a, b=(1, 2), *, c=None, **k)",
    ],
)
def test_a_head_is_written_as_it_was(head: str) -> None:
    code = head.replace("f(", "def f(", 1)
    assert str(read(f"{code}: pass")) == head


@given(st.data())
def test_a_head_parses_to_the_same_arguments(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 4))
    names = [f"p{n}" for n in range(count)]
    cut, bare = data.draw(st.integers(0, count)), data.draw(st.booleans())
    parts = [*names[:cut], *(["*args" if bare else "*"] if count > cut or bare else []), *names[cut:]]
    slash = data.draw(st.integers(0, cut))
    if slash:
        parts.insert(slash, "/")
    source = f"def f({', '.join(parts)}): pass"
    again = f"def {read(source)}: pass"
    assert ast.dump(ast.parse(again)) == ast.dump(ast.parse(source))


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


parameters = st.sampled_from(
    ["", "a", "a, b=1", "*, a", "a, *, b=1", "a, /", "a=1, /, *, b", "*args", "a, **k", "*args, a"]
)


@given(
    parameters,
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(), max_size=2),
)
def test_what_fits_is_what_python_would_take(head: str, args: list[int], kwargs: dict[str, int]) -> None:
    names: dict[str, Any] = {}
    exec(f"def f({head}): pass", names)
    try:
        names["f"](*args, **kwargs)
    except TypeError:
        fits = False
    else:
        fits = True
    assert (misfit(read(f"def f({head}): pass"), LiteralCall("f", tuple(args), kwargs)) is None) is fits


@pytest.mark.parametrize(
    ("docstring", "declared"),
    [
        ("Do.\n\n    Raises:\n        Unknown: never.\n        errors.Other: or so.", ("Unknown", "Other")),
        (
            "Do.\n\n    Raises:\n        Unknown: a\n          Story: so.\n\n    Returns:\n      X",
            ("Unknown",),
        ),
        ("Do.\n\n    Raises\n    ------\n    Unknown\n        Never.\n    Other\n", ("Unknown", "Other")),
        (
            "Do.\n\n    Raises\n    ------\n    Unknown : when\n\n    Notes\n    -----\n    Never\n",
            ("Unknown",),
        ),
        ("Do.\n\n    Raises:\n        Unknown: never.\n\n        Other: or so.", ("Unknown", "Other")),
        ("Do.\n\n    Raises:", ()),
        ("Do.\n\n    :raises Unknown: never.\n    :raise Other: or so.", ("Unknown", "Other")),
        ("Do.\n\n    Raises: nothing at all.", ()),
        ("Raises the bar.", ()),
        ("Do.\n\n    Raises:\n        SystemExit: at once.", ()),
        ("Do.\n\n    Args:\n        Raises: an odd argument.", ()),
    ],
)
def test_errors_that_a_docstring_declares(docstring: str, declared: tuple[str, ...]) -> None:
    assert read(f'def f():\n    """{docstring}\n    """\n').declared == declared


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        ("raise ValueError('x')", ("ValueError",)),
        ("raise KeyError", ("KeyError",)),
        ("raise Mine(1) from None", ("Mine",)),
        ("raise errors.Bad('x')", ("Bad",)),
        ("raise Imported()", ("Imported",)),
        ("raise error", ()),
        ("raise make()", ()),
        ("raise", ()),
        ("raise SystemExit(0)", ()),
        ("raise BaseException", ()),
        ("assert False", ()),
        ("raise ValueError\n    raise ValueError", ("ValueError",)),
    ],
)
def test_errors_that_a_source_raises(body: str, declared: tuple[str, ...]) -> None:
    source = f"from x import Imported\nclass Mine(Exception): pass\ndef g(): pass\ndef f():\n    {body}\n"
    assert read(source).declared == declared


def test_a_helper_raises_for_the_function() -> None:
    assert read("def g():\n    raise LookupError\ndef f():\n    g()\n").declared == ("LookupError",)


@pytest.mark.parametrize(
    ("source", "head"),
    [
        ("def f(a): pass\ndef f(b): pass", "f(b)"),
        ("if True:\n    def f(a): pass\nelse:\n    def f(b): pass", "f(b)"),
        ("try:\n    import x\nexcept ImportError:\n    pass\ndef f(a): pass", "f(a)"),
        ("class C:\n    def f(self): pass\ndef f(a): pass", "f(a)"),
    ],
)
def test_which_function_is_meant(source: str, head: str) -> None:
    assert str(read(source)) == head


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def g(): pass",
        "def f(",
        "f = lambda: 1",
        "class f: pass",
        "def g():\n    def f(): pass",
        "def f(a=" + "+".join("1" * 5000) + "): pass",
        "def f(a: " + "list[" * 60 + "int" + "]" * 60 + "=" + "-" * 3000 + "1): pass",
        "\0",
    ],
    ids=range(9),
)
def test_a_source_without_the_function_has_no_signature(source: str) -> None:
    assert signature_of(source, "f") is None
    assert contract_of(source, "f") == "f"


def test_types_that_name_each_other_over_and_over_have_a_bound() -> None:
    lines = ["class T0(TypedDict):\n    x: int"]
    for n in range(1, 40):
        lines += [f"class T{n}(TypedDict):", *(f"    a{m}: T{n - 1}" for m in range(9))]
    found = json_schema(read("\n".join([*lines, "def f(a: T39): pass"])))
    assert len(json.dumps(found)) < 1_000_000


def test_a_contract_is_head_and_docstring() -> None:
    source = 'def f(a: int) -> int:\n    """Add.\n\n    Much.\n    """\n    return a'
    assert contract_of(source, "f") == "f(a: int) -> int\nAdd.\n\nMuch."
    assert contract_of("def f(a): return a", "f") == "f(a)"


def test_nothing_is_executed() -> None:
    source = "raise SystemExit\n" + "def f(a: print('x') = open('/nowhere')): pass"
    assert re.fullmatch(r"f\(a: print\('x'\) = open\('/nowhere'\)\)", str(read(source)))
