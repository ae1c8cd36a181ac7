"""What a question says: its words, numbers, times and dates."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import isfinite, trunc
from typing import final

from latm.user._grounding._leaves import Leaf
from latm.user._grounding._numbers import in_digits, numbers_in, read_number
from latm.user._grounding._spans import Spans, folded
from latm.user._grounding._times import (
    Date,
    dates_in,
    durations_in,
    in_full,
    read_date,
    read_time,
    time_numbers,
    times_in,
)

_RANGE = re.compile(r"\s*(?:-|\bto\b|\buntil\b)\s*")
_MOMENT = re.compile(r"[t ]\s*(?=\d{1,2}(?::|\s?[ap]\.?m))")
_GROUPS = re.compile(r"(?<!\w)\+?\(?\d+\)?(?:[ -]{1,2}\(?\d+\)?){1,8}(?!\w)")
_CODE = re.compile(r"[\d ()+-]+")
_LARGE = 10**300  # beyond which no float is looked for
_LONGEST_MOMENT = 60  # characters of a date, a time or two of them
_LEAST_PLACES = 2  # decimals after which 0.33 may stand for a third


@final
class Facts:
    """Says of leaves whether they come from a question.

    Args:
        question: as it was asked.
    """

    def __init__(self, question: str) -> None:
        self._spans = Spans(question)

    def hold(self, leaf: Leaf) -> bool:
        """Whether a leaf comes from the question, as it is or in another spelling."""
        if isinstance(leaf.value, tuple):
            return self._spans.joins(leaf.value)
        return self._value(leaf.value) or (bool(leaf.digits) and self._spans.joins(leaf.digits))

    def _value(self, value: object) -> bool:
        match value:
            case None | bool():
                return True
            case str():
                return self._spans.holds(value) or self._reads(folded(value).strip())
            case int() | float():
                return self._number(value)
            case complex():
                return self._number(value.real) and self._number(value.imag)
            case bytes():
                return self._spans.holds(value.decode(errors="replace"))
            case _:
                return False

    @cached_property
    def _digits(self) -> str:
        return " ".join(in_digits(self._spans.text).split())

    @cached_property
    def _times(self) -> frozenset[int]:
        return frozenset(each.seconds for each in times_in(self._digits))

    @cached_property
    def _names(self) -> frozenset[str]:
        """Words, those of months and days of the week in full."""
        return frozenset(map(in_full, self._spans.words))

    @cached_property
    def _dates(self) -> frozenset[Date]:
        return frozenset(dates_in(self._digits))

    @cached_property
    def _numbers(self) -> frozenset[Fraction]:
        times = [part for each in times_in(self._digits) if each.sure for part in time_numbers(each.seconds)]
        dates = [Fraction(part) for date in self._dates for part in date if part is not None]
        return frozenset((*numbers_in(self._digits), *durations_in(self._digits), *times, *dates))

    @cached_property
    def _endless(self) -> tuple[Fraction, ...]:
        """Numbers without a decimal form."""
        return tuple(each for each in self._numbers if abs(each) < _LARGE and _is_endless(each))

    def _number(self, value: float) -> bool:
        if isinstance(value, int):
            return Fraction(value) in self._numbers or self._coded(str(value))
        if not isfinite(value):
            return False
        exact = Decimal(repr(value))
        if Fraction(exact) in self._numbers:
            return True
        if any(float(each) == value for each in self._endless):
            return True
        places = -int(exact.as_tuple().exponent)
        if places < _LEAST_PLACES:
            return False
        written = Fraction(exact) * 10**places
        # A third is 0.33 as well as 0.333333, two thirds are 0.66 or 0.67; 2.45 is no 2.4.
        return any(written in {trunc(each * 10**places), round(each * 10**places)} for each in self._endless)

    @cached_property
    def _codes(self) -> frozenset[str]:
        """The digits of numbers in groups, such as those of telephones, cards and books."""
        return frozenset(re.sub(r"\D", "", each) for each in _GROUPS.findall(self._spans.text))

    def _coded(self, text: str) -> bool:
        """Whether a text is a number in groups of the question, with its marks or others."""
        return _CODE.fullmatch(text) is not None and re.sub(r"\D", "", text) in self._codes

    def _reads(self, text: str) -> bool:
        """Whether a text is another spelling of a number, a date or a time of the question."""
        number = read_number(text)
        if (number is not None and number in self._numbers) or self._coded(text):
            return True
        if len(text) > _LONGEST_MOMENT:
            return False
        if in_full(text) in self._names or self._moment(text):
            return True
        parts = _RANGE.split(text)
        return len(parts) == 2 and all(self._moment(each) for each in parts)  # noqa: PLR2004 - from and to

    def _moment(self, text: str) -> bool:
        """Whether a text is a date or a time of the question, or one of each."""
        parts = [each for each in _MOMENT.split(text, maxsplit=1) if each]
        return bool(parts) and all(self._dated(each) or read_time(each) in self._times for each in parts)

    def _dated(self, text: str) -> bool:
        for date in read_date(text):
            if date in self._dates:
                return True
            # "on May 1" of a year that is said elsewhere
            if date._replace(year=None) in self._dates and date.year in self._numbers:
                return True
        return False


def _is_endless(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest > 1
