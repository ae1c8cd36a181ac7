"""Answer types: which answers are the same, and what is written of them."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction

import pytest

from latm import ConfigError, Example
from latm._answers import AnswerType, answer_type, guess_answer_type

CHOICE = "Which?\nOptions:\n(A) red ball\n(B) blue ball\n(C) ball"
INLINE = "Which? (A) red, (B) blue (C) none"
NUMBERED = "Which?\n1. red\n2. blue"

SAME = [
    ("text", " a  b\n", "a b"),
    ("text", 3, "3"),
    ("text", ["barn", "damp"], "barn damp"),
    ("text", ("a b", 1, True), "a b 1 True"),
    ("text", [], ""),
    ("text:casefold", "Straße", "STRASSE"),
    ("text:casefold", ["A", "b"], "a B"),
    ("number", "1,234", 1234),
    ("number", "1,234,567.50", "1234567.5"),
    ("number", "1'234", "1\u202f234"),
    ("number", 2.50, "2.5"),
    ("number", "1e2", "100"),
    ("number", "100", "1e2"),
    ("number", "0.50", ".5"),
    ("number", -0.0, "0"),
    ("number", "+7", 7),
    ("number", "\u22127", -7),
    ("number", Decimal("3.10"), "3.1"),
    ("number", Fraction(1, 2), "0.5"),
    ("number", Fraction(1, 3), "2/6"),
    ("number", "$1,234.50", 1234.5),
    ("number", "-5 €", "-5"),
    ("number", "-$5", "$-5"),
    ("number", "50%", 50),
    ("number", "nan", "NaN"),
    ("number", math.inf, "Infinity"),
    ("number", [14687], "14687"),
    ("number", "no solution", " no  solution"),
    ("number:0.01", 3.14159, "3.14"),
    ("number:0.01", "1.00", "1.01"),
    ("number:0", 1, "1.0"),
    ("number:1e-9", 0.1 + 0.2, "0.3"),
    ("option", "C", "(C)"),
    ("option", "c)", "(C)"),
    ("option", "[C]", "(C)"),
    ("option", "**C**", "(C)"),
    ("option", "Option C", "(C)"),
    ("option", "The answer is (C).", "(C)"),
    ("option", 3, "(C)"),
    ("option", "3", "(C)"),
    ("option", "#3", "(C)"),
    ("option", "3rd option", "(C)"),
    ("option", "the third one", "(C)"),
    ("option", "option 2", "(B)"),
    ("option", "ball", "(C)"),
    ("option", "'ball'.", "(C)"),
    ("option", "Red Ball", "(A)"),
    ("option", "(B) blue ball", "(B)"),
    ("option", "B: blue ball", "(B)"),
    ("option", ["B"], "(B)"),
    ("list", ["a", "b"], "a, b"),
    ("list", ("a", "b"), "[a; b]"),
    ("list", "['a', \"b\"]", "a\nb"),
    ("list", "a b", "a,b"),
    ("list", ["Smith, J.", "Doe, K."], "Smith, J.; Doe, K."),
    ("list", ['say "hi", ok', "b"], '"say ""hi"", ok", b'),
    ("list", [1, 2.0, Decimal("0.5")], "1, 2, .5"),
    ("list", ["]", "]"], "] ]"),
    ("list", [[1, 2], [3, 4]], "(1, 2), [3,4]"),
    ("list", [], "[]"),
    ("list", "it's, he's", ["it's", "he's"]),
    ("set", {"b", "a"}, "a, b"),
    ("set", ["a", "b", "a"], "b; a"),
    ("set", frozenset({1, 2}), "2, 1.0"),
    ("set", "{c, d}", ["d", "c"]),
    ("time-range", "10:30 - 12:00", "10:30-12:00"),
    ("time-range", "10:30 \u2013 12:00", "10:30 - 12:00"),
    ("time-range", ("10:30", "12:00"), "10:30 - 12:00"),
    ("time-range", [dt.time(9, 30), dt.time(12)], "9:30 - 12:00"),
    ("time-range", "9:05 am to 1 p.m.", "09:05 - 13:00"),
    ("time-range", "11 - 1 pm", "11:00 - 13:00"),
    ("time-range", "9 - 11 pm", "21:00 - 23:00"),
    ("time-range", "10 am - 2", "10:00 - 14:00"),
    ("time-range", "from 12 am until 12 pm", "00:00 - 12:00"),
    ("time-range", "0900 - 1030", "9.00 - 10h30"),
    ("time-range", "no slot", "no  slot"),
]

DIFFERENT = [
    ("text", "A", "a"),
    ("text", ["a", "b"], "b a"),
    ("text", ["a", "b"], "ab"),
    ("text", [["a"], ["b"]], "a b"),
    ("text:casefold", "a b", "ab"),
    ("number", "1", "1.01"),
    ("number", "1,2", "12"),
    ("number", "1,2345", "12345"),
    ("number", "1 234", "1234"),
    ("number", 10**30 + 1, 10**30 + 2),
    ("number", 0.1 + 0.2, "0.3"),
    ("number", "50%", 0.5),
    ("number", "$5", "5 €"),
    ("number", "$5$", "5"),
    ("number", True, "1"),
    ("number", "1/0", "0"),
    ("number", "twelve", "12"),
    ("number", [1, 234], "1234"),
    ("number", "5 apples", "5"),
    ("number:0.01", "1.00", "1.0101"),
    ("number:0.01", "abc", "abd"),
    ("option", 0, "(A)"),
    ("option", 4, "(C)"),
    ("option", -1, "(C)"),
    ("option", True, "(A)"),
    ("option", "green", "(A)"),
    ("option", "(B) red ball", "(A)"),
    ("option", "(B) red ball", "(B)"),
    ("option", "A or B", "(A)"),
    ("option", "4th option", "(C)"),
    ("option", "D", "(C)"),
    ("list", ["b", "a"], "a, b"),
    ("list", ["a", "a"], "a"),
    ("list", ["A"], "a"),
    ("list", ["1", "2"], "1.0, 2.0"),
    ("list", ["a, b"], "a, b"),
    ("list", [[1, 2], [3]], "1, 2, 3"),
    ("list", [True], "1"),
    ("set", {"a"}, "a, b"),
    ("set", "1, 2", "1.0, 2"),
    ("set", {"a", "b", "c"}, "a, b"),
    ("time-range", "10:30 - 12:00", "10:30 - 12:30"),
    ("time-range", "10:30", "10:30 - 12:00"),
    ("time-range", ("12:00", "10:30"), "10:30 - 12:00"),
    ("time-range", "1:00 - 2:00", "13:00 - 14:00"),
    ("time-range", "10:61 - 12:00", "11:01 - 12:00"),
    ("time-range", "13 pm - 14 pm", "13:00 - 14:00"),
    ("time-range", (10, 12), "10:00 - 12:00"),
    ("time-range", "24:30 - 12:00", "00:30 - 12:00"),
    ("time-range", (dt.time(10, tzinfo=dt.UTC), dt.time(12)), "10:00 - 12:00"),
]


@pytest.mark.parametrize(("kind", "value", "expected"), SAME)
def test_answers_that_are_the_same(kind: str, value: object, expected: object) -> None:
    assert answer_type(kind).same(value, expected, CHOICE)
    assert answer_type(kind).same(expected, value, CHOICE)


@pytest.mark.parametrize(("kind", "value", "expected"), DIFFERENT)
def test_answers_that_are_not(kind: str, value: object, expected: object) -> None:
    assert not answer_type(kind).same(value, expected, CHOICE)
    assert not answer_type(kind).same(expected, value, CHOICE)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("text", ["b", "a"], "b a"),
        ("text:casefold", "A  b", "A b"),
        ("number", "$1,234.50", "1234.5"),
        ("number", Fraction(1, 3), "1/3"),
        ("number", Fraction(1, 8), "0.125"),
        ("number", 1e22, "1" + 22 * "0"),
        ("number:0.1", 3.14159, "3.14159"),
        ("option", "ball", "(C)"),
        ("list", ["b", 1.0], "b, 1"),
        ("list", ["a, b", "c"], '"a, b", c'),
        ("list", ["a b"], '"a b"'),
        ("list", [[1, 2]], "((1, 2))"),
        ("set", {"b", "a", 10, 9}, "9, 10, a, b"),
        ("time-range", ("9:00", "9:30 am"), "09:00 - 09:30"),
        ("time-range", (dt.time(22, 0, 5), "24:00"), "22:00:05 - 24:00"),
    ],
)
def test_what_is_written(kind: str, value: object, text: str) -> None:
    assert answer_type(kind).render(value, CHOICE) == text


@pytest.mark.parametrize(
    ("question", "value", "text"),
    [
        (INLINE, "blue", "(B)"),
        (INLINE, 3, "(C)"),
        (NUMBERED, "blue", "(2)"),
        (NUMBERED, 1, "(1)"),
        ("How many?\n(A) 2\n(B) 1\n(C) A", 1, "(B)"),
        ("How many?\n(A) 2\n(B) 1\n(C) A", "A", "(C)"),
        ("How many?\n(A) (B)\n(B) (A)", "(A)", "(A)"),
        ("Which letter?", "c", "(C)"),
        ("Which letter?", "c) ball", "c) ball"),
        ("Which?\n0) red\n1) blue", 1, "(1)"),
    ],
)
def test_an_option_is_read_by_its_question(question: str, value: object, text: str) -> None:
    assert answer_type("option").render(value, question) == text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("numbr", "Did you mean 'number'"),
        ("time_range", "Did you mean 'time-range'"),
        ("text:upper", "text:casefold"),
        ("number:-1", "number:0.01"),
        ("number:nan", "number:0.01"),
        ("number:", "number:0.01"),
        ("number:1e999999999", "number:0.01"),
        ("list:x", "Write 'list' alone"),
    ],
)
def test_an_unknown_answer_type_is_named(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        answer_type(name)


@pytest.mark.parametrize(
    ("examples", "kind"),
    [
        ([Example(CHOICE, "(A)"), Example(CHOICE, "(B)")], "option"),
        ([Example(CHOICE, "(A)"), Example(CHOICE, "red")], "text"),
        ([Example("How many?", "14687"), Example("How many?", "-2.5")], "number"),
        ([Example("Which agent?", "007")], "text"),
        ([Example("How much?", "1e3")], "text"),
        ([Example("Which letter?", "A")], "text"),
        ([Example("How much?", "9" * 5000)], "text"),
        ([Example("When?", "10:30 - 12:00"), Example("When?", "09:00 - 09:30")], "time-range"),
        ([Example("When?", "10:30 - 12:00"), Example("When?", "9:00 - 9:30")], "text"),
        ([Example("Which?", "apple, pear"), Example("Which?", "fig, green plum, kiwi")], "list"),
        ([Example("Which?", "apple,pear")], "text"),
        ([Example("Sort.", "apple pear")], "text"),
        ([Example("Where?", "It is in Paris, which is the capital")], "text"),
        ([Example("Where?", "Yes, here.")], "text"),
        ([Example("Which?", "pear"), Example("Which?", "apple, pear")], "text"),
        ([], "text"),
    ],
)
def test_a_guess_changes_no_answer(examples: list[Example], kind: str) -> None:
    assert guess_answer_type(examples) == kind


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("text", 10**5000, "digits"),
        ("number", "1e9999999", "digits"),
        ("number", 10**5000, "digits"),
        ("number", "9" * 10_000, "digits"),
        ("number", Fraction(1, 2**5000), "digits"),
        ("option", 10**5000, "digits"),
        ("list", [10**5000], "digits"),
        ("text", None, "None is no answer"),
        ("number", None, "None is no answer"),
        ("list", None, "None is no answer"),
        ("time-range", None, "None is no answer"),
        ("text", {"a", "b"}, "no order"),
        ("list", {"a", "b"}, "no order"),
        ("list", {"a": 1}, "no list"),
        ("set", {"a": 1}, "no list"),
        ("list", [{"a": 1}], "item is a dict"),
    ],
    ids=lambda each: each if isinstance(each, str) and len(each) < 20 else "value",
)
def test_what_cannot_be_written_says_so(kind: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        answer_type(kind).render(value, CHOICE)
    with pytest.raises(ValueError, match=said):
        answer_type(kind).same(value, "a", CHOICE)


def test_lists_within_lists_have_a_bound() -> None:
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    with pytest.raises(ValueError, match="inside each other"):
        answer_type("list").render(deep, "")
    assert answer_type("list").render("[" * 5000 + "," + "]" * 5000, "")
    assert answer_type("list").same("[" * 5000, "[" * 5000, "")


def test_a_callers_comparison_decides() -> None:
    asked: list[tuple[object, str, str]] = []

    def same(value: object, expected: str, question: str) -> bool:
        asked.append((value, expected, question))
        return isinstance(value, list) and len(value) == int(expected)

    kind = AnswerType.of("caller", same)
    assert kind.same(["x", "y"], "2", "How many?")
    assert not kind.same(["x", "y"], 3, "How many?")
    assert asked == [(["x", "y"], "2", "How many?"), (["x", "y"], "3", "How many?")]
    assert kind.render(["x", "y"], "How many?") == "x y"
    assert answer_type(kind.name).render(["x", "y"], "How many?") == "x y"
    with pytest.raises(ValueError, match="the comparison raised ValueError: invalid literal"):
        kind.same(["x"], "two", "How many?")
