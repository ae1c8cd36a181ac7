"""The plots of a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from latm._figures import seconds, usd
from latm.pages import SERIES, Series, Share, colour, draw, draw_shares, legend, legend_height
from latm.report._records import Compared, Money, RouteShare, ToolReport
from latm.report._text import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_LINES = len(SERIES)
_MOST_MARKS = 8
_MOST_VERSIONS = 16
_WIDTH, _HEIGHT = 4.2, 2.5  # inches; wider ones have small letters on a phone
_ROW = 0.3
_LEAST_SPAN = timedelta(hours=1)
_MARKS = (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 3))  # of a decade, and of how many one
_APART = 0.2  # of the axis, the least from one mark of a time to the next


def money_plot(money: Money, tools: Sequence[ToolReport]) -> str:
    """Money spent and the strong model's alone, with the break-even of tools.

    Over time; over the questions where all came within an hour, of which a time axis would show one step.
    """
    first, last = money.points[0], money.points[-1]
    reached = [(each.break_even.reached, each.name) for each in tools]
    marks = sorted((at, name) for at, name in reached if at is not None)[:_MOST_MARKS]
    over_time = _time(last.at) - _time(first.at) >= _LEAST_SPAN
    texts = ["strong model, estimate", "spent", *(["a tool has paid back"] if marks else [])]

    def paint(figure: Figure) -> None:
        axes: Any = figure.subplots()
        places: Sequence[Any] = [_time(each.at) if over_time else each.questions for each in money.points]
        spent = [float(each.spent_usd) for each in money.points]
        alone = [float(each.alone_usd) for each in money.points]
        less = [one <= other for one, other in zip(spent, alone, strict=True)]
        axes.fill_between(
            places, spent, alone, where=less, step="post", color=colour("good-ground"), linewidth=0
        )
        dashes = (0, (4, 2))
        shown = axes.step(places, alone, where="post", color=colour("series-2"), linestyle=dashes)
        shown += axes.step(places, spent, where="post", color=colour("accent"))
        for at, _ in marks:
            place = next(where for where, each in zip(places, money.points, strict=True) if each.at >= at)
            shown.append(axes.axvline(place, color=colour("good"), linewidth=1, linestyle=":"))
        if over_time:
            _dates(axes)
        else:
            _counts(axes, "questions")
        axes.set_ylim(bottom=0)
        _dollars(axes)
        legend(figure, shown[: len(texts)], texts)

    told = "".join(f" {name} had paid for itself at {at}." for at, name in marks)
    return draw(
        paint,
        name="plot-money",
        title=f"Money over {'time' if over_time else 'questions'}",
        description=(
            f"Until {last.at}, {usd(last.spent_usd)} were spent; the strong model alone would have taken "
            f"about {usd(last.alone_usd)}.{told}"
        ),
        size=(_WIDTH, _HEIGHT + legend_height(texts)),
    )


def saving_plot(tools: Sequence[ToolReport]) -> str | None:
    """What each tool has saved, less what it cost, over its answers; None where nothing is known."""
    known = [each for each in tools if len(each.break_even.curve) > 1]
    chosen = sorted(known, key=lambda each: -each.break_even.answers)[:_MOST_LINES]
    if not chosen:
        return None
    texts = [each.name for each in chosen]

    def paint(figure: Figure) -> None:
        axes: Any = figure.subplots()
        axes.axhline(0, color=colour("quiet"), linewidth=1)
        shown: list[Any] = []
        for series, each in zip(SERIES, chosen, strict=False):
            found = each.break_even
            counts, nets = zip(*found.curve, strict=True)
            shown += axes.plot(counts, [float(net) for net in nets], color=colour(series))
            if found.reached_after is not None:
                axes.plot([found.reached_after], [0], "o", color=colour(series), markersize=5, zorder=3)
        _counts(axes, "answers of the tool")
        _dollars(axes)
        legend(figure, shown, texts)

    return draw(
        paint,
        name="plot-saving",
        title="Savings of each tool, less what it cost",
        description="; ".join(
            f"{each.name}: {usd(each.break_even.net_usd)} after {each.break_even.answers} answers"
            for each in chosen
        ),
        size=(_WIDTH, _HEIGHT + legend_height(texts)),
    )


def accuracy_plot(tools: Sequence[ToolReport]) -> str | None:
    """Agreement in audits by tool and version, with intervals; None where nothing was audited."""
    in_use, out_of_use = Series(name="in use, or replaced"), Series(name="out of use", colour="error")
    shares: list[Share] = []
    for tool in tools:
        for each in tool.versions:
            found = each.standing
            if found.low is None or found.high is None:
                continue
            series = in_use if each.state in {"serves", "replaced"} else out_of_use
            agreed = found.agreed / found.audited
            row = f"v{each.tool.version} {tool.name}"
            shares.append(Share(row=row, series=series.name, share=agreed, low=found.low, high=found.high))
    shown = shares[:_MOST_VERSIONS]
    if not shown:
        return None
    return draw_shares(
        shown,
        [each for each in (in_use, out_of_use) if any(one.series == each.name for one in shown)],
        name="plot-accuracy",
        title="Audited answers that were agreed with, by version",
        axis="agreed, % of the audits",
    )


def compared_plot(found: Compared) -> str:
    """The accuracy of each contender on each set, with intervals."""
    synthetic = {each.set: each.synthetic for each in found.bars}
    named = {set_: f"{set_} (synthetic)" if written else set_ for set_, written in synthetic.items()}
    return draw_shares(
        [
            Share(
                row=each.contender, series=named[each.set], share=each.accuracy, low=each.low, high=each.high
            )
            for each in found.bars
        ],
        [Series(name=named[set_], hollow=written) for set_, written in synthetic.items()],
        name=f"plot-comparison-{found.number}",
        title=f"Accuracy in comparison {found.number}",
        axis="right, % of all samples",
    )


def latency_plot(routes: Sequence[RouteShare]) -> str:
    """The median and the 95th percentile by route."""

    def paint(figure: Figure) -> None:
        axes: Any = figure.subplots()
        for place, each in enumerate(routes):
            ends = [each.p50_s, each.p95_s]
            axes.plot(ends, [place, place], color=colour("accent"), linewidth=2.4, solid_capstyle="round")
            axes.plot(ends[:1], [place], "o", color=colour("accent"), markersize=6)
            axes.plot(ends[1:], [place], "|", color=colour("accent"), markersize=10, markeredgewidth=2)
        axes.set_xscale("log")
        axes.minorticks_off()
        low, high = min(each.p50_s for each in routes) / 2, max(each.p95_s for each in routes) * 2
        axes.set_xlim(low, high)
        marks = time_marks(low, high)
        axes.set_xticks(marks, labels=[seconds(each).replace(".0 ", " ") for each in marks])
        axes.set_yticks(range(len(routes)), labels=[short(each) for each in routes], color=colour("text"))
        axes.set_ylim(len(routes) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("dot: median, bar: 95 % came within it")

    return draw(
        paint,
        name="plot-latency",
        title="Time to an answer by route",
        description="; ".join(
            f"{short(each)}: median {seconds(each.p50_s)}, 95 % within {seconds(each.p95_s)}"
            for each in routes
        ),
        size=(_WIDTH, 0.95 + _ROW * len(routes)),
    )


def time_marks(low: float, high: float) -> list[float]:
    """Round times on a logarithmic axis, so far apart that their texts do not touch.

    Args:
        low: where the axis begins, in seconds.
        high: where it ends.
    """
    found: list[float] = []
    for parts, step in _MARKS:
        found = list(_round_times(low, high, parts, step))
        least = _APART * math.log(high / low)
        if all(math.log(after / before) >= least for before, after in pairwise(found)):
            break
    return found


def _round_times(low: float, high: float, parts: Sequence[int], step: int) -> Iterator[float]:
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        if power % step == 0:
            yield from (time for part in parts if low <= (time := part * 10.0**power) <= high)


def _counts(axes: Any, text: str) -> None:
    """An axis of how many."""
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(left=0)
    axes.set_xlabel(text)


def _dates(axes: Any) -> None:
    from matplotlib import dates

    typed: Any = dates  # its classes have no types
    locator = typed.AutoDateLocator(minticks=3, maxticks=6, tz=UTC)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(typed.ConciseDateFormatter(locator, tz=UTC))


def _dollars(axes: Any) -> None:
    """An axis of USD, with as many places as its marks are apart by."""

    def told(value: float, _place: object) -> str:
        one, other, *_ = axes.yaxis.get_majorticklocs()
        exponent = Decimal(f"{other - one:.6g}").normalize().as_tuple().exponent
        places = max(2, -int(exponent)) if int(exponent) < 0 else 0
        sign = "\N{MINUS SIGN}" if value < 0 else ""
        return f"{sign}${abs(value):,.{places}f}"

    axes.yaxis.set_major_formatter(told)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
