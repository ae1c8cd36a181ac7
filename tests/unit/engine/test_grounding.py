"""What of a call is found in its question, what is a term of the tool, and what is refused."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence

import pytest

from latm import Demonstration, Provenance, Tool
from latm._literals import LiteralCall, read_call
from latm._records import Check
from latm.plugin import Usage
from latm.user._grounding import ungrounded

PROVENANCE = Provenance(
    protocol="strict",
    maker="fake:maker",
    run="make-1",
    examples_sha256="",
    source_sha256="",
    usage=Usage(),
    cost_usd=None,
    seconds=0.0,
    created="2026-11-01T00:00:00+00:00",
)
ANY = "def f(*args, **kwargs): pass\n"


def tool(source: str = ANY, known: Sequence[tuple[str, str]] = ()) -> Tool:
    return Tool(
        name="t",
        version=1,
        source=source,
        function="f",
        demonstrations=tuple(Demonstration(question, call) for question, call in known),
        call_style="call",
        provenance=PROVENANCE,
    )


def problem(question: str, call: str, made: Tool | None = None) -> str | None:
    return ungrounded(made or tool(), read_call(call, ("f",)), question)


FOUND = [
    # Texts, as they stand and cleaned.
    ("Sort: banana apple", "f(['banana', 'apple'])"),
    ("Sort: banana, apple and pear.", "f(['banana', 'apple', 'pear'])"),
    ("Sort: Banana, APPLE", "f(['banana', 'apple'])"),
    ("Sort: banana apple", "f('banana apple')"),
    ("Sort: banana apple", "f('banana, apple')"),
    ("Sort: banana apple", "f('bananaapple')"),
    ("Sort:\n- banana\n- apple", "f('banana apple')"),
    ("Sort these words: \u201cd'etat\u201d, 'o&m', st. louis", "f([\"d'etat\", 'o&m', 'st. louis'])"),
    ("Close: [ [ { } ( <", "f('[[{}(<')"),
    ("Close: [ [ { } ( <", "f('[ [ { } ( <')"),
    ("Close: [ [ { } ( <", "f(['[', '[', '{', '}', '(', '<'])"),
    ('Close the sequence "(([" please', "f('(([')"),
    ("Is 'A man, a plan: Panama!' a palindrome?", "f('A man, a plan: Panama!')"),
    ("Is 'A man, a plan: Panama!' a palindrome?", "f('amanaplanpanama')"),
    ("How many times is r in strawberry?", "f('strawberry', 'r')"),
    ("Spell banana", "f(['b', 'a', 'n', 'a', 'n', 'a'])"),
    ("Where is the flight from New York to San Francisco?", "f('New York', 'San Francisco')"),
    ("Is the red book right of the blue one?", "f('red book', 'right_of', 'blue')"),
    ("Fill: | X | O |\n| O | X |", "f([['X', 'O'], ['O', 'X']])"),
    ("Which? (A) one (B) two", "f(['A', 'B'], 'two')"),
    ("Compute 3 + 4*(2 - 1)", "f('3+4*(2-1)')"),
    ("Compute 3+4*(2-1)", "f('3 + 4 * (2 - 1)')"),
    ("Mail bob@example.org about https://example.org/a?b=c now", "f('bob@example.org', 'https://example.org/a?b=c')"),
    ("Translate \u732b\u3068\u72ac\u304c\u3044\u307e\u3059", "f('\u732b', '\u72ac')"),
    ("Stra\u00dfe und Gasse", "f('STRASSE')"),
    ("caf\u00e9 noir", "f('cafe\u0301')"),
    ("\uff21\uff22\uff23 or xyz", "f('ABC')"),
    ("ban\u200bana", "f('banana')"),
    ("Alice has a red ball", "f({'Alice': 'red ball'})"),
    ("Alice's cat", "f('Alice')"),
    ("whatever", "f('', [], {}, None, True, False)"),
    ("whatever", "f(' ')"),
    # Numbers.
    ("Add 1,200 and 3", "f(1200, 3)"),
    ("Add 1,2,3", "f([1, 2, 3])"),
    ("Add 1 200 and 3", "f(1200)"),
    ("Add 1.200,50 and 3", "f(1200.5)"),
    ("Add twelve and twenty-one", "f(12, 21)"),
    ("two hundred and five thousand", "f(205000)"),
    ("It costs $1.2k", "f(1200, 1.2)"),
    ("3 million people, 2.5 billion more", "f(3000000, 2500000000)"),
    ("two dozen eggs", "f(24)"),
    ("half a dozen eggs", "f(6)"),
    ("a discount of 15%", "f(15)"),
    ("a discount of 15%", "f(0.15)"),
    ("a discount of fifteen percent", "f(0.15)"),
    ("3/4 of a cup and 1 1/2 spoons", "f(0.75, 1.5)"),
    ("three quarters, two thirds", "f(0.75, 0.6667)"),
    ("\u00bd cup and 1\u00bd spoons", "f(0.5, 1.5)"),
    ("-5 degrees", "f(-5)"),
    ("minus five degrees", "f(-5)"),
    ("5 degrees below zero", "f(-5)"),
    ("a loss of -$1,000.50", "f(-1000.5)"),
    ("the third and the 22nd", "f(3, 22)"),
    ("room B12", "f(12)"),
    ("1e-3 mol", "f(0.001)"),
    ("Sum the digits of 90210", "f([9, 0, 2, 1, 0])"),
    ("Add 5 and 7", "f('5', '7')"),
    ("Add five and 1,700", "f('5', '1700')"),
    ("10 in 3 rows", "f(10.0, 3.0)"),
    ("the sum 12345678901234567890", "f(12345678901234567890)"),
    ("Call (555) 123-4567", "f('5551234567', '555-123-4567', 5551234567)"),
    ("The card 4111 1111 1111 1111 is lost", "f('4111111111111111')"),
    ("ISBN 0-306-40615-2", "f('0306406152')"),
    # Times, durations and dates.
    ("a meeting from 10:30 to 12:00", "f('10:30', '12:00')"),
    ("a meeting from 10:30 to 12:00", "f('10:30 - 12:00')"),
    ("a meeting from 10:30 to 12:00", "f(630, 720)"),
    ("a meeting from 10:30 to 12:00", "f(10.5, 12)"),
    ("at 3 pm or half past four in the afternoon", "f('15:00', '16:30')"),
    ("from 9 to 5:30 p.m.", "f('09:00', '17:30')"),
    ("9-11am", "f('09:00', '11:00')"),
    ("at noon", "f('12:00')"),
    ("it takes half an hour", "f(30)"),
    ("it takes half an hour", "f(0.5)"),
    ("it takes 1 hour and 30 minutes", "f(90)"),
    ("it takes an hour and a half", "f(1.5)"),
    ("90 minutes", "f(1.5)"),
    ("50 minutes", "f(0.8333333333333334)"),
    ("on May 1, 2023", "f('2023-05-01')"),
    ("on May 1, 2023", "f(2023, 5, 1)"),
    ("on the 1st of May 2023", "f('05/01/2023')"),
    ("on 2023-05-01 at 9 am", "f('2023-05-01T09:00')"),
    ("in 2023, on May 1", "f('2023-05-01')"),
    ("every Mon", "f('Monday')"),
    ("in September", "f('Sep')"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "call"), FOUND)
def test_what_the_question_says_is_grounded(question: str, call: str) -> None:
    assert problem(question, call) is None


REFUSED = [
    # The measured case: the brackets closed inside the argument.
    ("Close: [ [ { } ( <", "f('[[{}(<>)]]')"),
    ("Close: [ [ { } ( <", "f('[ [ { } ( < > ) ] ]')"),
    ("Close: [ [ { } ( <", "f(['[', '[', '{', '}', '(', '<', '>', ')', ']', ']'])"),
    ("Close: ([{", "f('([{}])')"),
    ("Close: (", "f('()')"),
    ("Close: [ [ { } ( <", "f('[[{}(')"),
    ("Close: [ [ { } ( <", "f('>)]]')"),
    # Texts that are altered, cut or invented.
    ("Sort: banana apple", "f(['banana', 'apples'])"),
    ("Sort: banana apple", "f(['bananas', 'apple'])"),
    ("Sort: banana apple", "f(['banan', 'apple'])"),
    ("Sort: banana apple", "f(['anana', 'apple'])"),
    ("Sort: banana apple", "f(['ban ana', 'apple'])"),
    ("Sort: banana apple", "f(['banana', 'apple', 'pear'])"),
    ("Sort: banana apple", "f('apple banana')"),
    ("Sort: banana apple", "f('banana,')"),
    ("Sort: banana apple", "f('banana-apple')"),
    ("Sort: well-known words", "f(['wellknown'])"),
    ("Sort: don't go", "f(['dont'])"),
    ("Spell banana", "f(['b', 'a', 'n', 'n', 'a', 'a'])"),
    ("Compute 3 + 4", "f('3 - 4')"),
    ("Compute 34", "f('3 4')"),
    ("a b", "f({'c': 'a'})"),
    ("a b", "f({'a': 'c'})"),
    ("a b", "f([['a', ['b', ('zz',)]]])"),
    ("a b", "f({'zz'})"),
    ("a b", "f('a', x='zz')"),
    ("Call 555-1234", "f('555-1235')"),
    ("Call 555-1234", "f('5551235')"),
    ("Call (555) 123-4567", "f('555123456')"),
    ("Call (555) 123-4567", "f('(555) 123-4567 8')"),
    # Numbers.
    ("Add 12 and 3", "f(1)"),
    ("Add 12 and 3", "f(15)"),
    ("Add 12 and 3", "f(-12)"),
    ("Add 12 and 3", "f([12, 4])"),
    ("Add 3.5 and 1", "f(3)"),
    ("Add 3.5 and 1", "f(35)"),
    ("Add 3.5 and 1", "f('3')"),
    ("a third", "f(0.34)"),
    ("2.45", "f(2.4)"),
    ("Add 12", "f('012')"),
    ("Add 1234", "f('123')"),
    ("Sum the digits of 90210", "f([9, 0, 2, 1, 1])"),
    ("15%", "f(1.5)"),
    ("twelve", "f(10)"),
    ("Add 5", "f(5j)"),
    # Times and dates.
    ("from 10:30 to 12:00", "f('11:30')"),
    ("from 10:30 to 12:00", "f('10:30 - 12:30')"),
    ("from 3:30 to 4", "f('15:30')"),
    ("on May 1, 2023", "f('2023-05-02')"),
    ("on May 1, 2023", "f('2024-05-01')"),
    ("on Monday", "f('Tuesday')"),
    # Subscripts choose the answer: they have to be asked for.
    ("What has Alice?", "f()['Bob']"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "call"), REFUSED)
def test_what_the_question_does_not_say_is_refused(question: str, call: str) -> None:
    assert problem(question, call)


def test_the_argument_and_the_value_are_named() -> None:
    made = tool("def f(words, sep=' '): pass\n")
    assert problem("Sort: b a", "f(['b', 'pear'])", made) == (
        "The argument words of f holds 'pear', which the question does not say: write it as the question does"
    )
    said = problem("Sort: b a", f"f(['b'], sep={'-' * 100!r})", made)
    assert said is not None
    assert said.startswith("The argument sep of f holds '---")
    assert len(said) < 200
    said = problem("Sort: b a", "f(['b'])['x']", made)
    assert (
        said
        == "A subscript behind f holds 'x', which the question does not say: write it as the question does"
    )


TYPED = '''
from typing import Literal, Optional, TypedDict
from dataclasses import dataclass

Mode = Literal["upper", "lower"]

class Item(TypedDict):
    label: str
    many: int

@dataclass
class Point:
    east: int
    north: int = 0

def f(items: list[Item], mode: Mode = "lower", *, at: Optional[Point] = None,
      ways: tuple[Literal["left", "right"], ...] = (), order: str = "asc",
      table: dict[Literal["k"], str] | None = None):
    """Do it.

    Args:
        items: as dicts.
        order: `asc`, "desc" or ``random``; the key of entries is count.
    """
    for item in items:
        if order == "reverse" or order in ("shuffled", "as is") or item["label"] == "xy":
            pass
    return {"inside": 1}.get(order)
'''


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("f([], 'upper')", True),
        ("f([], 'neither')", False),
        ("f([], mode='lower')", True),
        ("f([{'label': 'red', 'many': 2}])", True),
        ("f([{'label': 'red', 'few': 2}])", False),
        ("f([{'label': 'blue', 'many': 2}])", False),
        ("f([], at={'east': 2, 'north': 3})", True),
        ("f([], at={'east': 2, 'north': 4})", False),
        ("f([], ways=('left', 'right', 'left'))", True),
        ("f([], ways=('up',))", False),
        ("f([], order='asc')", True),
        ("f([], order='desc')", True),
        ("f([], order='random')", True),
        ("f([], order='reverse')", True),
        ("f([], order='shuffled')", True),
        ("f([], order='as is')", True),
        ("f([], order='inside')", True),
        ("f([], order='outside')", False),
        ("f([], order='count')", False),
        ("f([{'count': 'red'}])", True),
        ("f([], table={'k': 'red'})", True),
        ("f([], table={'j': 'red'})", False),
    ],
)
def test_what_the_function_declares_is_free(call: str, said: bool) -> None:
    assert (problem("2 red ones, 3 others", call, tool(TYPED)) is None) is said


ORDERS = [
    ("The red book is left of the blue one.", "f([('red', 'before', 'blue')], 1)"),
    ("The pen is leftmost.", "f([('pen', 'first', None)], 1)"),
    ("The cup is left of the fork.", "f([('cup', 'before', 'fork')], 1)"),
    ("The knife is leftmost.", "f([('knife', 'first', None)], 1)"),
]


def test_the_terms_of_verified_calls_are_free_and_no_others() -> None:
    made = tool(known=ORDERS)
    assert problem("The key is left of the box.", "f([('key', 'before', 'box')], 1)", made) is None
    assert problem("The key is leftmost.", "f([('key', 'first', None)], 1)", made) is None
    assert problem("The key is leftmost.", "f([('key', 'last', None)], 1)", made)
    assert problem("The key is leftmost.", "f([('lock', 'first', None)], 1)", made)
    assert problem("The key is leftmost.", "f([('key', 'first', None)], 2)", made)
    assert problem("The key is leftmost.", "f([('key', 'first', 1)], 1)", made), (
        "a number belongs to its place"
    )


def test_unit_tests_are_verified_calls_as_well() -> None:
    checks = tuple(Check(question=question, call=call, answer="") for question, call in ORDERS)
    made = dataclasses.replace(tool(), checks=checks)
    assert problem("The key is left of the box.", "f([('key', 'before', 'box')], 1)", made) is None


COUNTED = [
    ("How many words: a b c", "f(3, ['a', 'b', 'c'])"),
    ("How many words: d e", "f(2, ['d', 'e'])"),
    ("How many words: x y z w", "f(4, ['x', 'y', 'z', 'w'])"),
]


def test_an_argument_that_even_verified_calls_do_not_take_from_the_question_is_open() -> None:
    made = tool(known=COUNTED)
    assert problem("How many words: a b c d e", "f(5, ['a', 'b', 'c', 'd', 'e'])", made) is None
    assert problem("How many words: a b c d e", "f(5, ['a', 'b', 'c', 'd', 'zz'])", made), "the other is not"
    made = tool(known=COUNTED[:1])
    assert problem("How many words: a b c d e", "f(5, ['a', 'b', 'c', 'd', 'e'])", made), "one is not enough"


def test_a_demonstration_that_is_no_call_says_nothing() -> None:
    assert problem("a", "f('b')", tool(known=[("q", "ans = 'b'\nf(ans)"), ("q", "broken(")]))


def test_a_source_that_cannot_be_read_declares_nothing() -> None:
    assert problem("a", "f('a')", tool("f = lambda x: x\n")) is None
    assert problem("a", "f('b')", tool("def broken(:\n"))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, complex(1, math.inf)])
def test_no_question_says_an_infinity(value: complex) -> None:
    assert ungrounded(tool(), LiteralCall("f", (value,)), "Add 1 and inf") is not None


def test_numbers_may_be_of_any_size() -> None:
    many = "7" * 4000
    assert problem(f"{many} minutes, 1/3 and 1e999", f"f({many}, '{many}')") is None
    assert problem(f"{many} minutes and {'1' * 9000}", "f(0.125, 1e300)")
    assert problem("9" * 5000, f"f('{'9' * 4999}')")


@pytest.mark.parametrize(
    "question",
    [
        "(" * 100_000,
        "a " * 100_000,
        "1," * 100_000,
        "1" * 100_000,
        "1 " * 50_000,
        "'" * 100_000,
        "1:" * 50_000,
    ],
)
@pytest.mark.parametrize(
    "call",
    [f"f({'(' * 50_000!r})", f"f({'a ' * 30_000!r})", f"f({'1' * 5000 + 'x'!r})", f"f({[7] * 3000})"],
)
def test_long_texts_take_no_long_time(question: str, call: str) -> None:
    begun = time.process_time()
    problem(question, call)
    assert time.process_time() - begun < 5
