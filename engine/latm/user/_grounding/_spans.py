"""Texts of a call, found in a question: what may differ, and what may not.

A text is found where it stands in the question up to case, compatible characters and white space. White
space, the quotes around words, and the marks between and behind them may be left out of it. Nothing may be
added.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u2032\u00b4`", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2044": "/",
    }
)
_VULGAR = re.compile(r"(?<=\d)[\u00bc-\u00be\u2150-\u215e]")
_QUOTES, _SEPARATORS, _STOPS = frozenset("\"'"), frozenset(",;|"), frozenset(".:!?")
_BRACKETS = frozenset("()[]{}<>")
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", '"': '"', "'": "'"}
_NEAR = 80  # characters of white space that a run of signs is looked for behind
_MOST_PLACES = 1000  # where one text is looked at in a question
_WORD = re.compile(r"[^\s,;|\"']+")
_SNAKE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")


def folded(text: str) -> str:
    """A text as it is compared: compatible characters, quotes and dashes as one, no case, no format signs."""
    plain = text
    if not text.isascii():
        # Without the space 1\u00bd would become 11/2.
        plain = unicodedata.normalize("NFKC", _VULGAR.sub(r" \g<0>", text)).translate(_ALIKE)
    plain = plain.replace("`", "'").casefold()
    if plain.isascii():
        return plain
    return "".join(each for each in plain if unicodedata.category(each) != "Cf")


@dataclass(frozen=True, slots=True)
class _View:
    """A question without some of its characters.

    Attributes:
        text: what is left.
        places: where each character of it stands in the whole; one more for the end.
    """

    text: str
    places: Sequence[int]


@final
class Spans:
    """Finds texts in a question.

    Args:
        question: as it was asked.
    """

    def __init__(self, question: str) -> None:
        self.text = folded(question)
        self._made: list[_View] = []

    def holds(self, wanted: str) -> bool:
        """Whether a text comes from the question.

        It does as one span of it, or as its words, two at least, in their order with other words between them
        where only white space and the marks of lists stand between its own.
        """
        text = folded(wanted).strip()
        if not text or self._first(text) is not None or self._cleaned(text):
            return True
        return self._listed(text) or bool(_SNAKE.fullmatch(text) and self._cleaned(text.replace("_", " ")))

    def joins(self, pieces: Sequence[str]) -> bool:
        """Whether single characters come from the question: as a span, or each as a word of its own."""
        text = folded("".join(pieces))
        if self._cleaned(text):
            return True
        if not all(each.isalnum() for each in text):
            return False
        return Counter(each for each in text) <= self._letters

    @cached_property
    def words(self) -> frozenset[str]:
        """What stands between white space, quotes and the marks of lists."""
        return frozenset(_WORD.findall(self.text))

    @cached_property
    def _letters(self) -> Counter[str]:
        """Characters that are words of their own."""
        return Counter(re.findall(r"(?<!\w)\w(?!\w)", self.text))

    def _views(self) -> Iterator[_View]:
        """The question without white space, then without ever more marks."""
        for number, marks in enumerate((frozenset[str](), _SEPARATORS, _SEPARATORS | _STOPS)):
            if number == len(self._made):
                self._made.append(self._without(marks))
            yield self._made[number]

    def _without(self, marks: frozenset[str]) -> _View:
        """The question without white space, and where there are marks to drop without them and quotes."""
        text = self.text
        places = [
            at
            for at, each in enumerate(text)
            if not each.isspace() and not (marks and self._droppable(at, each, marks))
        ]
        return _View("".join(text[at] for at in places), [*places, len(text)])

    def _droppable(self, at: int, each: str, marks: frozenset[str]) -> bool:
        if each in _SEPARATORS:
            return each in marks
        if each not in _QUOTES and each not in marks:
            return False
        before, behind = self.text[at - 1 : at], self.text[at + 1 : at + 2]
        # The quote of "don't" and the point of 3.5 belong to their words; both sides of others are open.
        return not (before.isalnum() and behind.isalnum())

    def _first(self, text: str, start: int = 0) -> int | None:
        """Behind the first place from `start` on where a text stands as it is; None where it does not."""
        signs = _signs(text)
        for at in _places(self.text, text, start):
            if self._is_whole(signs, at, at + len(text)):
                return at + len(text)
        return None

    def _cleaned(self, text: str) -> bool:
        """Whether a text is one span without what may be left out."""
        bare = "".join(text.split())
        apart, signs = _gaps(text), _signs(bare)
        for view in self._views():
            spots = view.places
            for at in _places(view.text, bare):
                # Words that it keeps apart have to be apart in the question as well.
                if any(spots[at + gap] - spots[at + gap - 1] == 1 for gap in apart):
                    continue
                if self._is_whole(signs, spots[at], spots[at + len(bare) - 1] + 1):
                    return True
        return False

    def _listed(self, text: str) -> bool:
        """Whether a text is a list of words of the question in their order."""
        words = _WORD.findall(text)
        if len(words) < 2 or (text[0], text[-1]) != (words[0][0], words[-1][-1]):  # noqa: PLR2004
            return False
        at: int | None = 0
        for word in words:
            bare = word.removesuffix(":")
            if not any(each.isalnum() for each in bare):
                return False
            at = self._first(bare, at or 0)
            if at is None:
                return False
        return True

    def _is_whole(self, signs: frozenset[str], start: int, end: int) -> bool:
        """Whether a place begins and ends where words, numbers and runs of signs do."""
        if self._splits(start) or self._splits(end):
            return False
        before = self.text[max(start - _NEAR, 0) : start].rstrip()[-1:]
        behind = self.text[end : end + _NEAR].lstrip()[:1]
        if before and _PAIRS.get(before) == behind:
            return True  # it stands in quotes or brackets of its own
        return before not in signs and behind not in signs

    def _splits(self, at: int) -> bool:
        """Whether a place lies within a word or a number."""
        if not 0 < at < len(self.text):
            return False
        before, behind = self.text[at - 1], self.text[at]
        if before == "." and behind.isdigit():
            return self.text[at - 2 : at - 1].isdigit()
        if before.isdigit():
            return behind.isdigit() or (behind == "." and self.text[at + 1 : at + 2].isdigit())
        # Scripts without case mostly write without spaces too.
        return _is_cased(before) and (_is_cased(behind) or unicodedata.combining(behind) > 0)


def _signs(text: str) -> frozenset[str]:
    """What a run of signs goes on with; nothing for words, and for a sign alone."""
    if len(text) < 2 or any(each.isalnum() for each in text):  # noqa: PLR2004
        return frozenset()
    signs = frozenset(text)
    return signs | _BRACKETS if signs & _BRACKETS else signs


def _is_cased(each: str) -> bool:
    return each.isalpha() and each.upper() != each


def _gaps(text: str) -> tuple[int, ...]:
    """Where, in a text without its white space, white space stood between a word and another."""
    found: list[int] = []
    at, last = 0, ""
    for word in text.split():
        if at and word[0].isalnum() and last.isalnum():
            found.append(at)
        at += len(word)
        last = word[-1]
    return tuple(found)


def _places(text: str, wanted: str, start: int = 0) -> Iterator[int]:
    at = text.find(wanted, start)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        yield at
        at = text.find(wanted, at + 1)
