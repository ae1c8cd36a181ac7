"""The plots of a comparison."""
# matplotlib's own types leave much open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from latm._figures import count, interval, percent
from latm.pages import Series, Share, colour, draw, draw_shares, error_bars, legend
from latm.tuner._record import Comparison
from latm.tuner._runs import TunedModel
from latm.tuner._scores import Entrant, SampleSet, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 4.8  # inches; letters of it can be read on a phone
_EXACT_TICKS = 6
_WIDE_RANGE = 4  # of numbers of samples, from where on each doubling counts alike
_FLAT = {"base": ("series-2", "--"), "zero-shot": ("series-3", "-."), "majority": ("quiet", ":")}
"""How contenders are drawn that have no number of samples: colour and dashes by their kind."""


def accuracy(comparison: Comparison) -> str:
    """The accuracy of every contender on every set, with its interval."""
    named = {each.name: _named(each) for each in comparison.sets}
    return draw_shares(
        [
            Share(
                row=each.contender, series=named[each.set], share=each.accuracy, low=each.low, high=each.high
            )
            for each in comparison.scores
        ],
        [Series(name=named[each.name], hollow=each.synthetic) for each in comparison.sets],
        name="accuracy",
        title="Accuracy with 95 % intervals",
        axis="right, % of all samples",
    )


def has_curve(comparison: Comparison) -> bool:
    """Whether tuned contenders had different numbers of samples."""
    return len({each.samples for each in _points(comparison)}) > 1


def curve(comparison: Comparison, set_: SampleSet, *, name: str = "curve", alone: bool = False) -> str:
    """Accuracy over the samples of the training; what was not trained is a line across."""
    points = _points(comparison)
    counts = [each.samples or 0 for each in points]
    found = [comparison.score(set_.name, each.name) for each in points]
    flat = [each for each in comparison.contenders if each.kind in _FLAT]
    across = [comparison.score(set_.name, each.name) for each in flat]

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        # Two models of one number of samples are no line.
        line = "o-" if len(set(counts)) == len(counts) else "o"
        shown: list[Any] = [
            axes.errorbar(
                counts,
                [100 * each.accuracy for each in found],
                yerr=_bars(found),
                fmt=line,
                color=colour("accent"),
                elinewidth=1.2,
                capsize=3,
                markersize=5,
            )
        ]
        for entrant, score in zip(flat, across, strict=True):
            hue, dashes = _FLAT[entrant.kind]
            shown.append(axes.axhline(100 * score.accuracy, color=colour(hue), linestyle=dashes))
        _counts(axes, counts)
        low = min((each.low for each in (*found, *across)), default=0)
        axes.set_ylim(max(0, 10 * math.floor(10 * low - 0.5)), 102)
        axes.set_xlabel("samples of the training")
        axes.set_ylabel("right, % of all samples")
        legend(figure, shown, ["tuned, 95 % interval", *(each.name for each in flat)])

    told = [
        f"with {count(number, 'sample')} {percent(score.accuracy)} ({interval(score.low, score.high)})"
        for number, score in zip(counts, found, strict=True)
    ]
    told += [f"{each.contender} {percent(each.accuracy)}" for each in across]
    return draw(
        paint,
        name=name,
        title=f"Learning curve on {_named(set_)}",
        description=f"Right: {'; '.join(told)}.",
        size=(_WIDTH, 3.3),
        alone=alone,
    )


def reliability(score: Score, *, name: str) -> str:
    """How often answers were right, by how sure the contender said it was."""
    held = [each for each in score.bins if each.n]

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 100], [0, 100], linestyle=":", color=colour("quiet"))
        axes.bar(
            [100 * each.low for each in held],
            [100 * (each.right or 0) for each in held],
            width=[100 * (each.high - each.low) - 1 for each in held],
            align="edge",
            color=colour("accent"),
            alpha=0.35,
        )
        axes.plot(
            [100 * (each.confidence or 0) for each in held],
            [100 * (each.right or 0) for each in held],
            "o",
            markersize=4,
            color=colour("accent"),
            clip_on=False,
        )
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.set_xlabel("confidence, %")
        axes.set_ylabel("right, %")

    told = "; ".join(
        f"{percent(each.low)} to {percent(each.high)}: {percent(each.right or 0)} of {each.n}"
        for each in held
    )
    return draw(
        paint,
        name=name,
        title=f"Reliability of {score.contender} on {score.set}",
        description=f"Right by confidence: {told}. Dotted: as sure as it is right.",
        size=(3.4, 3.0),
    )


def loss(model: TunedModel, *, name: str) -> str:
    """The loss over the steps of a training."""
    curves = {
        "training": [(each.number, each.loss) for each in model.steps if each.loss is not None],
        "validation": [
            (each.number, each.validation_loss) for each in model.steps if each.validation_loss is not None
        ],
    }
    curves = {name: points for name, points in curves.items() if points}

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        shown: list[Any] = []
        for (told, points), style in zip(curves.items(), ("-", "--"), strict=False):
            shown += axes.plot(
                [each[0] for each in points],
                [each[1] for each in points],
                style,
                marker="o" if len(points) == 1 else "",
                color=colour("accent" if told == "training" else "series-2"),
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("step")
        axes.set_ylabel("loss")
        legend(figure, shown, list(curves))

    ends = [(each, points[0], points[-1]) for each, points in curves.items()]
    told = "; ".join(
        f"{each} from {first[1]:.3g} at step {first[0]} to {last[1]:.3g} at step {last[0]}"
        for each, first, last in ends
    )
    return draw(
        paint,
        name=name,
        title=f"Loss of {model.model}",
        description=f"Loss, {told}.",
        size=(_WIDTH, 2.8),
    )


def has_loss(model: TunedModel) -> bool:
    """Whether its tuner told a loss."""
    return any(each.loss is not None or each.validation_loss is not None for each in model.steps)


def _points(comparison: Comparison) -> list[Entrant]:
    return [each for each in comparison.contenders if each.kind == "tuned" and each.samples]


def _bars(scores: Sequence[Score]) -> list[list[float]]:
    return error_bars((each.accuracy, each.low, each.high) for each in scores)


def _counts(axes: Axes, counts: Sequence[int]) -> None:
    """The axis of the samples."""
    if max(counts) >= _WIDE_RANGE * min(counts):
        axes.set_xscale("log")
        axes.minorticks_off()
    if len(set(counts)) <= _EXACT_TICKS:
        axes.set_xticks(sorted(set(counts)), [f"{each:,}" for each in sorted(set(counts))])


def _named(set_: SampleSet) -> str:
    return f"{set_.name} (synthetic)" if set_.synthetic else set_.name
