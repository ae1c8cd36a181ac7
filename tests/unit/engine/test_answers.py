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
