"""Times of the day, durations and dates that a question holds, in the usual spellings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

_NOON = 12 * 3600
_DAY = 24 * 3600
_CLOCK = re.compile(
    r"(?<![\d:.])(?P<hour>\d{1,2})(?:\s?[:.h]\s?(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.0+)?)?)?"
    r"(?:\s?(?:(?P<half>[ap])\.?\s?m\b|(?P<oclock>o'clock|hours\b|hrs\b|h\b)))?(?![\d:])"
)
_PACKED = re.compile(r"(?<![\d:.,])(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5]\d)\s?(?:h|hrs|hours)?(?![\d:.,%])")
_SPOKEN = re.compile(
    r"(?<![\w:.])(?P<size>half|quarter|\d{1,2})(?: minutes?)? (?P<side>past|after|to|before|till) "
    r"(?P<hour>\d{1,2})(?![\w:])"
)
_NAMED = {"noon": _NOON, "midday": _NOON, "midnight": 0}
_NAME = re.compile(r"\b(?:noon|midday|midnight)\b")
_LATE = re.compile(r"\b(?:p\.?\s?m|afternoon|evening|tonight|night)\b")
_PLACED = re.compile(
    r"(?:\b(?:at|from|to|until|till|between|before|after|since)|\bbetween \d{1,2}(?:[:.]\d\d)? and) ?\Z"
)
_RANGED = re.compile(r" ?(?:-|to|until|till|and) ?\d{1,2}(?:[:.]\d\d)? ?[ap]\.? ?m\b")
_UNITS = {
    **dict.fromkeys(("second", "sec", "s"), 1),
    **dict.fromkeys(("minute", "min"), 60),
    **dict.fromkeys(("hour", "hr", "h"), 3600),
    "day": _DAY,
    "week": 7 * _DAY,
}
_LASTING = re.compile(
    r"(?<![\w.])(?P<size>\d{1,12}(?:\.\d{1,12})?|\d{1,12}/\d{1,12}|an?|half(?: an?)?|\d{1,12} and a half)"
    r"[ -]?(?P<unit>seconds?|secs?|s|minutes?|mins?|hours?|hrs?|h|days?|weeks?)\b"
    r"(?P<more> and a half| and a quarter)?"
)
_MONTHS: tuple[str, ...] = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = {
    **{each[:3]: each for each in (*_MONTHS, *_DAYS)},
    "sept": "september",
    "tues": "tuesday",
    "thur": "thursday",
    "thurs": "thursday",
}
_MONTH = "|".join((*_MONTHS, *(each[:3] for each in _MONTHS), "sept"))
_DAY_OF_MONTH = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\d/.-])(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?!\d)",
        r"(?<![\d/.-])(?P<day>\d{1,2})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})(?!\d)",
        r"(?<![\d/.-])(?P<month>\d{1,2})(?P<mark>[-/.])(?P<day>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})(?!\d)",
        rf"\b(?P<month>{_MONTH})\b\.? (?:the )?{_DAY_OF_MONTH}(?!\d)(?:,? (?P<year>\d{{4}})\b)?",
        rf"\b{_DAY_OF_MONTH}(?: of)?[ -](?P<month>{_MONTH})\b\.?(?:,?[ -](?P<year>\d{{4}})\b)?",
        rf"\b(?P<month>{_MONTH})\b\.?,? (?P<year>\d{{4}})\b",
        r"(?<![\d/.-])(?P<year>\d{4})-(?P<month>\d{2})(?![\d-])",
        r"(?<!\d)(?P<year>(?:19|20)\d{2})(?P<month>[01]\d)(?P<day>[0-3]\d)(?!\d)",
    )
)


class Time(NamedTuple):
    """A time of the day in seconds; a number that only stands where times do is not `sure`."""

    seconds: int
    sure: bool = True


class Date(NamedTuple):
    """A date as far as it was written."""

    year: int | None
    month: int
    day: int | None


def times_in(text: str) -> Iterator[Time]:
    """Times of the day that a folded text without number words holds.

    One without am or pm is also one of the afternoon where the text speaks of any.
    """
    late = _LATE.search(text) is not None
    for found in (*_CLOCK.finditer(text), *_PACKED.finditer(text)):
        time = _clock(found)
        if time is None or not (time.sure or _is_placed(text, found)):
            continue
        yield time
        if late and not found.groupdict().get("half") and time.seconds < _NOON:
            yield Time(time.seconds + _NOON, sure=time.sure)
    for found in _SPOKEN.finditer(text):
        size = {"half": 30, "quarter": 15}.get(found["size"]) or int(found["size"])
        side = 1 if found["side"] in {"past", "after"} else -1
        seconds = (int(found["hour"]) % 24 * 3600 + side * size * 60) % _DAY
        yield Time(seconds)
        if late:
            yield Time((seconds + _NOON) % _DAY)
    for found in _NAME.finditer(text):
        yield Time(_NAMED[found[0]])
        if not _NAMED[found[0]]:
            yield Time(_DAY)


def _is_placed(text: str, found: re.Match[str]) -> bool:
    """Whether a number alone stands where times do."""
    near = text[max(found.start() - 24, 0) : found.start()]
    return bool(_PLACED.search(near) or _RANGED.match(text, found.end()))


def _clock(found: re.Match[str]) -> Time | None:
    parts = found.groupdict()
    hour, half = int(parts["hour"]), parts.get("half")
    if hour > 24 or (half and not 1 <= hour <= 12):  # noqa: PLR2004 - hours of a day
        return None
    sure = bool(parts["minute"] or half or parts.get("oclock"))
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return Time(hour * 3600 + int(parts["minute"] or 0) * 60 + int(parts.get("second") or 0), sure=sure)


def read_time(text: str) -> int | None:
    """What a text that a call writes means as a time, in seconds of the day; None where it is none."""
    found = _CLOCK.fullmatch(text) or _PACKED.fullmatch(text)
    if found is None:
        return _NAMED.get(text)
    time = _clock(found)
    return time.seconds if time is not None and time.sure else None


def time_numbers(seconds: int) -> Iterator[Fraction]:
    """A time of the day as a call may count it: its hour and minute, minutes since midnight, hours."""
    yield Fraction(seconds // 3600)
    yield Fraction(seconds % 3600 // 60)
    yield Fraction(seconds, 60)
    yield Fraction(seconds, 3600)


def durations_in(text: str) -> Iterator[Fraction]:
    """Durations in the units of seconds, minutes, hours and days, however they are given."""
    last, end, whole = 0, -2, Fraction(0)
    for found in _LASTING.finditer(text):
        unit = _UNITS.get(found["unit"]) or _UNITS[found["unit"].removesuffix("s")]
        seconds = _size(found["size"]) * unit
        if found["more"]:
            seconds += Fraction(unit, 2 if "half" in found["more"] else 4)
        yield from _in_units(seconds)
        # "1 hour and 30 minutes", "1h 30min"
        joined = text[end : found.start()].strip() in {"", "and", ","} if end >= 0 else False
        whole = whole + seconds if joined and unit < last else seconds
        if joined:
            yield from _in_units(whole)
        last, end = unit, found.end()


def _size(text: str) -> Fraction:
    if text.startswith("half"):
        return Fraction(1, 2)
    if text in {"a", "an"}:
        return Fraction(1)
    head = text.partition(" ")[0]
    try:
        size = Fraction(head)
    except (ValueError, ZeroDivisionError):
        return Fraction(0)
    return size + Fraction(1, 2) if text.endswith("half") else size


def _in_units(seconds: Fraction) -> Iterator[Fraction]:
    return (seconds / unit for unit in (1, 60, 3600, _DAY))


def dates_in(text: str) -> Iterator[Date]:
    """Dates that a folded text holds; one in numbers alone in each order that it can have."""
    for pattern in _DATES:
        for found in pattern.finditer(text):
            if (date := _date(found)) is not None:
                yield date


def read_date(text: str) -> frozenset[Date]:
    """What a text that a call writes as a date can mean; nothing where it is none."""
    found = (pattern.fullmatch(text) for pattern in _DATES)
    return frozenset(date for each in found if each is not None and (date := _date(each)) is not None)


def _date(found: re.Match[str]) -> Date | None:
    parts = found.groupdict()
    name = parts["month"]
    month = int(name) if name.isdigit() else _MONTHS.index(_SHORT.get(name, name)) + 1
    day = int(parts["day"]) if parts.get("day") else None
    year = int(parts["year"]) if parts.get("year") else None
    if not 1 <= month <= 12 or not (day is None or 1 <= day <= 31):  # noqa: PLR2004 - of a calendar
        return None
    if year is not None and year < 100:  # noqa: PLR2004 - two digits
        year += 2000 if year < 70 else 1900  # noqa: PLR2004 - as POSIX reads them
    return Date(year, month, day)


def in_full(word: str) -> str:
    """The name of a month or a day of the week in full; any other word as it is."""
    return _SHORT.get(word.removesuffix("."), word)
