"""A comparison as plain text, for a terminal of 80 columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from latm._figures import UNKNOWN, count, interval, percent, seconds, usd
from latm.tuner._record import Comparison
from latm.tuner._scores import Entrant, Score

WIDTH = 80
_NAME = 16
_CONFUSED = 3  # pairs of labels that are told of each contender
_COLUMNS = (
    ("n", 5),
    ("accuracy (95 % interval)", 25),
    ("macro F1", 9),
    ("parsed", 7),
    ("cost each", 11),
    ("time", 7),
)


def table(comparison: Comparison) -> str:
    """A comparison as plain text: the figures of each set, what was confused, and what may be said.

    "parsed" is the share of samples with a reply that could be read; "cost each" is the mean of a sample,
    "time" that of a reply. No line is longer than 80 columns, and no name or label reaches the terminal as
    anything but letters.
    """
    of = {each.name: each for each in comparison.contenders}
    lines: list[str] = []
    for each in comparison.contenders:
        if each.model:
            lines += _wrapped(f"{each.name}: {each.model}", indent="  ")
    if lines:
        lines = [*_wrapped(f"{comparison.tuning}: who was asked"), *lines, ""]
    for set_ in comparison.sets:
        scores = [each for each in comparison.scores if each.set == set_.name]
        mark = " (synthetic: it flatters)" if set_.synthetic else ""
        lines += _wrapped(f"{set_.name}{mark}: {count(len(set_.samples), 'sample')}")
        lines += ["", *_figures(scores), *_below(scores, of), ""]
    for sentence in (*comparison.sentences, *comparison.notes):
        lines += [*_wrapped(sentence), ""]
    return "\n".join(lines[:-1]) + "\n"


def _figures(scores: Sequence[Score]) -> Iterator[str]:
    yield "contender".ljust(_NAME) + "".join(name.rjust(width) for name, width in _COLUMNS)
    for each in scores:
        name = _printable(each.contender)
        cells = (
            str(each.n),
            f"{percent(each.accuracy)} ({interval(each.low, each.high)})",
            f"{each.macro_f1:.2f}",
            percent(each.readable),
            usd(each.cost_each),
            seconds(each.seconds_mean),
        )
        row = "".join(cell.rjust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
        if _columns(name) > _NAME:
            yield from _wrapped(name)
            name = ""
        yield name + " " * (_NAME - _columns(name)) + row


def _below(scores: Sequence[Score], of: Mapping[str, Entrant]) -> Iterator[str]:
    """What is told below the figures of a set."""
    if any(each.cost_usd is None for each in scores):
        yield ""
        yield from _wrapped(f'"{UNKNOWN}": the price of a model, or what a reply took, is not known.')
    unsure = [f"{each.contender} {each.unsure:,} of {each.n:,}" for each in scores if each.unsure]
    if unsure:
        yield ""
        yield from _wrapped(f"Unsure, which counts as wrong: {', '.join(unsure)}.")
    sure = [
        f"{each.contender} {each.calibration_error:.2f}"
        for each in scores
        if each.calibration_error is not None
    ]
    if sure:
        yield ""
        yield from _wrapped(f"Expected calibration error of the confidences: {', '.join(sure)}.")
    confused = [each for each in scores if each.confused and of[each.contender].kind != "majority"]
    if confused:
        yield ""
        yield "Most often taken for another label:"
    for each in confused:
        pairs = (f"{one.label} -> {one.said} ({one.count:,})" for one in each.confused[:_CONFUSED])
        yield from _wrapped(f"{each.contender}: {', '.join(pairs)}", indent="  ")


def _printable(text: str) -> str:
    """On one line, and without what a terminal would obey."""
    return "".join(each if each.isprintable() else "\ufffd" for each in " ".join(text.split()))


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def _wrapped(text: str, *, indent: str = "") -> Iterator[str]:
    """The lines of a paragraph; those after the first stand further in where the first does."""
    line, hanging = indent, indent * 2
    begun = False
    for word in _words(_printable(text), WIDTH - len(hanging)):
        if begun and _columns(line) + 1 + _columns(word) > WIDTH:
            yield line
            line, begun = hanging, False
        line += f" {word}" if begun else word
        begun = True
    yield line


def _words(text: str, most: int) -> Iterator[str]:
    """The words of a text; one that is too long for a line is cut in pieces."""
    for word in text.split(" "):
        piece = ""
        for each in word:
            if _columns(piece + each) > most:
                yield piece
                piece = ""
            piece += each
        yield piece
