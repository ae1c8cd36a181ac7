"""``number``: exact, whatever way it is written.

A sign of a currency or of percent is a unit: it is not rendered, a number without one agrees with any, and
two different ones never agree. ``50%`` is 50 and never 0.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from latm._answers._text import render_text

MOST_DIGITS = 4300
"""As many as Python itself turns into text (``sys.int_info.default_max_str_digits``)."""

# A separator stands between groups of three digits, the same one throughout; "1,2" is no 12.
_GROUPED = re.compile(r"\d{1,3}(?:(?P<mark>[,_'\u2019\u00a0\u202f\u2009])\d{3})(?:(?P=mark)\d{3})*(?:\.\d*)?")
_PLAIN = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_RATIO = re.compile(r"(?P<top>\d+)/(?P<bottom>\d+)")
_SIGNED = re.compile(
    r"(?P<before>[$€£¥₹]?)(?P<sign>[+\-\u2212]?)(?P<inner>[$€£¥₹]?)[ \u00a0\u202f]?"
    r"(?P<digits>[\d.][^$€£¥₹%\s]*(?:[\u00a0\u202f\u2009]\d[^$€£¥₹%\s]*)*)"
    r"[ \u00a0\u202f]?(?P<after>[$€£¥₹%]?)"
)
_SPECIAL = {"nan": "nan", "inf": "inf", "infinity": "inf", "+inf": "inf", "-inf": "-inf", "-infinity": "-inf"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was read: its exact value, and the unit's sign, empty where there is none."""

    value: Decimal | Fraction
    unit: str = ""

    def agrees(self, other: Number, tolerance: Fraction) -> bool:
        """Whether two numbers are no further apart than the tolerance, and of no different units."""
        if self.unit and other.unit and self.unit != other.unit:
            return False
        return abs(Fraction(self.value) - Fraction(other.value)) <= tolerance


def read_number(value: object) -> Number | None:
    """A number, or None for what is none: NaN and the infinities too, which are compared as text.

    Raises:
        ValueError: it has more than `MOST_DIGITS` digits.
    """
    if isinstance(value, Fraction):
        return Number(value)
    text = value.strip() if isinstance(value, str) else render_text(value)
    found = _SIGNED.fullmatch(text)
    if found is None:
        return None
    units = found["before"] + found["inner"] + found["after"]
    size = None if len(units) > 1 else _size(found["digits"])
    if size is None:
        return None
    return Number(-size if found["sign"] in {"-", "\u2212"} else size, units)


def _size(digits: str) -> Decimal | Fraction | None:
    if ratio := _RATIO.fullmatch(digits):
        bottom = int(ratio["bottom"])
        return Fraction(int(ratio["top"]), bottom) if bottom else None
    if grouped := _GROUPED.fullmatch(digits):
        return _bounded(digits.replace(grouped["mark"], ""))
    return _bounded(digits) if _PLAIN.fullmatch(digits) else None


def _bounded(text: str) -> Decimal:
    if len(text) > 2 * MOST_DIGITS:
        raise ValueError(f"a number of more than {MOST_DIGITS} digits")
    number = Decimal(text)
    _, digits, exponent = number.as_tuple()
    if abs(number.adjusted()) > MOST_DIGITS or len(digits) > MOST_DIGITS or int(exponent) < -MOST_DIGITS:
        raise ValueError(f"a number of more than {MOST_DIGITS} digits")
    return number


def render_number(value: object) -> str:
    """Plain decimal without separators, trailing zeros and unit; ``1/3`` for what has no decimal form.

    What is no number is written as text.

    Raises:
        ValueError: it has more than `MOST_DIGITS` digits, or no text.
    """
    number = read_number(value)
    if number is not None:
        return plain(number.value)
    text = render_text(value)
    return _SPECIAL.get(text.casefold(), text)


def plain(value: Decimal | Fraction) -> str:
    """An exact value as plain decimal, or as a ratio where that would never end."""
    if isinstance(value, Fraction):
        twos, fives, rest = _powers(value.denominator)
        places = max(twos, fives)
        if rest != 1:
            return str(value)
        if places > MOST_DIGITS:
            raise ValueError(f"a number of more than {MOST_DIGITS} digits")
        value = Decimal(f"{value.numerator * 10**places // value.denominator}E-{places}")
    # Not normalize(): it rounds to the context's 28 digits.
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _powers(denominator: int) -> tuple[int, int, int]:
    """How often 2 and 5 divide a number, and what is left of it."""
    counts = {2: 0, 5: 0}
    for prime in counts:
        while denominator % prime == 0:
            denominator //= prime
            counts[prime] += 1
    return counts[2], counts[5], denominator
