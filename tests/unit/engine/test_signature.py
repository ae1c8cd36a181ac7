"""A function's signature, read from source alone: its head, its errors, and what it takes."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._literals import LiteralCall
from latm._signature import Signature, contract_of, misfit, signature_of


def read(source: str, name: str = "f") -> Signature:
    found = signature_of(source, name)
    assert found is not None
    return found


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


def test_a_contract_is_head_and_docstring() -> None:
    source = 'def f(a: int) -> int:\n    """Add.\n\n    Much.\n    """\n    return a'
    assert contract_of(source, "f") == "f(a: int) -> int\nAdd.\n\nMuch."
    assert contract_of("def f(a): return a", "f") == "f(a)"


def test_nothing_is_executed() -> None:
    source = "raise SystemExit\n" + "def f(a: print('x') = open('/nowhere')): pass"
    assert re.fullmatch(r"f\(a: print\('x'\) = open\('/nowhere'\)\)", str(read(source)))
