"""Grounding, whatever the question: what is taken from it is found, what is altered by one edit is not."""

from __future__ import annotations

import datetime as dt
import string
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from latm._literals import LiteralCall
from latm.user._grounding import ungrounded
from unit.engine.test_grounding import tool

TOOL = tool()
SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
LETTERS = string.ascii_lowercase
words = st.text(LETTERS, min_size=2, max_size=8)
separators = st.sampled_from([" ", ", ", ",", "; ", " | ", "\n", "\n- ", "  ", " and "])
quotes = st.sampled_from(["", '"', "'", "`", "**"])
leads = st.sampled_from(["Sort: ", "Take these\n", "Words: (", "(A) "])
brackets = st.text("()[]{}<>", min_size=2, max_size=30)


def grounded(question: str, *args: object) -> bool:
    return ungrounded(TOOL, LiteralCall("f", args), question) is None


def spell(number: int) -> str:
    """A number up to 999,999 in words."""
    if number < 20:
        return SMALL[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f"-{SMALL[number % 10]}" if number % 10 else "")
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = f" and {spell(number % size)}" if 0 < number % size < 100 else ""
    rest = rest or (f" {spell(number % size)}" if number % size else "")
    return f"{spell(number // size)} {name}{rest}"


@given(st.lists(words, min_size=1, max_size=8), separators, quotes, leads, st.randoms())
def test_words_of_the_question_are_found(
    listed: list[str], separator: str, quote: str, lead: str, choose: object
) -> None:
    question = lead + separator.join(f"{quote}{each}{quote}" for each in listed)
    assert grounded(question, listed)
    assert grounded(question.upper(), listed)
    assert grounded(question, [each.title() for each in listed])
    assert grounded(question, set(listed), tuple(listed[::-1]), dict.fromkeys(listed, True))
    if separator != " and " and quote != "**":
        for joined in (" ", ", ", ",", "\n"):
            assert grounded(question, joined.join(listed))
    if separator in {" ", "  ", "\n"} and quote != "**":
        assert grounded(question, "".join(listed))


@given(brackets, st.booleans(), st.booleans(), leads.filter(lambda lead: "(" not in lead))
def test_runs_of_signs_are_found_with_their_spaces_and_without(
    run: str, apart: bool, spaced: bool, lead: str
) -> None:
    question = f"{lead}{' '.join(run) if apart else run}"
    assert grounded(question, " ".join(run) if spaced else run)
    assert grounded(question, list(run))


@given(brackets, brackets, st.booleans())
def test_a_run_of_signs_that_goes_on_is_refused(run: str, more: str, apart: bool) -> None:
    question = f"Close them. Input: {' '.join(run) if apart else run}"
    for said in (run + more, " ".join(run + more), more + run):
        assert not grounded(question, said)
    assert not grounded(question, list(run + more))


@given(st.integers(0, 999_999), st.sampled_from(["-", "minus ", "negative ", ""]), st.integers(0, 4))
def test_numbers_are_found_in_every_spelling(number: int, sign: str, way: int) -> None:
    written = (str(number), f"{number:,}", spell(number), f"${number:,}", f"{number:,}".replace(",", " "))[
        way
    ]
    question = f"Take {sign}{written} of them."
    value = -number if sign else number
    assert grounded(question, value, float(value), str(value))
    assert grounded(f"{sign}{written}%", value / 100)
    assert not grounded(question, number + 1 if number not in {0, 1, 200, 201} else number + 1000)


@given(st.fractions(min_value=0, max_value=99, max_denominator=20), st.integers(5, 8))
def test_fractions_are_found_as_decimals(part: Fraction, places: int) -> None:
    assert grounded(f"Take {part} cups.", round(float(part), places))


@given(st.times(), st.integers(0, 3))
def test_times_are_found_in_every_spelling(time: dt.time, way: int) -> None:
    hour, half = time.hour % 12 or 12, "pm" if time.hour > 11 else "a.m."
    written = (
        time.strftime("%H:%M"),
        f"{hour}:{time.minute:02} {half}",
        f"{hour}.{time.minute:02}{half}",
        f"{time.hour}h{time.minute:02}",
    )[way]
    question = f"Meet at {written} or later"
    assert grounded(question, time.strftime("%H:%M"), time.strftime("%H:%M:00"))
    assert grounded(question, time.hour * 60 + time.minute)
    other = time.replace(minute=(time.minute + 7) % 60)
    assert not grounded(question, other.strftime("%H:%M"))


@given(st.dates(dt.date(1970, 1, 1), dt.date(2069, 12, 31)), st.integers(0, 6))
def test_dates_are_found_in_every_spelling(date: dt.date, way: int) -> None:
    written = (
        "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%B %d, %Y", "%d %b %Y", "%Y%m%d",
    )[way]  # fmt: skip
    question = f"Since {date.strftime(written)} it has rained"
    assert grounded(question, date.isoformat(), date.strftime("%d %B %Y"))
    assert grounded(question, date.day, date.month, date.year) or way == 6
    other = date + dt.timedelta(days=14)
    assume(other.strftime("%d%m") != date.strftime("%m%d"))
    assert not grounded(question, other.isoformat())


@given(
    st.lists(words, min_size=1, max_size=6),
    st.data(),
)
def test_a_word_altered_by_one_edit_is_refused(listed: list[str], data: st.DataObject) -> None:
    question = "List: " + " ".join(listed)
    word = data.draw(st.sampled_from(listed))
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from(LETTERS + "()'-."))
    edited = data.draw(
        st.sampled_from(
            [word[:at] + word[at + 1 :], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1 :]]
        )
    )
    # Nor by chance a word of the question, or several of them side by side.
    assume(edited not in question.replace(" ", ""))
    assume(edited not in question)
    assert not grounded(question, [*listed, edited])
    assert not grounded(question, edited)


@given(st.integers(100, 10**9), st.data())
def test_a_number_altered_by_one_edit_is_refused(number: int, data: st.DataObject) -> None:
    question = f"Take {number} of them."
    text = str(number)
    at = data.draw(st.integers(0, len(text) - 1))
    digit = data.draw(st.sampled_from(string.digits))
    edited = data.draw(
        st.sampled_from(
            [text[:at] + text[at + 1 :], text[:at] + digit + text[at:], text[:at] + digit + text[at + 1 :]]
        )
    )
    assume(edited != text and int(edited) != number)
    # 1000 is ten o'clock as well: its hour and its minute may be taken alone.
    assume(not (1000 <= number < 2500 and number % 100 < 60))
    assert not grounded(question, int(edited))
    assert not grounded(question, edited)
    assert not grounded(question, -number)


@given(
    st.text(max_size=60),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20)
        | st.binary(max_size=8)
        | st.complex_numbers(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_no_question_and_no_value_is_too_odd(question: str, value: object) -> None:
    said = ungrounded(TOOL, LiteralCall("f", (value,)), question)
    assert said is None or said.startswith("The argument args of f holds ")


@given(st.text(min_size=1, max_size=40), st.data())
def test_the_whole_question_and_its_words_are_found(question: str, data: st.DataObject) -> None:
    assert grounded(question, question)
    for word in question.split():
        assert grounded(question, word)
