from __future__ import annotations

import pytest

from latm import ConfigError, Example
from latm._answers import answer_type, guess_answer_type

CHOICE = "Which?\nOptions:\n(A) red ball\n(B) blue ball\n(C) ball"


@pytest.mark.parametrize(
    ("kind", "value", "expected", "same"),
    [
        ("text", " a  b\n", "a b", True),
        ("text", "A", "a", False),
        ("text", 3, "3", True),
        ("number", "1,234", 1234, True),
        ("number", 2.50, "2.5", True),
        ("number", "1e2", "100", True),
        ("number", -0.0, "0", True),
        ("number", "1", "1.01", False),
        ("number", "nan", "nan", True),
        ("number", 10**30 + 1, 10**30 + 2, False),
        ("number", "100", "1e2", True),
        ("number", "0.50", ".5", True),
        ("option", "C", "(C)", True),
        ("option", "c)", "(C)", True),
        ("option", 3, "(C)", True),
        ("option", "ball", "(C)", True),
        ("option", "(B) blue ball", "(B)", True),
        ("option", "Red Ball", "(A)", True),
        ("option", 0, "(A)", False),
        ("option", 4, "(C)", False),
        ("option", True, "(A)", False),
        ("option", "green", "(A)", False),
    ],
)
def test_when_answers_are_the_same(kind: str, value: object, expected: object, same: bool) -> None:
    assert answer_type(kind).same(value, expected, CHOICE) is same


def test_an_unknown_answer_type_is_named() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'number'"):
        answer_type("numbr")


@pytest.mark.parametrize(
    ("examples", "kind"),
    [
        ([Example(CHOICE, "(A)"), Example(CHOICE, "(B)")], "option"),
        ([Example(CHOICE, "(A)"), Example(CHOICE, "red")], "text"),
        ([Example("How many?", "14687"), Example("How many?", "-2.5")], "number"),
        ([Example("Which agent?", "007")], "text"),
        ([Example("How much?", "1e3")], "text"),
        ([Example("Which letter?", "A")], "text"),
        ([], "text"),
    ],
)
def test_a_guess_changes_no_answer(examples: list[Example], kind: str) -> None:
    assert guess_answer_type(examples) == kind


@pytest.mark.parametrize(
    ("kind", "value"),
    [("text", 10**5000), ("number", "1e9999999"), ("number", 10**5000), ("option", 10**5000)],
    ids=["text", "exponent", "number", "option"],
)
def test_what_cannot_be_written_says_so(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match="digits"):
        answer_type(kind).render(value, CHOICE)


def test_what_an_option_says_comes_before_its_place() -> None:
    question = "How many?\n(A) 2\n(B) 1\n(C) A"
    assert answer_type("option").render(1, question) == "(B)"
    assert answer_type("option").render("A", question) == "(C)"
