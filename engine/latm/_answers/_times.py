"""``time-range``: from one time of a day to another."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import cast

from latm._answers._text import fold, render_text

_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:\s?[:.h]\s?(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?"
    r"(?:\s*(?P<half>[ap])\.?\s?m\.?)?(?:\s*o'clock)?",
    re.IGNORECASE,
)
_PACKED = re.compile(
    r"(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>)(?P<half>)(?:\s*h(?:ou)?rs)?", re.IGNORECASE
)
_DASHES = "\\-\u2010-\u2015\u2212"
_BETWEEN = re.compile(
    rf"(?:from\s+|between\s+)?(\d[^{_DASHES}]*?)\s*(?:[{_DASHES}~]|\bto\b|\buntil\b|\btill\b|\band\b)\s*"
    rf"(\d[^{_DASHES}]*)",
    re.IGNORECASE,
)
_NOON = 12
_LONGEST = 100  # characters of a range


@dataclass(frozen=True, slots=True)
class _Time:
    """A time as it was written: ``half`` is ``a``, ``p`` or, for 24 hours, empty; ``rest`` is in seconds."""

    hour: int
    rest: int
    half: str = ""

    def seconds(self, half: str) -> int:
        """Since midnight, if it is meant in that half of the day."""
        hour = self.hour % _NOON + (_NOON if half == "p" else 0) if half else self.hour
        return hour * 3600 + self.rest

    def near(self, half: str, other: int, *, before: bool) -> int:
        """Since midnight, for a time without am or pm beside one that has it.

        It is meant in the same half of the day, unless the range would then run backwards.
        """
        if not 1 <= self.hour <= _NOON:
            return self.seconds("")
        same = self.seconds(half)
        runs = same <= other if before else same >= other
        return same if runs else self.seconds("p" if half == "a" else "a")


def render_range(value: object) -> str:
    """``10:30 - 12:00``: 24 hours with leading zeros, seconds only where there are any.

    Two texts, two `datetime.time`, or one text with a dash or "to" between its times. A time without am or pm
    beside one that has it is meant in the same half of the day, unless the range would then run backwards:
    "11 - 1 pm" begins in the morning. 24:00 stays 24:00. What is no range is written as text.

    Raises:
        ValueError: it has no text.
    """
    text = render_text(value)
    # Whoever wrote a value may mean harm by its length.
    ends = (_ends(value) or _ends(text)) if len(text) <= _LONGEST else None
    return text if ends is None else f"{_clock(ends[0])} - {_clock(ends[1])}"


def _ends(value: object) -> tuple[int, int] | None:
    if isinstance(value, str):
        found = _BETWEEN.fullmatch(fold(value).strip("()[] ").removesuffix(".").strip())
        return None if found is None else _paired(found[1], found[2])
    if isinstance(value, list | tuple):
        parts = cast("list[object] | tuple[object, ...]", value)
        if len(parts) == 2:  # noqa: PLR2004 - a start and an end
            return _paired(*parts)
        if len(parts) == 1:
            return _ends(parts[0])
    return None


def _paired(first: object, last: object) -> tuple[int, int] | None:
    """Both times, in seconds since midnight."""
    start, end = _read(first), _read(last)
    if start is None or end is None:
        return None
    if start.half and not end.half:
        begun = start.seconds(start.half)
        return begun, end.near(start.half, begun, before=False)
    over = end.seconds(end.half)
    return (
        start.near(end.half, over, before=True) if end.half and not start.half else start.seconds(start.half)
    ), over


def _read(value: object) -> _Time | None:
    if isinstance(value, dt.time | dt.datetime):
        plain = value.tzinfo is None and value.microsecond == 0
        return _Time(value.hour, value.minute * 60 + value.second) if plain else None
    if not isinstance(value, str):
        return None
    found = _PACKED.fullmatch(value.strip()) or _TIME.fullmatch(value.strip())
    if found is None:
        return None
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    half = (found["half"] or "").lower()
    rest = minute * 60 + second
    whole = 1 <= hour <= _NOON if half else hour < 24 or (hour == 24 and rest == 0)  # noqa: PLR2004 - hours of a day
    return _Time(hour, rest, half) if whole and minute < 60 and second < 60 else None  # noqa: PLR2004


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{second:02}" if second else text
