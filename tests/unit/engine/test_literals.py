"""Literal calls: what is one, what is none and why, and that a call says itself again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._literals import LiteralCall, Unreadable, read_call, read_calls

SORT = ("sort",)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
names = st.sampled_from(["a", "b", "key", "reverse"])
calls = st.builds(
    LiteralCall,
    st.just("sort"),
    st.lists(values, max_size=3).map(tuple),
    st.dictionaries(names, values, max_size=2),
    st.lists(st.integers() | st.text(), max_size=2).map(tuple),
)


@given(calls)
def test_a_call_that_was_written_is_read_as_it_was(call):
    assert read_call(str(call), SORT) == call
    assert read_calls(f"Here:\n```python\n{call}\n{call}\n```", SORT, 2) == (call, call)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("sort(['b', 'a'])  # the words", LiteralCall("sort", (["b", "a"],))),
        ("ret = sort({1, 2}, key=None)", LiteralCall("sort", ({1, 2},), {"key": None})),
        ("sort(-1, +2.5, 1+2j)", LiteralCall("sort", (-1, 2.5, 1 + 2j))),
        ("sort(\n  'a'\n  'b',\n)", LiteralCall("sort", ("ab",))),
        ("sort()['x'][-1]", LiteralCall("sort", (), {}, ("x", -1))),
        ("  sort(1)\n", LiteralCall("sort", (1,))),
    ],
)
def test_what_is_a_call(text, call):
    assert read_call(text, SORT) == call


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there are 0"),
        ("sort(1)\nsort(2)", "there are 2"),
        ("sort(", "no valid Python: .*line 1"),
        ("other(1)", "other is not the function to call: that is sort"),
        ("sort", "sort is no call"),
        ("sort(1).strip()", "is no call"),
        ("x.sort(1)", "is no call"),
        ("print(sort(1))", "print is not the function"),
        ("import os", "import os is no call"),
        ("sort(words)", "argument 1 of sort is no literal: words"),
        ("sort('a b'.split())", "argument 1 of sort is no literal"),
        ("sort(f'a')", "argument 1 of sort is a formatted text"),
        ("sort(1 + 1)", "argument 1 of sort is no literal"),
        ("sort([open('x')])", "no literal"),
        ("sort(*[1])", "argument 1 of sort is starred"),
        ("sort(**{'a': 1})", "starred"),
        ("sort(a=lambda: 1)", "the argument a of sort is no literal"),
        ("sort(1)[i]", "the subscript is no literal"),
        ("sort(1)[1:2]", "the subscript is no literal"),
        ("sort(...)", "argument 1 of sort is left out"),
        ("sort([1, 1e999])", "argument 1 of sort is a number too large"),
        ("sort(a=0x" + "f" * 5000 + ")", "the argument a of sort is a number too large"),
        ("sort({[]: 1})", "no literal"),
        ("assert sort(1) == 2", "is no call"),
        ("sort = 1", "is no call"),
        ("a = b = sort(1)", "is no call"),
        ("sort(" + "[" * 5000 + "]" * 5000 + ")", "no valid Python|no literal"),
        ("sort(" + "-" * 100_000 + "1)", "no valid Python|no literal"),
        ("#" * (1 << 21), "longer than"),
        ("sort('\0')", "no valid Python"),
    ],
)
def test_what_is_none_says_why(text, said):
    with pytest.raises(Unreadable, match=said):
        read_call(text, SORT)


def test_as_many_calls_as_questions():
    with pytest.raises(Unreadable, match="2 calls for 3 questions"):
        read_calls("```python\nsort(1)\nsort(2)\n```", SORT, 3)
    with pytest.raises(Unreadable, match="no fenced Python block"):
        read_calls("Please call sort(1).", SORT, 1)
    two = read_calls("```python\nsort(1)\n```\nand\n```py\nret2 = sort(2)\n```", SORT, 2)
    assert [call.args for call in two] == [(1,), (2,)]


def test_subscripts_choose_of_the_value():
    assert LiteralCall("f", picks=("x", 0)).pick({"x": [7, 8]}) == 7
    for picks, value in ((("y",), {"x": 1}), ((0,), 3), ((3,), [1]), (("a",), [1]), (([],), {})):
        with pytest.raises(Unreadable, match="its value has no"):
            LiteralCall("f", picks=picks).pick(value)
