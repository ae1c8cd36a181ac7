"""Figures as people read them: in a terminal, on a page, in a plot.

What is unknown is told as that and never as 0, and no rounding makes all or nothing of what is neither.
"""

from __future__ import annotations

from decimal import Context, Decimal

UNKNOWN = "unknown"

_COUNTING = Context(prec=3)
_CENTS, _MOST_PLACES = 2, 6
_LEAST_USD = Decimal(1).scaleb(-_MOST_PLACES)
_LEAST_SHARE = 0.001

# Below how many seconds, factor, digits, unit; each ends where its rounding would reach the next.
_TIMES = ((9.95e-3, 1e3, 1, "ms"), (0.9995, 1e3, 0, "ms"), (99.95, 1, 1, "s"), (599.5, 1, 0, "s"))
_MINUTE = 60


def usd(amount: Decimal | None) -> str:
    """An amount in USD, to the cent: ``$1,234.50``; below a dollar three digits that count: ``$0.0484``."""
    if amount is None:
        return UNKNOWN
    sign, size = "\N{MINUS SIGN}" if amount < 0 else "", abs(amount)
    if size == 0:
        return "$0"
    if size < _LEAST_USD:
        return f"{'>' if sign else '<'}{sign}${_LEAST_USD:f}"
    places = _CENTS - _COUNTING.plus(size).adjusted()  # rounded first: 0.9999 has the places of a dollar
    whole, _, rest = f"{size:,.{min(max(places, _CENTS), _MOST_PLACES)}f}".partition(".")
    return f"{sign}${whole}.{rest.rstrip('0').ljust(_CENTS, '0')}"


def percent(share: float) -> str:
    """A share from 0 to 1: ``86.7 %``."""
    return f"{_of_hundred(share)} %"


def interval(low: float, high: float) -> str:
    """Two shares from 0 to 1, in per cent: ``81.2 to 90.7``."""
    return f"{_of_hundred(low)} to {_of_hundred(high)}"


def _of_hundred(share: float) -> str:
    if share in {0, 1}:
        return f"{100 * share:.0f}"
    return f"{100 * min(max(share, _LEAST_SHARE), 1 - _LEAST_SHARE):.1f}"


def seconds(time: float | None) -> str:
    """A time, given in seconds: ``4.2 ms``, ``850 ms``, ``12.3 s``, ``15 min``; a dash if there is none."""
    if time is None:
        return "-"
    if time == 0:
        return "0 s"
    for end, factor, digits, unit in _TIMES:
        if time < end:
            return f"{time * factor:.{digits}f} {unit}"
    return f"{time / _MINUTE:,.0f} min"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: ``1 sample``, ``1,200 samples``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
