"""What a maker wrote, read by its syntax tree."""

from __future__ import annotations

import re

import pytest

from latm.maker.judge._reading import errors, parameters, read

GIVEN = "@given(st.integers(), b=st.text())\ndef p(a, b):\n    assert f(a)\n"


def test_properties_and_the_parameters_that_are_filled():
    code = (
        GIVEN
        + "@settings(max_examples=3)\n@hypothesis.given(st.text())\ndef q(x, a=1, *, k=2):\n    pass\n"
        + "def no(): pass\n"
    )
    block = read(code, "f")
    assert block.problem == ""
    assert block.properties == {"p": ("b", "a"), "q": ("k",)}


def test_only_what_defines_is_kept():
    block = read(
        "import math\nX = 1\n" + GIVEN + "p()\nif __name__ == '__main__':\n    p()\nfor i in []: pass\n", "f"
    )
    assert block.source.startswith("import math\nX = 1\n")
    assert "p()" not in block.source
    assert "for" not in block.source


def test_what_is_nested_too_deeply_is_not_tried():
    assert read(f"X = {' + '.join(['1'] * 900)}\n{GIVEN}", "f").problem == "it is nested too deeply"


def test_a_whole_reply_is_read_by_its_fences():
    assert read(f"Two:\n```python\n{GIVEN}```\nand\n~~~py\nY = 2\n~~~\n", "f").properties == {"p": ("b", "a")}


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def f(a): return a\n", "defines f anew"),
        ("from random import choice as f\n", "defines f anew"),
        ("f = len\n", "defines f anew"),
        ("def helper(f): pass\n", "defines f anew"),
        ("import numpy as np\n", "imports numpy"),
        ("from hypothesis.stateful import rule\n", "imports hypothesis.stateful"),
        ("from . import secrets\n", r"imports \."),
        ("def helper():\n    import requests\n", "imports requests"),
        ("def helper():\n    async def inner(): pass\n", "asynchronous"),
    ],
)
def test_what_cannot_be_tried_is_said(code, problem):
    assert re.search(problem, read(code + GIVEN, "f").problem)


@pytest.mark.parametrize(
    "code",
    ["from hypothesis import strategies as s\n", "import hypothesis.strategies as s\nimport os.path\n"],
)
def test_the_standard_library_and_hypothesis_may_be_imported(code):
    assert read(code + GIVEN, "f").problem == ""


def test_no_python_is_one_broken_property():
    assert read("@given(", "f").problem == "it is no valid Python"


def test_a_source_says_its_parameters_and_its_errors():
    source = (
        "class A(ValueError): pass\nclass B(A): pass\nclass C: pass\nclass D(dict): pass\nclass E(E): pass\n"
        "def f(a, /, b, *args, c=1, **kw): pass\n"
    )
    assert parameters(source, "f") == ("a", "b", "c")
    assert parameters(source, "g") == parameters("def", "g") == ()
    assert errors(source) == {"A": "ValueError", "B": "ValueError"}
