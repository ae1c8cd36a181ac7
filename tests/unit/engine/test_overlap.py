"""What counts as an example built into a source, and what does not."""

from __future__ import annotations

import pytest

from latm import Example
from latm.maker.strict.overlap import overlap

EXAMPLES = (
    Example("Sort: List: syndrome therefrom", "syndrome therefrom"),
    Example("Sort: List: beta alpha gamma", "alpha beta gamma"),
    Example("Sort: List: zulu zebra yak", "yak zebra zulu"),
    Example("Close: [ [", "] ]"),
)
WORDS = (["syndrome", "therefrom"], ["alpha", "beta", "gamma"], ("yak", "zebra", "zulu"))
RIGHT = "def f(words):\n    '''Sort, such as 'syndrome therefrom'.'''\n    return sorted(words)\n"


@pytest.mark.parametrize(
    "source",
    [
        RIGHT,
        "def f(s):\n    return {'[': ']', '(': ')'}[s]\n",
        "PAIRS = ('[]', '()')\ndef f(s):\n    return ' '.join(s)\n",
        "def f(n):\n    return n * 2 if n > 3 else 1.5\n",
        "def f(s):\n    return s.partition('List: ')[2]\n",
        "def f(s):\n    raise ValueError('alpha beta gamma')\n",  # one answer proves nothing
    ],
)
def test_what_is_no_lookup(source):
    assert overlap(source, EXAMPLES).problem is None


@pytest.mark.parametrize(
    "source",
    [
        "def f(q):\n    return {'Sort: List: beta alpha gamma': 1}[q]\n",
        "def f(q):\n    return {'  Sort: List:\\nbeta alpha gamma ': 1}[q]\n",
        "T = {'x': 'prefix Sort: List: zulu zebra yak suffix'}\ndef f(q):\n    return T[q]\n",
        "def f(q):\n    return ['syndrome therefrom', 'alpha beta gamma', 'yak zebra zulu'][q]\n",
        f"def f(q):\n    return {WORDS!r}[q]\n",
        "def f(q):\n    return b'Sort: List: zulu zebra yak'\n",
    ],
)
def test_what_is_one(source):
    assert overlap(source, EXAMPLES).problem is not None


def test_a_long_text_of_one_example_is_refused_alone():
    long = Example("Who wrote the longest of all these letters?", "Amalia, who wrote it on a Sunday")
    known = [long, *EXAMPLES]
    for text in ("wrote the longest of all these", "Amalia, who wrote it on a"):
        assert overlap(f"def f(q):\n    return {text!r}\n", known).problem is not None
        assert overlap(f"def f(q):\n    {text!r}\n    return 1\n", known).problem is None


LABELS = [Example(f"Is argument {n} sound?", "deductively valid" if n % 2 else "invalid") for n in range(6)]
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@pytest.mark.parametrize(
    ("examples", "source"),
    [
        (LABELS, "def f(s):\n    return 'deductively valid' if s else 'invalid'\n"),
        (
            [Example(f"{n} days on?", day) for n, day in enumerate(DAYS)],
            f"def f(n):\n    return {DAYS!r}[n]\n",
        ),
        (
            [Example(f"When, for {n}?", f"The meeting can be held at {n}:30") for n in range(6)],
            "def f(n):\n    return f'The meeting can be held at {n}:30'\n",
        ),
        (
            [Example(f"The capital of {n}?", f"the city called {n}") for n in "abc"],
            "def f(n):\n    return {c: 'the city called ' + c for c in 'abc'}[n]\n",
        ),
        (
            [Example(f"The capital of {n}?", f"the city called {n}") for n in "abc"],
            f"T = { {n: f'the city called {n}' for n in 'abcdefghijkl'}!r}\ndef f(n):\n    return T[n]\n",
        ),
        ([Example("", "1"), *EXAMPLES], RIGHT),
    ],
    ids=["labels", "days", "wording", "made of parts", "knowledge", "no question"],
)
def test_a_right_function_may_hold_what_its_answers_are_made_of(examples, source):
    assert overlap(source, examples).problem is None


HANDS = ("three of a kind", "four of a kind", "straight flush", "full house", "two pairs of it")


def test_answers_that_nobody_told_make_a_table_one_of_labels():
    known = [Example(f"What is hand number {n} of this?", hand) for n, hand in enumerate(HANDS)]
    source = f"def f(n):\n    return {HANDS!r}[n]\n"
    assert overlap(source, known, told=3).problem is None
    assert overlap(source, known).problem is not None
    assert overlap(f"def f(n):\n    return {HANDS[:3]!r}[n]\n", known, told=3).problem is not None


def test_a_question_of_one_word_may_be_a_literal():
    known = [Example(day, "yes") for day in DAYS]
    assert overlap(f"def f(day):\n    return 'yes' if day in {DAYS!r} else 'no'\n", known).problem is None


def test_short_ones_are_evidence():
    found = overlap("def f(s):\n    return {'[': ']', 'q': 7}[s]\n", EXAMPLES)
    assert found.problem is None
    assert found.evidence == ("[", "]")
