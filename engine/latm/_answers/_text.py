"""``text``: what everything can be written as."""

from __future__ import annotations

from typing import cast


def render_text(value: object) -> str:
    """A value as text, every run of white space as one space.

    The items of a list or tuple of plain values are joined by one space, so that a list of words answers a
    question whose answer is their text.

    Raises:
        ValueError: None, which is what a function returns that came to no answer; a set, whose order changes
            from run to run; a number of too many digits.
    """
    whole: object = value  # the checks below narrow `value` to types of unknown items
    if value is None:
        raise ValueError("None is no answer")
    if isinstance(value, set | frozenset):
        raise ValueError("a set has no order to write it in")  # noqa: TRY004 - as documented
    if isinstance(value, list | tuple):
        items = cast("list[object] | tuple[object, ...]", value)
        if not any(isinstance(item, list | tuple | set | frozenset | dict) for item in items):
            return fold(" ".join(map(str, items)))
    return fold(str(whole))


def fold(text: str) -> str:
    """Every run of white space as one space, and none at the ends."""
    return " ".join(text.split())
