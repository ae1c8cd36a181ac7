"""The page of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from latm import _figures
from latm.errors import ConfigError
from latm.pages import render
from latm.tuner import _plots
from latm.tuner._pairs import p_text
from latm.tuner._record import Comparison
from latm.tuner._runs import TunedModel
from latm.tuner._scores import NO_LABEL, Pair, Put, SampleSet, Score, Verdict

SHADE = 40  # per cent of a colour behind a count that is all of its row; a text on it can be read


def page(comparison: Comparison, *, trained: Sequence[TunedModel] = ()) -> str:
    """A comparison as a page of HTML: one file, which asks for nothing from anywhere.

    Args:
        comparison: what is shown.
        trained: models whose training is shown, with its loss where that was told.

    Raises:
        MissingDependency: jinja2 or matplotlib is not installed.
    """
    entrants = {each.name: each for each in comparison.contenders}
    sure = [each for each in comparison.scores if each.bins]
    return render(
        "latm.tuner._pages",
        "comparison.html",
        comparison=comparison,
        headline=headline(comparison),
        entrants=entrants,
        by_set=[
            (set_, [each for each in comparison.scores if each.set == set_.name]) for set_ in comparison.sets
        ],
        pairs=comparison.pairs,
        figures=_figures,
        p_text=p_text,
        accuracy=_plots.accuracy(comparison),
        curves=[
            _plots.curve(comparison, set_, name=f"curve-{number}")
            for number, set_ in enumerate(comparison.sets, start=1)
            if _plots.has_curve(comparison)
        ],
        matrices=[
            matrix(comparison, each)
            for each in comparison.scores
            if entrants[each.contender].kind != "majority"
        ],
        reliability=[
            (each, _plots.reliability(each, name=f"reliability-{number}"))
            for number, each in enumerate(sure, start=1)
        ],
        losses=[
            (each, _plots.loss(each, name=f"loss-{number}"))
            for number, each in enumerate(trained, start=1)
            if _plots.has_loss(each)
        ],
        trained=trained,
        wrong=list(wrong(comparison)),
        turned=turned(comparison),
    )


def curve_svg(comparison: Comparison) -> str:
    """The learning curve on the set that decides, as an SVG file of its own.

    Raises:
        ConfigError: no two tuned contenders had different numbers of samples.
        MissingDependency: matplotlib is not installed.
    """
    if not _plots.has_curve(comparison):
        raise ConfigError(
            "no learning curve: it takes tuned models of at least two numbers of samples (latm tune train "
            "--samples)"
        )
    return str(_plots.curve(comparison, comparison.deciding[0], alone=True))


@dataclass(frozen=True, slots=True)
class Headline:
    """What came of it, in one line."""

    tone: Literal["good", "bad", "open"]
    text: str


def headline(comparison: Comparison) -> Headline:
    """The verdict of the deciding sets, as `Comparison.shown` has it."""
    deciding = {each.name for each in comparison.deciding}
    main = [each for each in comparison.pairs if each.main and each.set in deciding]
    if not main:
        what = "No tuned model was compared with what it was tuned from"
        return Headline("open", f"{what}." if comparison.pairs else comparison.sentences[0])
    outcomes: dict[str, set[str]] = {}
    for each in main:
        outcomes.setdefault(each.second, set()).add(each.outcome)
    better = [name for name, found in outcomes.items() if "better" in found and "worse" not in found]
    worse = [name for name, found in outcomes.items() if "worse" in found]
    reference = main[0].first
    # A synthetic set flatters: alone, it is no good news.
    alone = " on synthetic samples, and no real ones were there" if comparison.deciding[0].synthetic else ""
    if better:
        return Headline("open" if alone else "good", f"Better than {reference}{alone}: {_and(better)}.")
    if worse:
        return Headline("bad", f"Worse than {reference}{alone}: {_and(worse)}.")
    return Headline("open", f"No tuned model is shown better than {reference}{alone}.")


@dataclass(frozen=True, slots=True)
class Cell:
    """A count of a confusion matrix.

    Attributes:
        count: samples.
        right: it is on the diagonal.
        shade: of its row, in per cent, for the colour.
    """

    count: int
    right: bool
    shade: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix.

    Attributes:
        score: whose it is.
        open: it is the one to be seen first: the last contender's on the set that decides.
        columns: labels, and what else was said by any reply.
        rows: labels that the set has, each with its cells.
    """

    score: Score
    open: bool
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def matrix(comparison: Comparison, score: Score) -> Matrix:
    """The matrix without rows and columns that are empty."""
    names = {"unsure": "unsure", "unreadable": "unreadable", "error": "no reply"}
    columns = (*comparison.labels, *(names[each] for each in NO_LABEL))
    used = [
        place
        for place in range(len(columns))
        if any(row[place] for row in score.confusion)
        or (place < len(comparison.labels) and any(score.confusion[place]))
    ]
    first = (comparison.deciding[0].name, comparison.contenders[-1].name)
    return Matrix(
        score,
        (score.set, score.contender) == first,
        tuple(columns[place] for place in used),
        tuple(
            (
                label,
                tuple(
                    Cell(row[place], place == number, round(SHADE * row[place] / sum(row))) for place in used
                ),
            )
            for number, (label, row) in enumerate(zip(comparison.labels, score.confusion, strict=True))
            if any(row)
        ),
    )


@dataclass(frozen=True, slots=True)
class Wrong:
    """A sample that not all got right.

    Attributes:
        set: where it is.
        put: the sample.
        said: the verdict of each contender but the majority class, with its place among all contenders.
    """

    set: SampleSet
    put: Put
    said: tuple[tuple[int, Verdict], ...]

    @property
    def missed(self) -> tuple[int, ...]:
        """The places of those that did not get it right."""
        return tuple(place for place, each in self.said if not each.right)


def wrong(comparison: Comparison) -> Iterator[Wrong]:
    """The samples that not all got right, in order; the majority class is not asked what it thinks."""
    of = {(each.set, each.sample, each.contender): each for each in comparison.verdicts}
    asked = [
        (place, each.name) for place, each in enumerate(comparison.contenders) if each.kind != "majority"
    ]
    for set_ in comparison.sets:
        for put in set_.samples:
            found = Wrong(set_, put, tuple((place, of[set_.name, put.id, name]) for place, name in asked))
            if found.missed:
                yield found


def turned(comparison: Comparison) -> list[tuple[int, int, Pair]]:
    """The main pairs, once each, with the places of both contenders."""
    places = {each.name: place for place, each in enumerate(comparison.contenders)}
    found = {(each.first, each.second): each for each in reversed(comparison.pairs) if each.main}
    return [(places[first], places[second], each) for (first, second), each in reversed(found.items())]


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
