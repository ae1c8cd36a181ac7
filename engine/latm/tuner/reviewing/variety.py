"""How much the texts differ, beside what is usual."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from statistics import fmean
from types import MappingProxyType

from latm.tuner.reviewing._findings import Finding
from latm.tuner.reviewing._texts import Corpus, Text, spans

_WINDOW = 1000
"""Words at a time in which different ones are counted: in a larger set more words come again."""

_OPENING = 3
_FEWEST = 10
_SAME_OPENING, _OFTEN = 0.1, 0.25
"""The share of texts that may begin with the same words; and the one from which on it is more than a note."""

# Usual is what texts that people wrote show: 100 complaints to a bank, and 15 to 300 descriptions of Debian's
# packages, of 15 to 150 words; `nearest_mean` grows with their number.
_USUAL: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "distinct_2": ("the share of different word pairs", "0.85 to 0.93"),
        "nearest_mean": ("the mean likeness of a text to the one most like it", "0.15 to 0.25"),
    }
)
_LEAST_DISTINCT_2 = 0.7
_MOST_NEAREST_MEAN = 0.45


def distinct(texts: Sequence[Text], size: int) -> float:
    """How many of the runs of ``size`` words are different, of 1,000 words at a time; 0 to 1.

    Texts are taken in an order that has nothing to do with theirs, so that labels and kinds are mixed.
    """
    runs = [
        each.words[at : at + size]
        for each in sorted(
            texts, key=lambda each: hashlib.sha256(each.key.encode("utf-8", "replace")).digest()
        )
        for at in range(len(each.words) - size + 1)
    ]
    windows = [runs[at : at + _WINDOW] for at in range(0, len(runs), _WINDOW)]
    if len(windows) > 1 and len(windows[-1]) < _WINDOW:
        windows.pop()
    return fmean(len(set(each)) / len(each) for each in windows) if windows else 0.0


def openings(texts: Sequence[Text]) -> list[tuple[str, list[Text]]]:
    """The first words of texts, and which begin so; the commonest first."""
    found: dict[str, list[Text]] = {}
    for each in texts:
        if len(each.words) > _OPENING:
            found.setdefault(" ".join(each.words[:_OPENING]), []).append(each)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


def variety(corpus: Corpus, figures: Mapping[str, float]) -> list[Finding]:
    """What is too much alike.

    Args:
        corpus: the texts.
        figures: ``distinct_2`` and ``nearest_mean``.
    """
    total = len(corpus.texts)
    if total < _FEWEST:
        return []
    found: list[Finding] = []
    for opening, those in openings(corpus.texts):
        share = len(those) / total
        if share < _SAME_OPENING or len(those) < 3:  # noqa: PLR2004 - two may begin alike
            break
        message = f"{share:.0%} of the texts ({len(those)}) begin with {opening!r}"
        found.append(
            Finding(
                "diversity",
                "warning" if share >= _OFTEN else "note",
                tuple(each.id for each in those),
                message,
                found=tuple(sorted({_start(each) for each in those})),
            )
        )
    for name, is_bad in (
        ("distinct_2", figures["distinct_2"] < _LEAST_DISTINCT_2),
        ("nearest_mean", figures["nearest_mean"] > _MOST_NEAREST_MEAN),
    ):
        if is_bad:
            what, usual = _USUAL[name]
            message = f"{what} is {figures[name]:.2f}; {usual} is usual: the texts are much alike"
            found.append(Finding("diversity", "warning", (), message))
    return found


def _start(text: Text) -> str:
    return text.sample.text[: spans(text.sample.text)[_OPENING - 1][2]]
