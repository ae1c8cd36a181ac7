"""Answers of any kind: written, read again and compared, however odd and however long."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from latm._answers import AnswerType, answer_type
from unit.engine.test_answers import CHOICE, INLINE, NUMBERED

PIECES = (
    *(
        "'a ",
        '"',
        '"a,',
        "(",
        "(a,",
        "[]",
        "1 to ",
        "1 - ",
        "a ",
        "\n",
        " \n",
        "(A) ",
        "A) x\n",
        "$",
        "1",
        "1,",
        "9:",
    ),
    "\u201c",
)


@pytest.mark.parametrize("name", ["number", "option", "list", "set", "time-range"])
@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.timeout(10)
def test_a_long_answer_takes_no_long_time(name: str, piece: str) -> None:
    text = piece * (25_000 // len(piece))
    with suppress(ValueError):
        answer_type(name).same(text, f"{text}x", text)


def test_long_lists_are_compared_in_no_long_time() -> None:
    many = list(range(5_000))
    assert answer_type("set").same(many, ", ".join(f"{n}.0" for n in many[1:]), "") is False
    assert answer_type("set").same([[n] for n in many], [[n + 1] for n in many], "") is False
    assert answer_type("set").same([1, [2, 3]], "(2, 3); 1.0", "")


NAMES = ("text", "text:casefold", "number", "number:0.01", "option", "list", "set", "time-range", "caller")
scalars = (
    st.booleans()
    | st.integers(-2000, 2000)
    | st.floats()
    | st.decimals(-100, 100, places=2)
    | st.fractions(max_denominator=40)
    | st.text(max_size=12)
    | st.text(alphabet="ab ,;()[]'\"\n1.", max_size=12)
    | st.sampled_from(["$5", "5%", "1,000", "1\u00a0000", "9 am - 5", "(C)", "ball", "3rd", "nan", "1/3"])
    | st.times(timezones=st.none() | st.just(dt.UTC))
)
answers = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner), max_leaves=5
) | st.frozensets(st.text(alphabet="ab ,(1", max_size=4) | st.integers(0, 3), max_size=4)
kinds = st.sampled_from(NAMES)
questions = st.sampled_from(["", CHOICE, INLINE, NUMBERED, "Q\n(A) (B)\n(B) (A)\n(C) nan\n(D) D."])


def written(kind: AnswerType, value: object, question: str) -> str:
    try:
        return kind.render(value, question)
    except ValueError:
        assume(False)
        raise


@given(kinds, answers, questions)
def test_a_text_that_was_written_is_written_the_same(name: str, value: object, question: str) -> None:
    kind = answer_type(name)
    text = written(kind, value, question)
    assert kind.render(text, question) == text


@given(kinds, answers, questions)
def test_an_answer_is_itself_and_what_is_written_of_it(name: str, value: object, question: str) -> None:
    kind = answer_type(name)
    text = written(kind, value, question)
    assert kind.same(value, value, question)
    assert kind.same(value, text, question)
    assert kind.same(text, value, question)


@given(kinds, answers, answers, questions)
def test_neither_of_two_answers_is_the_first(name: str, one: object, other: object, question: str) -> None:
    kind = answer_type(name)
    written(kind, one, question)
    written(kind, other, question)
    assert kind.same(one, other, question) == kind.same(other, one, question)


@given(st.text(alphabet="abcABC13()[].,;: -\n'\"#*optinhrds", max_size=40), kinds, questions)
def test_no_answer_is_too_odd(text: str, name: str, question: str) -> None:
    kind = answer_type(name)
    assert kind.same(text, kind.render(text, question), question)


@given(st.lists(st.text(max_size=8), max_size=4))
def test_a_list_is_read_again_as_it_was(items: list[str]) -> None:
    kind = answer_type("list")
    folded = [" ".join(item.split()) for item in items]
    assert kind.same(folded, kind.render(items, ""), "")
    assert not kind.same([*folded, "x"], kind.render(items, ""), "")


@given(st.decimals(-1000, 1000, places=3), st.decimals(0, 10, places=3))
def test_a_tolerance_is_kept_exactly(value: Decimal, off: Decimal) -> None:
    kind = answer_type("number:1.5")
    assert kind.same(value, str(value + off), "") is (off <= Decimal("1.5"))
