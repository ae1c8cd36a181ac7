"""Read questions as a reader of English would: which kind is it, and what does it say?

Nothing here computes an answer. What cannot be read as a whole is of no kind: better no
tool than a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Sorting:
    """Words that are to be put into alphabetical order."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Brackets:
    """A sequence of brackets that is to be closed, its symbols separated by spaces."""

    sequence: str


@dataclass(frozen=True, slots=True)
class Tracking:
    """Who has what, who swaps with whom, whose thing is asked for, and the options by letter."""

    holdings: tuple[tuple[str, str], ...]
    swaps: tuple[tuple[str, str], ...]
    person: str
    options: tuple[tuple[str, str], ...]


Reading: TypeAlias = "Sorting | Brackets | Tracking"

_ALPHABETICAL = re.compile(r"\balphabetical|\bfrom A to Z\b|\bdictionary\b", re.IGNORECASE)
_OTHER_ORDER = re.compile(
    r"\b(?:revers|backward|descend|length|long|short|count|how many|from Z\b)", re.IGNORECASE
)
_COMMAS = re.compile(r"[a-z]+(?:, [a-z]+)+(?:,? and [a-z]+)?")
_SPACES = re.compile(r":\s+([a-z]+(?: [a-z]+)+)(?=[.\n]|$)")
_BULLETS = re.compile(r"^[-*] ([a-z]+)$", re.MULTILINE)
_FEWEST_WORDS = 3

_RUN = re.compile(r"[()\[\]{}<>](?:[ ]+[()\[\]{}<>])+")
_TO_CLOSE = re.compile(r"\bclos|\bbalanc", re.IGNORECASE)
_TO_COMPLETE = re.compile(r"\bmissing\b|\bappend|\bfollow\b|\bcontinue\b|\bcomplete\b", re.IGNORECASE)

_HOLDING = re.compile(r"\b([A-Z]\w+) (?:has|holds|starts with) (the [a-z]+(?: [a-z]+)*?)(?=,|\.| and\b)")
_SWAP = re.compile(r", ([A-Z]\w+) (?:and|trades with|exchanges things with) ([A-Z]\w+)\b(?: swap\b[^.]*)?\.")
_OPTION = re.compile(r"^\(([A-Z])\) (.+?)\s*$", re.MULTILINE)
_ASKING = re.compile(r"[^.?!\n]*\?")


def read(question: str) -> Reading | None:
    """What a question says, if it is of a kind that is known here."""
    return _sorting(question) or _brackets(question) or _tracking(question)


def kind(text: str) -> type[Reading] | None:
    """The kind of a question, even where its end was cut off."""
    reading = read(text)
    if reading is not None:
        return type(reading)
    # A shortened sample of a long story still tells who has what and who swaps.
    return Tracking if len(_HOLDING.findall(text)) > 1 and _SWAP.search(text) else None


def _sorting(question: str) -> Sorting | None:
    if not _ALPHABETICAL.search(question) or _OTHER_ORDER.search(question):
        return None
    words = max((tuple(each) for each in _lists(question)), key=len, default=())
    return Sorting(words) if len(words) >= _FEWEST_WORDS else None


def _lists(question: str) -> Iterator[list[str]]:
    yield _BULLETS.findall(question)
    yield from (found[1].split() for found in _SPACES.finditer(question))
    yield from (re.split(r",? and |, ", found[0]) for found in _COMMAS.finditer(question))


def _brackets(question: str) -> Brackets | None:
    if not (_TO_CLOSE.search(question) and _TO_COMPLETE.search(question)):
        return None
    runs = [" ".join(found[0].split()) for found in _RUN.finditer(question)]
    return Brackets(max(runs, key=len)) if runs else None


def _tracking(question: str) -> Tracking | None:
    holdings = tuple(_HOLDING.findall(question))
    options = tuple(_OPTION.findall(question))
    names = {name for name, _ in holdings}
    asked = [
        name for asking in _ASKING.findall(question) for name in re.findall(r"\w+", asking) if name in names
    ]
    swaps = tuple(_SWAP.findall(question))
    if not (holdings and swaps and options) or len(asked) != 1 or {*sum(swaps, ())} - names:
        return None
    return Tracking(holdings, swaps, asked[0], options)
