"""Properties under the judge: right ones hold, and wrong functions are found."""

# Sources are read more easily as they stand.
# ruff: noqa: E501, ISC004

from __future__ import annotations

import re

import pytest

from latm._literals import LiteralCall
from latm_sandbox import Program

pytestmark = pytest.mark.docker

SORT = "def f(words):\n    return sorted(words)\n"
BY_PREFIX = "def f(words):\n    return sorted(words, key=lambda word: word[:2])\n"
AS_SET = "def f(words):\n    return sorted(set(words))\n"
KNOWN = (LiteralCall("f", (["pear", "apple", "fig"],)), LiteralCall("f", (), {"words": ["b", "a"]}))

SORTING = """
from collections import Counter
from hypothesis import given
from hypothesis import strategies as st

words_of = st.lists(st.text("abcd", min_size=1, max_size=4), max_size=8)

@given(words=words_of)
def same_words(words):
    assert Counter(f(words)) == Counter(words)

@given(words_of)
def ordered(words):
    out = f(words)
    assert all(a <= b for a, b in zip(out, out[1:])), out

@given(words_of)
def whatever_the_order(words):
    assert f(words[::-1]) == f(words)
"""

SAME_WORDS = SORTING.partition("@given(words_of)")[0]

CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}
BRACKETS = f"""
def f(text):
    closing = {CLOSING!r}
    stack = []
    for each in text:
        if each in closing:
            stack.append(closing[each])
        elif stack and each == stack[-1]:
            stack.pop()
        else:
            raise ValueError("never balanced: " + text)
    return "".join(reversed(stack))
"""
ROUND_ONLY = 'def f(text):\n    return ")" * (text.count("(") - text.count(")"))\n'
BALANCED = f"""
CLOSING = {CLOSING!r}

def balanced(text):
    stack = []
    for each in text:
        if each in CLOSING:
            stack.append(CLOSING[each])
        elif not stack or stack.pop() != each:
            return False
    return not stack

@given(st.lists(st.sampled_from("([{{<"), min_size=1, max_size=10).map("".join))
def closes(text):
    assert balanced(text + f(text))

@given(st.text("([{{<>}}])", max_size=8))
def closes_or_declines(text):
    try:
        rest = f(text)
    except ValueError:
        assert not balanced(text)
    else:
        assert balanced(text + rest)
"""


def statuses(verdicts):
    return {each.name: each.status for each in verdicts}


def test_right_functions_keep_right_properties(bench):
    verdicts = bench.properties(SORT, SORTING, known=KNOWN, cases=100)
    assert statuses(verdicts) == dict.fromkeys(("same_words", "ordered", "whatever_the_order"), "holds")
    assert [each.cases for each in verdicts] == [100, 100, 100]
    fenced = f"Here they are.\n```python\n{BALANCED}```\n"
    assert statuses(bench.properties(BRACKETS, fenced)) == {"closes": "holds", "closes_or_declines": "holds"}


def test_a_wrong_function_is_shown_by_a_small_call_of_it(bench):
    same, ordered, order = bench.properties(BY_PREFIX, SORTING, known=KNOWN)
    assert same.status == "holds"
    assert (ordered.status, ordered.call) == ("fails", "f(['aaa', 'aa'])")
    assert "`assert all((a <= b" in ordered.detail
    assert "gave ['aaa', 'aa']" in ordered.detail
    assert (order.status, order.call) == ("fails", "f(['aaa', 'aa']); f(['aa', 'aaa'])")
    same, ordered, _ = bench.properties(AS_SET, SORTING, known=KNOWN)
    assert (same.status, same.call, ordered.status) == ("fails", "f(['a', 'a'])", "holds")
    closes, _ = bench.properties(ROUND_ONLY, BALANCED)
    assert closes.status == "fails"
    assert re.fullmatch(r"f\('[\[{<]'\)", closes.call)


def _note_calls(judge, calls):
    """Write down every call that reaches the function's cells."""
    make = judge._tool

    def noting(program, function, declared):
        tool = make(program, function, declared)
        called = tool._called

        async def note(args, kwargs, limits):
            calls.append(repr((args, kwargs)))
            return await called(args, kwargs, limits)

        tool._called = note
        return tool

    judge._tool = noting


def test_the_same_seed_gives_the_same_verdicts_and_another_one_other_cases(bench):
    seen = []
    for seed in (3, 3, 4):
        judge, calls = bench.judge(seed=seed), []
        _note_calls(judge, calls)
        verdicts = bench.portal.call(judge.properties, Program(BY_PREFIX), "f", SORTING, KNOWN)
        seen.append((verdicts, set(calls)))  # two properties are tried at once, so in any order
    assert seen[0] == seen[1]
    assert seen[0][1] != seen[2][1]
    assert statuses(seen[0][0]) == statuses(seen[2][0])


def test_a_relation_that_fails_beyond_the_known_calls_contradicts_nothing(bench):
    twice = "@given(words=st.lists(st.text()))\ndef p(words):\n    assert len(f([*words, *words])) == 2 * len(f(words))\n"
    (verdict,) = bench.properties(AS_SET, twice, known=KNOWN)
    assert verdict.status == "fails"
    assert "f(['pear', 'apple', 'fig', 'pear', 'apple', 'fig'])" in verdict.call


def test_what_contradicts_a_known_answer_is_no_property(bench):
    code = (
        "@given(words=st.lists(st.text()))\ndef longest_first(words):\n    assert f(words)[0] == max(words)\n"
    )
    (verdict,) = bench.properties(SORT, code, known=KNOWN)
    assert verdict.status == "contradicts"
    assert verdict.call == "f(['pear', 'apple', 'fig'])"
    assert "contradicts a known answer" in verdict.detail


def test_known_calls_are_tried_only_where_the_parameters_are_named_alike(bench):
    code = "@given(many=st.lists(st.text('ab'), min_size=2))\ndef longer(many):\n    assert len(f(many)) == len(many)\n"
    assert statuses(bench.properties(SORT, code, known=KNOWN)) == {"longer": "holds"}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def f(words):\n    while len(words) > 2: pass\n    return sorted(words)", "did not end"),
        (
            "def f(words):\n    if len(words) == 3: raise KeyError('three')\n    return sorted(words)",
            "KeyError",
        ),
        ("import os\ndef f(words):\n    if len(words) > 2: os._exit(0)\n    return sorted(words)", "killed"),
        ("def f(words):\n    return sorted(words) if len(words) < 3 else {1: object()}", "unserialisable"),
        # Its values are equal to everything, as long as they do not have to cross.
        (
            "class Yes(list):\n    def __eq__(self, other): return True\n"
            "    def __hash__(self): return 1\n"
            "def f(words):\n    return sorted(words) if len(words) < 3 else Yes()",
            "unserialisable",
        ),
    ],
)
def test_a_function_that_hangs_or_crashes_fails_its_properties(bench, source, problem):
    (verdict,) = bench.properties(source, SAME_WORDS, known=KNOWN[1:])
    assert verdict.status == "fails", verdict
    assert problem in verdict.detail
    assert verdict.call.startswith("f([")


def test_a_value_of_another_kind_than_known_ones_is_the_functions_fault(bench):
    source = "def f(words):\n    return sorted(words) if len(words) < 4 else None\n"
    verdicts = bench.properties(source, SORTING, known=KNOWN)
    assert verdicts[1].status == "fails"
    assert "TypeError" in verdicts[1].detail
    assert "gave None" in verdicts[1].detail


def test_a_declared_error_makes_a_case_invalid_and_an_undeclared_one_a_failure(bench):
    source = "class Empty(ValueError): pass\ndef f(words):\n    if not words: raise Empty('none')\n    return sorted(words)\n"
    code = SAME_WORDS
    assert statuses(bench.properties(source, code, declared=["Empty"])) == {"same_words": "holds"}
    assert statuses(bench.properties(source, code, declared=["ValueError"])) == {"same_words": "holds"}
    for declared in ((), None):
        (verdict,) = bench.properties(source, code, declared=declared)
        assert (verdict.status, verdict.call) == ("fails", "f([])")
    told = source.replace(
        "(words):", "(words):\n    '''Sort.\n\n    Raises:\n        Empty: no words.\n    '''"
    )
    assert statuses(bench.properties(told, code, declared=None)) == {"same_words": "holds"}
    catching = code.replace(
        "    assert", "    try:\n        f([])\n        assert False\n    except Empty: pass\n    assert"
    )
    assert statuses(bench.properties(source, catching, declared=["Empty"])) == {"same_words": "holds"}


def test_what_is_no_property_is_not_tried(bench):
    assert bench.properties(SORT, "def helper(words):\n    assert f(words)\n") == ()
    (verdict,) = bench.properties(SORT, "@given(\ndef p(")
    assert (verdict.status, verdict.detail) == ("broken", "it is no valid Python")
    usage = SORTING + "\nsame_words()\nif __name__ == '__main__':\n    ordered()\n"
    assert set(statuses(bench.properties(SORT, usage)).values()) == {"holds"}
