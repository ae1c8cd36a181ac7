"""What a report says, in words."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal

from latm._figures import UNKNOWN, count, percent, usd
from latm.report._records import BreakEven, Money, RouteShare, Standing, Sum

_LAYERS = {
    ("repeat", "tool"): "Tool, by a repeated call",
    ("parser", "tool"): "Tool, by its parser",
    ("dispatcher", "tool"): "Tool, by the dispatcher",
    ("caller", "tool"): "Tool, by the caller",
    ("dispatcher", "model"): "Strong model",
    ("dispatcher", "none"): "Nobody",
    ("caller", "none"): "Nobody, for the caller",
}
_SHORT = {
    ("repeat", "tool"): "repeat",
    ("parser", "tool"): "parser",
    ("dispatcher", "tool"): "tool",
    ("caller", "tool"): "tool, by caller",
    ("dispatcher", "model"): "strong model",
    ("dispatcher", "none"): "nobody",
    ("caller", "none"): "nobody, by caller",
}

_NO_BREAK = "\N{NO-BREAK SPACE}"


def sum_text(paid: Sum) -> str:
    """A sum, which is a least one where a price is unknown."""
    if paid.unpriced == 0:
        return usd(paid.known_usd)
    return UNKNOWN if paid.unpriced == paid.calls else f"at least {usd(paid.known_usd)}"


def when(text: str | None) -> str:
    """A time as the library has it, to the minute."""
    if text is None:
        return UNKNOWN
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return text


def layer(route: RouteShare) -> str:
    """Who answered, in a sentence."""
    return _LAYERS.get((route.layer, route.route), f"{route.layer}, {route.route}")


def short(route: RouteShare) -> str:
    """Who answered, in a word."""
    return _SHORT.get((route.layer, route.route), f"{route.layer}, {route.route}")


def audited(standing: Standing) -> str:
    """What audits say of a version."""
    if standing.audited == 0:
        return "not audited"
    return f"{standing.agreed} of {standing.audited} agreed"


def examined(standing: Standing) -> str:
    """What the exam says."""
    if standing.exam_asked is None:
        return "no exam"
    return f"{standing.exam_right} of {standing.exam_asked} right"


def headline(money: Money) -> tuple[bool | None, str]:
    """Whether the tools have paid for themselves together, None where nobody knows; and a sentence."""
    spent, alone = money.answering, money.alone_usd
    if alone is None:
        return None, "What the strong model alone would have taken is not known: no reply of its has a price."
    if spent.unpriced:
        return None, (
            f"{sum_text(spent).capitalize()} was spent; the strong model alone would have taken about "
            f"{usd(alone)}. The price of {count(spent.unpriced, 'call')} of {spent.calls:,} is not known, "
            "nor what was saved: name prices under [prices] in the configuration."
        )
    saved = alone - spent.known_usd
    if saved <= 0:
        return False, (
            f"{usd(spent.known_usd)} was spent, about {usd(-saved)} more than the strong model alone would "
            "have taken: tools pay for themselves with further questions."
        )
    return True, (
        f"{usd(spent.known_usd)} was spent where the strong model alone would have taken about "
        f"{usd(alone)}: {percent(float(saved / alone)).replace(' ', _NO_BREAK)} less."
    )


def paid_back(each: BreakEven) -> str:
    """When a tool has paid for itself, in a sentence."""
    if each.alone_usd is None:
        return "Not known: the strong model has given no priced answer to compare with."
    if each.making.unpriced or each.audits.unpriced:
        return "Not known: the price of its making or of an audit is unknown."
    if each.answers and (each.answer_usd is None or each.net_usd is None):
        return "Not known: the price of one of its answers is unknown."
    return _known(each, each.alone_usd, each.answer_usd or Decimal(0), each.net_usd or Decimal(0))


def _known(each: BreakEven, alone: Decimal, answer: Decimal, net: Decimal) -> str:
    if each.answers == 0:
        return f"Not yet: it cost {usd(each.making.known_usd)} and has answered nothing since counting began."
    if each.reached is None:
        if alone <= answer:
            return f"Never, as it is: an answer costs {usd(answer)}, and {usd(alone)} by the strong model."
        # What audits took has to be saved, too.
        more = max(1, math.ceil(-net / (alone - answer)))
        return (
            f"Not yet: after about {count(more, 'answer')} more, each of which saves {usd(alone - answer)}."
        )
    after = f"Paid for itself after {count(each.reached_after or 0, 'answer')}"
    if net < 0:
        return f"{after}; what came after, a new making or audits, took more than was saved since."
    return f"{after}, on {when(each.reached)}; {usd(net)} saved by now."
