"""The numbers that a question holds, in digits, words and fractions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

_SMALL = {
    word: number
    for number, word in enumerate(
        (
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
            ),
            *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        )
    )
}
_TENS = {
    word: number * 10
    for number, word in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2
    )
}
_IRREGULAR = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
_RANKS = {
    **{_IRREGULAR.get(number, f"{word}th"): number for word, number in _SMALL.items()},
    **{f"{word[:-1]}ieth": number for word, number in _TENS.items()},
}
_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_TIMES = {"once": 1, "twice": 2, "thrice": 3, "double": 2, "triple": 3, "single": 1, "both": 2}
_SUFFIXES = {
    **_SCALES,
    **{f"{word}s": value for word, value in _SCALES.items()},
    "k": 10**3,
    **dict.fromkeys(("m", "mn"), 10**6),
    **dict.fromkeys(("b", "bn"), 10**9),
    "t": 10**12,
    **dict.fromkeys(("couple", "couples", "pair", "pairs"), 2),
    **dict.fromkeys(("dozen", "dozens"), 12),
    "score": 20,
}
_WORDS = {**_SMALL, **_TENS, **_RANKS, **_TIMES}
_PARTS = {
    **dict.fromkeys(("half", "halves"), 2),
    **dict.fromkeys(("quarter", "quarters"), 4),
    **{f"{word}s": number for word, number in _RANKS.items() if number > 2},  # noqa: PLR2004 - "seconds" is none
}
_WORD = re.compile(r"[a-z]+")
_CHUNK = re.compile(r"\d+(?:[.,_']\d+)*(?:e[+-]?\d{1,3}(?!\w))?|(?<![\d.])\.\d+")
_GROUPED = re.compile(r"\d{1,3}(?P<mark>[,_'])\d{3}(?:(?P=mark)\d{3})*(?:\.\d+)?")
_BY_POINTS = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}")
_PLAIN = re.compile(r"\d*(?:[.,]\d+)?(?:e[+-]?\d+)?")
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,])")
_RATIO = re.compile(
    r"(?<![\d/])(?:(?P<whole>\d{1,9})(?:[ \t]+|-))?(?P<top>\d{1,18}) ?/ ?(?P<bottom>\d{1,18})(?![\d/])"
)
_PART = re.compile(
    r"(?:(?P<whole>\d{1,9}) and )?(?P<top>\d{1,9}|an?)?[ -]?\b(?P<part>"
    + "|".join(_PARTS)
    + r"|\d{1,3}(?:rd|th))\b(?: (?:of )?an? (?P<of>[a-z]+))?"
)
_PERCENT = re.compile(r"[ -]?(?:%|per ?cent\b)")
_SUFFIX = re.compile(r"[ -]?([a-z]{1,9})(?![a-z])")
_BELOW = re.compile(r"[ \u00b0]*(?:degrees? )?(?:[cf] |celsius |fahrenheit )?below (?:zero|0|freezing)")
_NEGATIVE = re.compile(r"(?:- ?|\b(?:minus|negative) )[$\u20ac\u00a3\u00a5\u20b9]? ?\Z")
_NEAR = 12  # characters before a number that its sign is looked for in
_MOST_DIGITS = 4300  # as many as Python turns into a number


def numbers_in(text: str) -> Iterator[Fraction]:
    """Every number that a folded text without number words can be read to hold, in each of its readings.

    ``1,200`` is 1200, and 1 and 200; ``5%`` is 5 and 0.05; ``1.2k`` is 1.2 and 1200; ``-5``, ``minus 5`` and
    ``5 degrees below zero`` are 5 and -5; ``3rd`` is 3, ``2 thirds`` 2/3.
    """
    for chunk in _CHUNK.finditer(text):
        for size in _sizes(chunk[0]):
            yield from _around(text, chunk.start(), chunk.end(), size)
    for spaced in _SPACED.finditer(text):
        if len(spaced[0]) <= _MOST_DIGITS:
            whole = Fraction(int(spaced[0].replace(" ", "")))
            yield from _around(text, spaced.start(), spaced.end(), whole)
    for ratio in _RATIO.finditer(text):
        if bottom := int(ratio["bottom"]):
            part = Fraction(int(ratio["top"]), bottom)
            yield from _around(text, ratio.start("top"), ratio.end(), part)
            if ratio["whole"]:
                yield from _around(text, ratio.start(), ratio.end(), int(ratio["whole"]) + part)
    for found in _PART.finditer(text):
        yield from _parted(found)


def read_number(text: str) -> Fraction | None:
    """A number as a call writes one in a text: digits, perhaps a sign and a point."""
    if len(text) > _MOST_DIGITS or not re.fullmatch(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", text):
        return None
    return Fraction(text)


def in_digits(text: str) -> str:
    """A folded text with its number words as digits: ``twenty-one`` as 21, ``third`` as 3rd."""
    parts: list[str] = []
    run: list[re.Match[str]] = []
    done, before = 0, ""

    def write() -> None:
        nonlocal done
        if run and run[-1][0] == "and":
            run.pop()
        if run:
            parts.extend((text[done : run[0].start()], _digits([each[0] for each in run])))
            done = run[-1].end()
        run.clear()

    for word in _WORD.finditer(text):
        if run and not (_joins(text[run[-1].end() : word.start()]) and _follows(run[-1][0], word[0])):
            write()
        if run or _begins(word[0], before, text[max(word.start() - 2, 0) : word.start()]):
            run.append(word)
        before = word[0]
    write()
    return "".join([*parts, text[done:]])


def _joins(gap: str) -> bool:
    return not gap.strip(" \t\n-")


def _begins(word: str, before: str, near: str) -> bool:
    if word in _SCALES:
        return before in {"a", "an"}
    # "30 second delay" holds no rank.
    return word in _WORDS and not (word == "second" and (near[:1].isdigit() or before in _WORDS))


def _follows(last: str, word: str) -> bool:
    """Whether a word goes on with the number that the last one belongs to."""
    if last in _RANKS or last in _TIMES:
        return False
    if word == "and":
        return last in _SCALES
    if word in _SCALES:
        return last != "and"
    if last in _SCALES or last == "and":
        return word in _SMALL or word in _TENS or word in _RANKS
    return last in _TENS and 1 <= _SMALL.get(word, _RANKS.get(word, 0)) < 10  # noqa: PLR2004 - twenty-one


def _digits(words: list[str]) -> str:
    total = current = 0
    for word in words:
        if word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
        else:
            current += _WORDS.get(word, 0)
    return f"{total + current}{'th' if words[-1] in _RANKS else ''}"


def _sizes(chunk: str) -> Iterator[Fraction]:
    """What digits with marks among them can be read as."""
    if len(chunk) > _MOST_DIGITS:
        return
    if grouped := _GROUPED.fullmatch(chunk):
        yield Fraction(chunk.replace(grouped["mark"], ""))
    elif _BY_POINTS.fullmatch(chunk):
        yield Fraction(chunk.replace(".", "").replace(",", "."))
    elif _PLAIN.fullmatch(chunk):
        yield Fraction(chunk.replace(",", "."))
    # 1,2,3 may be a list, and 1.5.2023 a date; 3.5 is neither.
    if chunk.count(".") > 1 or any(mark in chunk for mark in ",_'"):
        yield from (Fraction(part) for part in re.split(r"[,_']", chunk) if _PLAIN.fullmatch(part))
        yield from (Fraction(part) for part in re.split(r"[.,_']", chunk) if part.isdigit())


def _around(text: str, start: int, end: int, size: Fraction) -> Iterator[Fraction]:
    """A number with what stands before and behind it: a sign, percent, thousand."""
    sizes = [size]
    if percent := _PERCENT.match(text, end):
        sizes.append(size / 100)
        end = percent.end()
    elif (suffix := _SUFFIX.match(text, end)) and suffix[1] in _SUFFIXES:
        sizes.append(size * _SUFFIXES[suffix[1]])
    yield from sizes
    if _NEGATIVE.search(text[max(start - _NEAR, 0) : start]) or _BELOW.match(text, end):
        yield from (-each for each in sizes)


def _parted(found: re.Match[str]) -> Iterator[Fraction]:
    """``3 quarters``, ``2 and a half``, ``half a dozen``, ``1 3rd``."""
    word = found["part"]
    parts = _PARTS.get(word) or int(word[:-2])
    if not parts:
        return
    top = found["top"] or "1"
    size = Fraction(int(top) if top.isdigit() else 1, parts)
    yield size
    if found["whole"]:
        yield int(found["whole"]) + size
    if found["of"] in _SUFFIXES:
        yield size * _SUFFIXES[found["of"]]
