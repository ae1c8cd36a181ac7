"""Words of questions and of names, as the index counts them.

English endings are taken off lightly and words without a meaning of their own are left out. Text in other
languages passes through as it is: there the words that stand in every second task lose their weight by their
number.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

_MOST_WORDS = 2_000
_LONGEST_TEXT = 20_000  # characters of one text that are looked at: a megabyte must not hold up the others
# A run of letters; a character of a script without spaces; a symbol, since brackets tell tasks apart too.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+|[^\w\s.,:;!?'\"`-]")
_SHORTEST_STEM, _LONGEST_STEM = 3, 7
_WITHOUT_MEANING = """
    a about after all also am an and any are as at be because been before being both but by can could
    did do does each either else every few for from get give given gives had has have having he her here
    him his how i if in into is it its just let like made make many may me might more most much must my
    need no nor not now of off on once one only or other our out over own please same shall she should
    show so some such tell than that the their them then there these they this those to too under up us
    use very want was we were what when where which while who whom whose why will with within without
    would yes you your
"""
_FUNCTION_WORDS = frozenset(_WITHOUT_MEANING.split())
_ENDINGS = (
    ("ically", "ic"), ("ations", ""), ("ical", "ic"), ("ation", ""), ("ally", "al"), ("ings", ""),
    ("ions", ""), ("ing", ""), ("ion", ""), ("ies", "y"), ("ied", "y"), ("ers", ""), ("er", ""),
    ("ed", ""), ("es", ""), ("ly", ""), ("s", ""), ("e", ""),
)  # fmt: skip
_VOWELS_AND_TWINS = "aeiouls"  # "ss" and "ll" belong to the word: class, spell


def words(text: str) -> Iterator[str]:
    """The stems and symbols of a text that can tell tasks apart, in order; numbers are left out."""
    found = 0
    for match in _TOKEN.finditer(text[:_LONGEST_TEXT].casefold()):
        word = match[0]
        if word in _FUNCTION_WORDS:
            continue
        yield stem(word)
        found += 1
        if found == _MOST_WORDS:
            return


@functools.lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """A word without its English endings: ``sorting``, ``sorted`` and ``sorters`` are all ``sort``.

    Of long words the beginning is enough: ``alphabetize`` and ``alphabetical`` are ``alphabe``.
    """
    # Twice: "ordering" becomes "order", which alone becomes "ord".
    return _shorter(_shorter(word))[:_LONGEST_STEM] if word.isascii() else word


def _shorter(word: str) -> str:
    if word.endswith("ss"):
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            short = word[: len(word) - len(ending)] + instead
            twins = (
                len(short) > _SHORTEST_STEM and short[-1] == short[-2] and short[-1] not in _VOWELS_AND_TWINS
            )
            return short[:-1] if twins else short
    return word
