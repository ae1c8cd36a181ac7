"""The records of a comparison, and how its figures come of the single verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, median
from typing import Literal

from latm._intervals import wilson
from latm.tuner import _statistics
from latm.tuner._statistics import Bin

ContenderKind = Literal["majority", "zero-shot", "base", "tuned"]
ORDER: tuple[ContenderKind, ...] = ("majority", "zero-shot", "base", "tuned")
"""How contenders are ordered: by what went into them."""

VerdictKind = Literal["label", "unsure", "unreadable", "error"]
NO_LABEL: tuple[VerdictKind, ...] = ("unsure", "unreadable", "error")
"""The columns of a confusion matrix behind those of the labels."""

EFFECT = 0.10
"""The difference that a sentence plans for: ten points, which a user would notice."""

Outcome = Literal["better", "worse", "no difference"]


@dataclass(frozen=True, slots=True)
class Put:
    """A sample as it was put to every contender.

    Attributes:
        id: names it; no two of a set have the same.
        text: the text.
        label: what is right.
    """

    id: str
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class SampleSet:
    """A set of samples.

    Attributes:
        name: of its file.
        synthetic: it was written by a model, as the training data were, and flatters.
        samples: in the order of the file.
    """

    name: str
    synthetic: bool
    samples: tuple[Put, ...]


@dataclass(frozen=True, slots=True)
class Entrant:
    """Who was compared.

    Attributes:
        name: short, and unlike the others': ``base``, ``tuned (300)``.
        kind: what it is.
        model: ``provider:model``; empty for the majority class.
        samples: how many it was trained on, where that is known.
    """

    name: str
    kind: ContenderKind
    model: str = ""
    samples: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One contender on one sample.

    Attributes:
        set: the name of the set.
        sample: the sample's id.
        contender: the contender's name.
        kind: ``label``; ``unsure``, which abstains; ``unreadable``, a reply that names no label, was refused
            or was cut at its limit; ``error``, no reply at all.
        right: it named the sample's label.
        said: the label that it named, or None.
        reply: what it said, cut to 200 characters.
        confidence: from 0 to 1, where it told one.
        seconds: that it took; None where there was no reply.
        cost_usd: what it cost; None where that is not known.
        error: why there was no reply, or only a part of one; else empty.
    """

    set: str
    sample: str
    contender: str
    kind: VerdictKind
    right: bool
    said: str | None = None
    reply: str = ""
    confidence: float | None = None
    seconds: float | None = None
    cost_usd: Decimal | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Confused:
    """A label that was taken for another, and how often."""

    label: str
    said: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One contender on one set. Shares are from 0 to 1.

    Attributes:
        set: the name of the set.
        contender: the contender's name.
        n: samples.
        right: samples whose label it named.
        accuracy: right / n: what abstains, cannot be read or never came is not right.
        low: where the 95 % interval of the accuracy begins (Wilson).
        high: where it ends.
        macro_f1: see `latm.tuner._statistics.macro_f1`: over the labels that the set has or a reply names.
        readable: replies that name a label or say ``unsure``, as a share of n.
        coverage: replies that name a label, as a share of n.
        answered: right / replies that name a label; None where none does.
        unsure: replies that abstain.
        unreadable: replies that name no label.
        errors: samples without a reply.
        confusion: counts; a row for each label that is right, a column for each label that was said and three
            more for ``unsure``, ``unreadable`` and ``error``.
        confused: the labels most often taken for another, at most five.
        cost_usd: of all replies; None where that of one is not known.
        seconds_mean: per reply; None where there was none.
        seconds_p50: the median.
        bins: of the confidences, where there are any.
        calibration_error: see `latm.tuner._statistics.calibration_error`.
        brier: see `latm.tuner._statistics.brier`.
    """

    set: str
    contender: str
    n: int
    right: int
    accuracy: float
    low: float
    high: float
    macro_f1: float
    readable: float
    coverage: float
    answered: float | None
    unsure: int
    unreadable: int
    errors: int
    confusion: tuple[tuple[int, ...], ...]
    confused: tuple[Confused, ...] = ()
    cost_usd: Decimal | None = None
    seconds_mean: float | None = None
    seconds_p50: float | None = None
    bins: tuple[Bin, ...] = ()
    calibration_error: float | None = None
    brier: float | None = None

    @property
    def cost_each(self) -> Decimal | None:
        """USD per sample."""
        return None if self.cost_usd is None else self.cost_usd / self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two contenders on the samples of a set to which both gave a reply.

    Attributes:
        set: the name of the set.
        first: a contender.
        second: the one that is said to be better than the first, or not.
        main: it is a tuned one against what was tuned; else it is told beside.
        n: samples that both gave a reply to.
        left_out: samples that are not among them.
        only_first: samples that only the first got right.
        only_second: samples that only the second got right.
        difference: of the shares, the second's less the first's, from -1 to 1.
        low: where the 95 % interval of the difference begins (Tango).
        high: where it ends.
        p: McNemar's exact two-sided p.
        mid_p: the mid-p, for information.
        tests: how many tests it was one of.
        corrected: p after Holm's correction for that many; what the verdict rests on.
        outcome: of the second: ``better``, ``worse`` or ``no difference`` shown.
        needed: about how many samples would show a difference of ten points with a power of 80 %.
        sentence: what the figures allow to say.
    """

    set: str
    first: str
    second: str
    main: bool
    n: int
    left_out: int
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float
    p: float
    mid_p: float
    tests: int = 1
    corrected: float = 1.0
    outcome: Outcome = "no difference"
    needed: int = 0
    sentence: str = ""


def score(set_: SampleSet, verdicts: Sequence[Verdict], labels: Sequence[str]) -> Score:
    """The figures of one contender, from its verdicts on a set, in the order of the samples."""
    truth = [each.label for each in set_.samples]
    n, right = len(truth), sum(each.right for each in verdicts)
    low, high = wilson(right, n)
    kinds = Counter(each.kind for each in verdicts)
    paired = list(zip(truth, verdicts, strict=True))
    counts = Counter((true, each.said) for true, each in paired)
    silent = Counter((true, each.kind) for true, each in paired)  # apart: a label may be called "unsure"
    confused = [
        Confused(true, said, counts[true, said])
        for true in labels
        for said in labels
        if true != said and counts[true, said]
    ]
    costs = [each.cost_usd for each in verdicts]
    seconds = [each.seconds for each in verdicts if each.seconds is not None]
    sure = [
        (each.confidence, each.right)
        for each in verdicts
        if each.kind == "label" and each.confidence is not None
    ]
    bins = _statistics.reliability(sure) if sure else ()
    return Score(
        set=set_.name,
        contender=verdicts[0].contender,
        n=n,
        right=right,
        accuracy=right / n,
        low=low,
        high=high,
        macro_f1=_statistics.macro_f1(truth, [each.said for each in verdicts], labels),
        readable=(kinds["label"] + kinds["unsure"]) / n,
        coverage=kinds["label"] / n,
        answered=right / kinds["label"] if kinds["label"] else None,
        unsure=kinds["unsure"],
        unreadable=kinds["unreadable"],
        errors=kinds["error"],
        confusion=tuple(
            (*(counts[true, said] for said in labels), *(silent[true, kind] for kind in NO_LABEL))
            for true in labels
        ),
        confused=tuple(sorted(confused, key=lambda each: -each.count)[:5]),
        cost_usd=None if None in costs else sum((each for each in costs if each is not None), Decimal()),
        seconds_mean=fmean(seconds) if seconds else None,
        seconds_p50=median(seconds) if seconds else None,
        bins=bins,
        calibration_error=_statistics.calibration_error(bins),
        brier=_statistics.brier(sure),
    )
