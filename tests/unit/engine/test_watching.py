"""How soon the sums find a wrong version, and how rarely they lose a right one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._watching import AUDITS, FAILURES, Watch

CASES = st.lists(st.booleans(), max_size=60)


def run_length(watch: Watch, bad: float, *, cells: int = 120) -> float:
    """How many cases pass on average before a version with this rate of bad ones is found out.

    The sum is a Markov chain. Its states are cut into `cells`; the expected times are the solution of one
    linear equation a state, found by elimination.
    """
    step = watch.limit / cells
    up = round(math.log(watch.bad / watch.tolerable) / step)
    down = round(-math.log((1 - watch.bad) / (1 - watch.tolerable)) / step)
    rows = [[0.0] * cells + [1.0] for _ in range(cells)]
    for state, row in enumerate(rows):
        row[state] += 1
        row[max(0, state - down)] -= 1 - bad
        if state + up < cells:
            row[state + up] -= bad
    for pivot in range(cells):
        best = max(range(pivot, cells), key=lambda each: abs(rows[each][pivot]))
        rows[pivot], rows[best] = rows[best], rows[pivot]
        for other in range(pivot + 1, cells):
            factor = rows[other][pivot] / rows[pivot][pivot]
            if factor:
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[pivot], strict=True)]
    times = [0.0] * cells
    for state in range(cells - 1, -1, -1):
        rest = sum(rows[state][each] * times[each] for each in range(state + 1, cells))
        times[state] = (rows[state][cells] - rest) / rows[state][state]
    return times[0]


@pytest.mark.parametrize(
    ("rate", "least", "most"),
    [(0.05, 200_000, 600_000), (0.1, 5_000, 10_000), (0.5, 12, 15), (1.0, 5, 5)],
)
def test_audits_find_a_wrong_version_soon_and_lose_a_right_one_hardly_ever(
    rate: float, least: float, most: float
) -> None:
    assert least <= run_length(AUDITS, rate) <= most


def test_failures_find_a_broken_version_and_forgive_a_stray_one() -> None:
    assert run_length(FAILURES, 1.0) == pytest.approx(5)
    assert run_length(FAILURES, 0.01) > 1_000_000
    assert run_length(FAILURES, 0.3) < 40


@given(CASES)
def test_the_past_can_only_add_to_suspicion(past: list[bool]) -> None:
    recent = [False, True, False, False]
    assert AUDITS.total([*past, *recent]) >= AUDITS.total(recent)


@given(CASES)
def test_five_disagreements_in_a_row_are_enough_whatever_was_before(past: list[bool]) -> None:
    assert AUDITS.established(AUDITS.total([*past, *[False] * 5]))


@given(st.lists(st.booleans(), max_size=4))
def test_four_cases_are_never_enough(cases: list[bool]) -> None:
    assert not AUDITS.established(AUDITS.total(cases))


@given(CASES)
def test_trust_comes_back(past: list[bool]) -> None:
    assert AUDITS.total([*past, *[True] * 200]) == 0.0
