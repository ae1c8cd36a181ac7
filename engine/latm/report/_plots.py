"""The plots of a report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from latm.pages import SERIES, colour, draw, shortened
from latm.report._records import Compared, Money, RouteShare, ToolReport
from latm.report._text import percent, seconds, short, usd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_LINES = len(SERIES)
_MOST_MARKS = 8
_MOST_VERSIONS = 16
_WIDTH, _HEIGHT = 4.2, 2.7  # inches; wider ones have small letters on a phone
_ROW = 0.3
_LONGEST_NAME = 24  # letters beside an axis or in a legend
_WIDE = 300  # times the shortest, beyond which decades alone are marked
_BELOW_LEGEND = 0.7  # of the height
_LEAST_SPAN = timedelta(hours=1)


def money_plot(money: Money, tools: Sequence[ToolReport]) -> str:
    """Money spent and the strong model's alone, with the break-even of tools.

    Over time; over the questions where all came within an hour, of which a time axis would show one step.
    """
    first, last = money.points[0], money.points[-1]
    reached = [(each.break_even.reached, each.name) for each in tools]
    marks = sorted((at, name) for at, name in reached if at is not None)[:_MOST_MARKS]
    over_time = _time(last.at) - _time(first.at) >= _LEAST_SPAN

    def paint(figure: Figure) -> None:
        axes: Any = figure.subplots()
        places: Sequence[Any] = [_time(each.at) if over_time else each.questions for each in money.points]
        spent = [float(each.spent_usd) for each in money.points]
        alone = [float(each.alone_usd) for each in money.points]
        less = [one <= other for one, other in zip(spent, alone, strict=True)]
        axes.fill_between(
            places, spent, alone, where=less, step="post", color=colour("good-ground"), linewidth=0
        )
        axes.step(
            places,
            alone,
            where="post",
            color=colour("series-2"),
            linestyle=(0, (4, 2)),
            label="strong model alone, estimated",
        )
        axes.step(places, spent, where="post", color=colour("accent"), label="spent")
        for number, (at, _) in enumerate(marks):
            place = next(where for where, each in zip(places, money.points, strict=True) if each.at >= at)
            label = "a tool has paid for itself" if number == 0 else None
            axes.axvline(
                place, ymax=_BELOW_LEGEND, color=colour("good"), linewidth=1, linestyle=":", label=label
            )
        if over_time:
            _dates(axes)
        else:
            axes.set_xlabel("questions")
            axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(_dollars)
        axes.legend(loc="upper left", fontsize=8.5)

    told = "".join(f" {name} had paid for itself at {at}." for at, name in marks)
    return draw(
        paint,
        name="plot-money",
        title=f"Money over {'time' if over_time else 'questions'}",
        description=(
            f"Until {last.at}, {usd(last.spent_usd)} were spent; the strong model alone would have taken "
            f"about {usd(last.alone_usd)}.{told}"
        ),
        size=(_WIDTH, _HEIGHT),
    )


def saving_plot(tools: Sequence[ToolReport]) -> str | None:
    """What each tool has saved, less what it cost, over its answers; None where nothing is known."""
    known = [each for each in tools if len(each.break_even.curve) > 1]
    chosen = sorted(known, key=lambda each: -each.break_even.answers)[:_MOST_LINES]
    if not chosen:
        return None

    def paint(figure: Figure) -> None:
        axes: Any = figure.subplots()
        axes.axhline(0, color=colour("quiet"), linewidth=1)
        for series, each in zip(SERIES, chosen, strict=False):
            found = each.break_even
            counts = [number for number, _ in found.curve]
            axes.plot(
                counts,
                [float(net) for _, net in found.curve],
                color=colour(series),
                label=shortened(each.name, _LONGEST_NAME),
            )
            if found.reached_after is not None:
                axes.plot([found.reached_after], [0], "o", color=colour(series), markersize=5, zorder=3)
        axes.set_xlabel("answers of the tool")
        axes.set_xlim(left=0)
        axes.yaxis.set_major_formatter(_dollars)
        axes.legend(loc="best", fontsize=8.5)

    return draw(
        paint,
        name="plot-saving",
        title="Savings of each tool, less what it cost",
        description="; ".join(
            f"{each.name}: {usd(each.break_even.net_usd)} after {each.break_even.answers} answers"
            for each in chosen
        ),
        size=(_WIDTH, _HEIGHT),
    )


def accuracy_plot(tools: Sequence[ToolReport]) -> str | None:
    """Agreement in audits by tool and version, with intervals; None where nothing was audited."""
    rows = [
        (f"{shortened(tool.name, _LONGEST_NAME)} v{each.tool.version}", each)
        for tool in tools
        for each in tool.versions
        if each.standing.audited
    ][:_MOST_VERSIONS]
    if not rows:
        return None

    def paint(figure: Figure) -> None:
        axes: Any = figure.subplots()
        for place, (_, each) in enumerate(rows):
            found = each.standing
            hue = "accent" if each.state in {"serves", "replaced"} else "error"
            _interval(axes, place, found.agreed / found.audited, (found.low, found.high), hue)
        _shares(axes, [name for name, _ in rows])

    return draw(
        paint,
        name="plot-accuracy",
        title="Audited answers that were agreed with, by version",
        description="; ".join(
            f"{name}: {each.standing.agreed} of {each.standing.audited}" for name, each in rows
        ),
        size=(_WIDTH, 0.9 + _ROW * len(rows)),
    )


def latency_plot(routes: Sequence[RouteShare]) -> str:
    """The median and the 95th percentile by route."""

    def paint(figure: Figure) -> None:
        from matplotlib.ticker import LogLocator, NullLocator

        axes: Any = figure.subplots()
        for place, each in enumerate(routes):
            ends = [each.p50_s, each.p95_s]
            axes.plot(ends, [place, place], color=colour("accent"), linewidth=2.4, solid_capstyle="round")
            axes.plot(ends[:1], [place], "o", color=colour("accent"), markersize=6)
            axes.plot(ends[1:], [place], "|", color=colour("accent"), markersize=10, markeredgewidth=2)
        axes.set_xscale("log")
        low, high = min(each.p50_s for each in routes), max(each.p95_s for each in routes)
        axes.set_xlim(low / 2, high * 2)
        wide = high / low > _WIDE
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0), numticks=12))
        axes.xaxis.set_major_formatter(_duration)
        axes.xaxis.set_minor_locator(NullLocator())
        _rows(axes, [short(each) for each in routes])
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


def compared_plot(found: Compared) -> str:
    """The accuracy of each contender on each set, with intervals."""
    sets = list(dict.fromkeys(each.set for each in found.bars))
    names = list(dict.fromkeys(each.contender for each in found.bars))

    def paint(figure: Figure) -> None:
        all_axes = figure.subplots(len(sets), 1, squeeze=False, sharex=True)
        for set_, axes in zip(sets, all_axes[:, 0], strict=True):
            mine = {each.contender: each for each in found.bars if each.set == set_}
            for place, name in enumerate(names):
                if (bar := mine.get(name)) is not None:
                    hue = "accent" if name.startswith("tuned") else "quiet"
                    _interval(axes, place, bar.accuracy, (bar.low, bar.high), hue)
            _shares(axes, [shortened(name, _LONGEST_NAME) for name in names])
            first = next(iter(mine.values()))
            kind = ", synthetic" if first.synthetic else ""
            told = f"{shortened(set_, _LONGEST_NAME)}: {first.n} samples{kind}"
            axes.set_title(told, fontsize=9, loc="left", color=colour("quiet"))

    return draw(
        paint,
        name=f"plot-comparison-{found.number}",
        title=f"Accuracy in comparison {found.number}",
        description="; ".join(
            f"{each.contender} on {each.set}: {percent(each.accuracy)}" for each in found.bars
        ),
        size=(_WIDTH, (0.75 + _ROW * len(names)) * len(sets) + 0.15),
    )


def _interval(
    axes: Any, place: int, middle: float, ends: tuple[float | None, float | None], name: str
) -> None:
    if None not in ends:
        axes.plot(ends, [place, place], color=colour(name), linewidth=2.4, solid_capstyle="round")
    axes.plot([middle], [place], "o", color=colour(name), markersize=6, zorder=3, clip_on=False)


def _shares(axes: Any, names: Sequence[str]) -> None:
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(_percent)
    _rows(axes, names)


def _rows(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), labels=list(names), color=colour("text"))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _dates(axes: Any) -> None:
    from matplotlib import dates

    typed: Any = dates  # its classes have no types
    locator = typed.AutoDateLocator(minticks=3, maxticks=6, tz=UTC)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(typed.ConciseDateFormatter(locator, tz=UTC))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _dollars(value: float, _place: object) -> str:
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}${abs(value):,.6g}"


def _duration(value: float, _place: object) -> str:
    return seconds(value).replace(".0 ", " ")


def _percent(value: float, _place: object) -> str:
    return f"{value:.0%}"
