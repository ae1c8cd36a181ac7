"""The plot of shares with their intervals: one row for each of whom they tell."""
# matplotlib's own types leave much open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latm._figures import interval, percent
from latm.pages._drawing import draw
from latm.pages._texts import shortened
from latm.pages._theme import SERIES, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 4.2  # inches; wider ones have small letters on a phone
_LONGEST_ROW = 24  # letters beside the axis
_LONGEST_SERIES = 46  # in the legend
_TWO_COLUMNS = 22  # letters of a series, up to which two stand beside each other
_SPREAD = 0.7  # of a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of a row.

    Attributes:
        row: of what it tells; rows come in the order of their first share.
        series: the name of its `Series`.
        share: from 0 to 1.
        low: where its interval begins.
        high: where that ends.
    """

    row: str
    series: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Shares of one look.

    Attributes:
        name: as the shares have it, and the legend.
        colour: its name; None takes the next of `SERIES`.
        hollow: whether the marks are, for what counts less.
    """

    name: str
    colour: str | None = None
    hollow: bool = False


def draw_shares(
    shares: Sequence[Share], series: Sequence[Series], *, name: str, title: str, axis: str
) -> str:
    """A plot of shares, as marks with their intervals.

    Args:
        shares: at least one.
        series: those that they are of. A legend is drawn where there is more than one.
        name: as of `draw`.
        title: likewise.
        axis: what the share is of.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    rows = list(dict.fromkeys(each.row for each in shares))
    of_row = {row: [each for each in shares if each.row == row] for row in rows}
    most, several = max(map(len, of_row.values())), len(series) > 1
    named = [each.name for each in series]

    def height(each: Share) -> float:
        beside = of_row[each.row]
        return rows.index(each.row) + (beside.index(each) - (len(beside) - 1) / 2) * _SPREAD / len(beside)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        marks: list[Any] = []
        for place, look in enumerate(series):
            found = [each for each in shares if each.series == look.name]
            marks.append(
                axes.errorbar(
                    [100 * each.share for each in found],
                    [height(each) for each in found],
                    xerr=error_bars([(each.share, each.low, each.high) for each in found]),
                    fmt="s" if look.hollow else "o",
                    markerfacecolor="none" if look.hollow else None,
                    color=colour(look.colour or SERIES[place % len(SERIES)]),
                    elinewidth=1.4,
                    capsize=3,
                    markersize=5,
                )
            )
        axes.set_yticks(range(len(rows)), [shortened(each, _LONGEST_ROW) for each in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(-2, 102)  # a mark at an end is whole
        axes.set_xlabel(axis)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0, labelcolor=colour("text"))
        if several:
            legend(figure, marks, named)

    told = "; ".join(
        f"{each.row}{f' ({each.series})' if several else ''} {percent(each.share)} "
        f"({interval(each.low, each.high)})"
        for each in shares
    )
    return draw(
        paint,
        name=name,
        title=title,
        description=f"{told}.",
        size=(_WIDTH, 0.75 + 0.2 * len(rows) * (most + 0.6) + several * legend_height(named)),
    )


def error_bars(shares: Iterable[tuple[float, float, float]]) -> list[list[float]]:
    """How far intervals reach down and up, as matplotlib wants it, in per cent.

    Args:
        shares: each with the ends of its interval, from 0 to 1.
    """
    found = list(shares)
    # A rounding must not make one negative.
    return [
        [max(0.0, 100 * (share - low)) for share, low, _ in found],
        [max(0.0, 100 * (high - share)) for share, _, high in found],
    ]


def legend(figure: Figure, shown: Sequence[Any], texts: Sequence[str]) -> None:
    """A legend below a plot, where it hides nothing.

    Args:
        figure: its plot.
        shown: what matplotlib drew.
        texts: what each is, as anyone wrote it.
    """
    figure.legend(
        shown,
        [shortened(each, _LONGEST_SERIES) for each in texts],
        loc="outside lower center",
        ncols=_columns(texts),
    )


def legend_height(texts: Sequence[str]) -> float:
    """The inches that a legend takes."""
    return 0.1 + 0.19 * math.ceil(len(texts) / _columns(texts))


def _columns(texts: Sequence[str]) -> int:
    return 2 if all(len(each) <= _TWO_COLUMNS for each in texts) else 1
