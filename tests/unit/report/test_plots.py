"""The plots of a report: marks that do not touch, and what a comparison shows."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from math import log

from hypothesis import given
from hypothesis import strategies as st

from latm.report._plots import compared_plot, time_marks
from latm.report._records import Bar, Compared


@given(st.floats(1e-5, 10), st.floats(4, 1e9))
def test_marks_of_times_are_apart_and_round(low: float, ratio: float) -> None:
    marks = time_marks(low, low * ratio)

    assert marks
    assert low <= marks[0]
    assert marks[-1] <= low * ratio
    assert all(f"{each:.0e}"[0] in "1235" for each in marks)
    assert all(log(after / before) >= 0.2 * log(ratio) for before, after in pairwise(marks))


def test_a_comparison_is_one_plot_of_all_sets() -> None:
    bars = [
        Bar(
            set=set_,
            synthetic=set_ == "written",
            contender=name,
            model="p:m",
            n=10,
            right=right,
            accuracy=right / 10,
            low=right / 20,
            high=1.0,
            cost_usd=Decimal(0),
            p50_s=0.1,
        )
        for set_, name, right in (("real", "base", 5), ("real", "tuned", 8), ("written", "base", 9))
    ]
    svg = compared_plot(Compared(number=3, tuning="t", at="", bars=tuple(bars)))

    (told,) = re.findall("<desc[^>]*>([^<]*)</desc>", svg)
    assert told == (
        "base (real) 50.0 % (25.0 to 100); tuned (real) 80.0 % (40.0 to 100); "
        "base (written (synthetic)) 90.0 % (45.0 to 100)."
    )
    texts = re.findall("<text[^>]*>([^<]*)</text>", svg)
    assert [texts.count(each) for each in ("base", "tuned", "real", "written (synthetic)")] == [1, 1, 1, 1]
