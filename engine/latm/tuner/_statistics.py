"""What can be said of counts: the test of two contenders on the same samples, and its power.

The core installs no SciPy; the tests hold every figure against SciPy, statsmodels and scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from latm._intervals import LEVEL, Z

POWER = 0.8
"""The chance to show a difference that is there, for which `pairs_needed` counts."""

BINS = 10
"""Of a reliability diagram, of equal width (Guo et al. 2017, On calibration of modern neural networks)."""

_Z_POWER = NormalDist().inv_cdf(POWER)
_HALVINGS = 60  # of an interval no wider than 2: exact to the last bit of a float


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram.

    Attributes:
        low: where it begins; what lies on an edge belongs to the bin above it.
        high: where it ends; 1 belongs to the last.
        n: answers with such a confidence.
        confidence: their mean; None where there are none.
        right: the share of them that was right; None where there are none.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    right: float | None


def mcnemar(only_first: int, only_second: int) -> tuple[float, float]:
    """McNemar's test of two contenders on the same samples: the exact two-sided p, and the mid-p.

    Under no difference, each sample that only one of them got right is as likely one's as the other's
    (McNemar 1947). The exact p is twice the smaller tail, at most 1. The mid-p counts what was seen by half;
    it is less cautious (Fagerland, Lydersen and Laake 2013).

    Args:
        only_first: samples that only the first got right.
        only_second: samples that only the second got right.
    """
    discordant, fewer = only_first + only_second, min(only_first, only_second)
    term = tail = 1
    for number in range(1, fewer + 1):
        term = term * (discordant - number + 1) // number  # binomial coefficients, without rounding
        tail += term
    everything = 1 << discordant
    return min(1.0, 2 * tail / everything), min(1.0, (2 * tail - term) / everything)


def difference(only_first: int, only_second: int, n: int) -> tuple[float, float, float]:
    """How much more often the second was right, with its 95 % interval, on n samples put to both.

    The interval is Tango's (1998, Statistics in Medicine 17:891-908): the differences that the score test
    would not reject; so it agrees with McNemar's test without correction.

    Returns:
        The difference of the shares and the interval's ends, all from -1 to 1.
    """
    if n == 0:
        return 0.0, -1.0, 1.0
    found = (only_second - only_first) / n

    def score(delta: float) -> float:
        linear = (2 * n - only_second + only_first) * delta - only_second - only_first
        root = math.sqrt(linear * linear + 8 * n * only_first * delta * (1 - delta))
        fitted = (root - linear) / (4 * n)  # the likeliest share of only_first, were delta true
        variance = n * (2 * fitted + delta * (1 - delta))
        return (only_second - only_first - n * delta) / math.sqrt(variance) if variance > 0 else math.inf

    low = -1.0 if found == -1 else _edge(-1.0, found, lambda delta: score(delta) > Z)
    high = 1.0 if found == 1 else _edge(1.0, found, lambda delta: score(delta) < -Z)
    return found, low, high


def _edge(outside: float, inside: float, rejected: Callable[[float], bool]) -> float:
    """Where a test stops to reject between a value that it rejects and one that it does not."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if rejected(middle) else (outside, middle)
    return (outside + inside) / 2


def pairs_needed(effect: float, discordant: float, *, tests: int = 1) -> int:
    """Samples that are needed, about, to show a difference of that size with a power of 80 %.

    Connor's formula (1987, Biometrics 43:207-211) for McNemar's test. It is meant for the test without
    correction; the exact one needs some 1 / effect more, for its p goes in steps.

    Args:
        effect: the difference of the shares, above 0 and at most 1.
        discordant: the share of samples that only one of them gets right; at least the effect is assumed.
        tests: how many tests it is one of, of which the corrected p counts: the hardest of Holm's steps.
    """
    share = max(discordant, effect)
    z = NormalDist().inv_cdf(1 - LEVEL / (2 * tests))
    root = z * math.sqrt(share) + _Z_POWER * math.sqrt(share - effect * effect)
    return math.ceil((root / effect) ** 2 + 1 / effect)


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """p-values of several tests, corrected so that one false finding among all of them stays below the level.

    Holm's step-down correction (1979, Scandinavian Journal of Statistics 6:65-70). In the order given.
    """
    corrected = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = highest
    return tuple(corrected)


def macro_f1(truth: Sequence[str], said: Sequence[str | None], labels: Sequence[str]) -> float:
    """The mean over labels of 2 TP / (2 TP + FP + FN), as scikit-learn defines it.

    A label counts that some sample has or some reply names: one with samples that was never named rightly
    counts 0, and so does one that was named and has no sample; one that neither has is left out. None, a
    reply without a label, is a miss of the sample's label and of no other.
    """
    scores: list[float] = []
    for label in labels:
        hits = sum(true == label and reply == label for true, reply in zip(truth, said, strict=True))
        total = sum(true == label for true in truth) + sum(reply == label for reply in said)
        if total:
            scores.append(2 * hits / total)
    return fmean(scores) if scores else 0.0


def reliability(answers: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    """The bins of a reliability diagram.

    Args:
        answers: each answer's confidence, from 0 to 1, and whether it was right.
    """
    bins: list[Bin] = []
    for number in range(BINS):
        held = [each for each in answers if min(int(each[0] * BINS), BINS - 1) == number]
        bins.append(
            Bin(
                number / BINS,
                (number + 1) / BINS,
                len(held),
                fmean(each[0] for each in held) if held else None,
                fmean(float(each[1]) for each in held) if held else None,
            )
        )
    return tuple(bins)


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """The expected calibration error: the mean gap of a bin's confidence and its share of right answers.

    From 0 to 1, weighted by the answers in the bin; None where there are none.
    """
    n = sum(each.n for each in bins)
    if n == 0:
        return None
    return sum(
        each.n / n * abs(each.confidence - each.right)
        for each in bins
        if each.confidence is not None and each.right is not None
    )


def brier(answers: Sequence[tuple[float, bool]]) -> float | None:
    """The mean of (confidence - right)², from 0 to 1, over the answers; None where there are none.

    It is that of the label that was answered, not of all labels (Brier 1950 sums over them).
    """
    return fmean((confidence - right) ** 2 for confidence, right in answers) if answers else None
