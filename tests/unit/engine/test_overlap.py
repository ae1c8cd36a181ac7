"""What counts as an example built into a source, and what does not."""

from __future__ import annotations

import pytest

from latm import Example
from latm.maker.strict.overlap import overlap

EXAMPLES = (
    Example("Sort: List: syndrome therefrom", "syndrome therefrom"),
    Example("Sort: List: beta alpha gamma", "alpha beta gamma"),
    Example("Sort: List: zebra yak", "yak zebra"),
    Example("Close: [ [", "] ]"),
)
RIGHT = "def f(words):\n    '''Sort, such as 'syndrome therefrom'.'''\n    return sorted(words)\n"


@pytest.mark.parametrize(
    "source",
    [
        RIGHT,
        "def f(s):\n    return {'[': ']', '(': ')'}[s]\n",
        "PAIRS = ('[]', '()')\ndef f(s):\n    return ' '.join(s)\n",
        "def f(n):\n    return n * 2 if n > 3 else 1.5\n",
        "def f(s):\n    return s.partition('List: ')[2]\n",
        "def f(s):\n    raise ValueError('yak zebra')\n",  # one answer proves nothing
    ],
)
def test_what_is_no_lookup(source):
    assert overlap(source, EXAMPLES).problem is None


@pytest.mark.parametrize(
    "source",
    [
        "def f(q):\n    return {'Sort: List: beta alpha gamma': 1}[q]\n",
        "def f(q):\n    return {'  Sort: List:\\nbeta alpha gamma ': 1}[q]\n",
        "T = {'x': 'prefix Sort: List: zebra yak suffix'}\ndef f(q):\n    return T[q]\n",
        "def f(q):\n    return ['syndrome therefrom', 'alpha beta gamma', 'yak zebra'][q]\n",
        "def f(q):\n    return (['syndrome', 'therefrom'], ['alpha', 'beta', 'gamma'], ('yak', 'zebra'))[q]",
        "def f(q):\n    return b'Sort: List: zebra yak'\n",
    ],
)
def test_what_is_one(source):
    assert overlap(source, EXAMPLES).problem is not None


def test_long_texts_of_an_answer_or_a_question_are_refused_alone():
    example = Example("Who wrote the longest of all these letters?", "Amalia, who wrote it on a Sunday")
    for text in ("wrote the longest of all these", "Amalia, who wrote it on a"):
        assert overlap(f"def f(q):\n    return {text!r}\n", [example]).problem is not None
        assert overlap(f"def f(q):\n    {text!r}\n    return 1\n", [example]).problem is None


def test_short_ones_are_evidence():
    found = overlap("def f(s):\n    return {'[': ']', 'q': 7}[s]\n", EXAMPLES)
    assert found.problem is None
    assert found.evidence == ("[", "]")
