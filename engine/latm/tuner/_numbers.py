"""Figures as people read them; the same in the table and on the page."""

from __future__ import annotations

from decimal import Decimal

from latm.tuner._scores import Score

UNKNOWN = "unknown"
_LEAST_USD = Decimal("0.000001")
_CENTS_SUFFICE = 10


def percent(share: float) -> str:
    """A share from 0 to 1 as per cent, without the sign: ``86.7``; 100 only where nothing is missing."""
    text = f"{100 * share:.1f}"
    if text == "100.0" and share < 1:
        return "99.9"
    return "0.1" if text == "0.0" and share > 0 else text


def interval(score: Score) -> str:
    """The 95 % interval of the accuracy in per cent: ``81.2 to 90.7``."""
    return f"{100 * score.low:.1f} to {100 * score.high:.1f}"


def usd(cost: Decimal | None) -> str:
    """Dollars, to a millionth, from ten on to a cent; nothing that costs something is told as 0."""
    if cost is None:
        return UNKNOWN
    if cost == 0:
        return "0"
    if cost < _LEAST_USD:
        return "<0.000001"
    return f"{cost:.6f}" if cost < _CENTS_SUFFICE else f"{cost:.2f}"


def seconds(value: float | None) -> str:
    """Seconds with some three digits; a dash where there was no reply."""
    if value is None:
        return "-"
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"  # noqa: PLR2004


def samples(count: int) -> str:
    """``1 sample``, ``1,200 samples``."""
    return f"{count:,} sample{'' if count == 1 else 's'}"
