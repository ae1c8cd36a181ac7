"""The report as one HTML file, which asks for nothing from anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latm import _figures
from latm._figures import UNKNOWN, percent, usd
from latm.errors import MissingDependency
from latm.pages import render
from latm.report import _plots, _text
from latm.report._records import Report

if TYPE_CHECKING:
    from markupsafe import Markup

_LONGEST_CODE = 60_000  # characters that are highlighted and shown


def page(report: Report) -> str:
    """Write a report as a page.

    Args:
        report: from `latm.report.gather`.

    Returns:
        HTML, with style, script and plots in it.

    Raises:
        MissingDependency: the extra ``report`` is not installed.
    """
    told, sentence = _text.headline(report.money)
    plots: dict[str, str | None] = {
        "money": _plots.money_plot(report.money, report.tools) if report.money.points else None,
        "saving": _plots.saving_plot(report.tools),
        "accuracy": _plots.accuracy_plot(report.tools),
        "latency": _plots.latency_plot(report.routes) if report.routes else None,
    }
    text = render(
        "latm.report",
        "report.html",
        report=report,
        money=report.money,
        told=told,
        sentence=sentence,
        plots=plots,
        compared=[(each, _plots.compared_plot(each) if each.bars else None) for each in report.comparisons],
        overview=_overview(report),
        highlight=highlight,
        slug=_slug,
        figures=_figures,
        text=_text,
    )
    # What models wrote may hold what no encoding has.
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    value: str
    more: str = ""


def _overview(report: Report) -> list[_Figure]:
    money = report.money
    spent, alone = money.answering, money.alone_usd
    by_tool = sum(each.questions for each in report.routes if each.route == "tool")
    serving = sum(each.serves for each in report.tools)
    standings = [each.standing for tool in report.tools for each in tool.versions]
    audited, agreed = sum(each.audited for each in standings), sum(each.agreed for each in standings)
    share = percent(by_tool / report.questions) if report.questions else "none yet"
    return [
        _Figure("Questions", f"{report.questions:,}", _since(report)),
        _Figure("Answered by tools", share, f"{by_tool:,} of {report.questions:,}"),
        _Figure("Spent", _text.sum_text(spent), "questions, makings and audits"),
        _Figure("Strong model alone", UNKNOWN if alone is None else f"≈ {usd(alone)}", "an estimate"),
        _Figure(
            "Tools in use", str(serving), f"{len(report.tools) - serving} out of use" if report.tools else ""
        ),
        _Figure(
            "Audits that agreed",
            percent(agreed / audited) if audited else "none yet",
            f"{agreed:,} of {audited:,}" if audited else "",
        ),
    ]


def _since(report: Report) -> str:
    return "" if report.counted_since is None else f"since {_text.when(report.counted_since)}"


def highlight(source: str) -> Markup:
    """Python source as markup, its tokens in spans; what is too long is cut, which is said.

    Raises:
        MissingDependency: pygments is not installed.
    """
    try:
        import pygments
        import pygments.formatters
        import pygments.lexers
        from markupsafe import Markup
    except ImportError:
        raise MissingDependency("a report", module="pygments", extra="report") from None
    text = source[:_LONGEST_CODE].rstrip()
    if len(source) > _LONGEST_CODE:
        text += f"\n# ... and {len(source) - _LONGEST_CODE:,} more characters"
    lexers: Any = pygments.lexers  # the stubs say half of it
    formatters: Any = pygments.formatters
    lexer, formatter = lexers.get_lexer_by_name("python", stripnl=False), formatters.get_formatter_by_name
    found = pygments.highlight(text, lexer, formatter("html", nowrap=True))
    return Markup(found.rstrip("\n"))  # noqa: S704 - pygments escapes


def _slug(name: str) -> str:
    """A name as the end of an id."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower())
