"""The statistics of a comparison, against SciPy, statsmodels, scikit-learn and published figures."""

from __future__ import annotations

import gc
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binom, norm
from sklearn.metrics import brier_score_loss, f1_score
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from latm._intervals import wilson
from latm.tuner import _statistics as ours

COUNTS = st.integers(0, 400)
LABELS = ("a", "b", "c", "d")


@given(COUNTS, COUNTS)
def test_wilson_is_that_of_statsmodels(right: int, wrong: int) -> None:
    low, high = wilson(right, right + wrong)
    assert 0 <= low <= high <= 1
    if right + wrong:
        assert (low, high) == pytest.approx(
            proportion_confint(right, right + wrong, method="wilson"), abs=1e-12
        )
        assert low <= right / (right + wrong) <= high


def test_wilson_of_the_published_experiment_and_of_nothing() -> None:
    assert [round(each, 2) for each in wilson(53, 100)] == [0.43, 0.62]
    assert [round(each, 2) for each in wilson(70, 100)] == [0.60, 0.78]
    assert wilson(0, 0) == (0, 1)
    assert wilson(0, 5)[0] == 0
    assert wilson(5, 5)[1] == 1


@given(COUNTS, COUNTS)
def test_mcnemar_is_that_of_statsmodels(only_first: int, only_second: int) -> None:
    p, mid_p = ours.mcnemar(only_first, only_second)
    theirs = their_mcnemar([[7, only_first], [only_second, 3]], exact=True).pvalue
    assert p == pytest.approx(min(1, theirs), rel=1e-9)
    assert 0 <= mid_p <= p
    n, fewer = only_first + only_second, min(only_first, only_second)
    tail = binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5) / 2
    assert mid_p == pytest.approx(min(1, 2 * tail), rel=1e-9)


def test_mcnemar_at_its_ends() -> None:
    assert ours.mcnemar(0, 0) == (1, 1)
    assert ours.mcnemar(0, 5)[0] == 2 / 32
    assert ours.mcnemar(0, 6)[0] == 2 / 64
    assert ours.mcnemar(6, 6) == (1, 1)
    assert ours.mcnemar(0, 5_000)[0] < 1e-300


def likeliest(only_first: int, only_second: int, n: int, delta: float) -> float:
    """The score statistic with the likelihood maximised by numbers, not by Tango's formula."""

    def unlikely(first: float) -> float:
        second, both = first + delta, 1 - 2 * first - delta
        counted = ((only_first, first), (only_second, second), (n - only_first - only_second, both))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in counted if count)

    low, high = max(0.0, -delta), (1 - delta) / 2
    first = minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    variance = (2 * first + delta - delta * delta) / n
    return ((only_second - only_first) / n - delta) / math.sqrt(variance)


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 100))
def test_the_interval_of_a_difference_inverts_the_score_test(first: int, second: int, same: int) -> None:
    n = first + second + same
    found, low, high = ours.difference(first, second, n)
    assert found == (second - first) / n
    z = norm.ppf(0.975)
    theirs = [
        brentq(lambda delta: likeliest(first, second, n, delta) - z, -0.9999, found, xtol=1e-10),
        brentq(lambda delta: likeliest(first, second, n, delta) + z, found, 0.9999, xtol=1e-10),
    ]
    assert [low, high] == pytest.approx(theirs, abs=1e-5)


@given(COUNTS, COUNTS, COUNTS)
def test_the_interval_of_a_difference_holds_it_and_has_no_side(first: int, second: int, same: int) -> None:
    n = first + second + same
    found, low, high = ours.difference(first, second, n)
    assert -1 <= low <= found <= high <= 1
    turned = ours.difference(second, first, n)
    assert (-turned[2], -turned[1]) == pytest.approx((low, high), abs=1e-9)


def test_the_interval_of_a_difference_as_published() -> None:
    # The airway data of Bentur et al. (2009), in Fagerland, Lydersen and Laake (2014).
    found, low, high = ours.difference(7, 1, 21)
    assert [round(each, 3) for each in (found, low, high)] == [-0.286, -0.517, -0.026]
    assert ours.difference(0, 9, 9)[0::2] == (1, 1)
    assert ours.difference(9, 0, 9)[:2] == (-1, -1)
    assert ours.difference(0, 0, 0) == (0, -1, 1)
    none, low, high = ours.difference(0, 0, 100)
    assert none == 0
    assert -low == pytest.approx(high)
    assert 0.03 < high < 0.04  # z² / (n + z²)


def power(n: int, effect: float, discordant: float, *, level: float = 0.05) -> float:
    """Of the exact test: the chance of a p below the level, over all that could be seen."""
    counts = np.arange(n + 1)
    found = 0.0
    for number, weight in zip(counts, binom.pmf(counts, n, discordant), strict=True):
        if weight > 1e-9:
            ways = np.arange(number + 1)
            ps = np.minimum(1, 2 * binom.cdf(np.minimum(ways, number - ways), number, 0.5))
            found += weight * binom.pmf(ways, number, (1 + effect / discordant) / 2)[ps < level].sum()
    return found


@pytest.mark.parametrize(("effect", "discordant"), [(0.1, 0.15), (0.1, 0.3), (0.1, 0.6), (0.2, 0.45)])
def test_so_many_samples_give_the_exact_test_its_power(effect: float, discordant: float) -> None:
    assert power(ours.pairs_needed(effect, discordant), effect, discordant) == pytest.approx(0.8, abs=0.02)


def test_one_of_several_tests_needs_more_samples() -> None:
    needed = ours.pairs_needed(0.1, 0.3, tests=3)
    assert power(needed, 0.1, 0.3, level=0.05 / 3) == pytest.approx(0.8, abs=0.02)
    assert power(ours.pairs_needed(0.1, 0.3), 0.1, 0.3, level=0.05 / 3) < 0.72


def test_fewer_discordant_samples_than_the_effect_are_not_assumed() -> None:
    assert ours.pairs_needed(0.1, 0) == ours.pairs_needed(0.1, 0.1)
    assert ours.pairs_needed(1, 0) < 10


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(ps: list[float]) -> None:
    gc.freeze()  # statsmodels collects garbage at each call: of all that the other tests have imported
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it takes the logarithm of 0 on its way
            theirs = multipletests(ps, method="holm")[1]
    finally:
        gc.unfreeze()
    assert ours.holm(ps) == pytest.approx(tuple(theirs), abs=1e-12)


def test_holm_of_nothing() -> None:
    assert ours.holm([]) == ()


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from((*LABELS, None))), min_size=1))
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[str, str | None]]) -> None:
    truth, said = [true for true, _ in pairs], [reply for _, reply in pairs]
    present = sorted({*truth, *(reply for reply in said if reply is not None)})
    theirs = f1_score(
        truth, [reply or "?" for reply in said], labels=present, average="macro", zero_division=0
    )
    assert ours.macro_f1(truth, said, LABELS) == pytest.approx(theirs)


ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1)


@given(ANSWERS)
def test_brier_is_that_of_scikit_learn(answers: list[tuple[float, bool]]) -> None:
    sure, right = zip(*answers, strict=True)
    theirs = brier_score_loss(right, sure, labels=[False, True])
    assert ours.brier(answers) == pytest.approx(theirs)


@given(ANSWERS)
def test_the_calibration_error_is_that_of_its_definition(answers: list[tuple[float, bool]]) -> None:
    bins = ours.reliability(answers)
    assert sum(each.n for each in bins) == len(answers)
    sure, right = (np.array(each, dtype=float) for each in zip(*answers, strict=True))
    places = np.clip((sure * 10).astype(int), 0, 9)
    gaps = [abs((sure - right)[places == place].sum()) for place in range(10)]
    assert ours.calibration_error(bins) == pytest.approx(sum(gaps) / len(answers))


def test_of_no_answers_there_is_no_calibration() -> None:
    assert ours.brier([]) is None
    assert ours.calibration_error(ours.reliability([])) is None


def test_one_that_is_sure_and_right_is_calibrated() -> None:
    assert ours.calibration_error(ours.reliability([(1.0, True)])) == 0
    assert ours.calibration_error(ours.reliability([(1.0, False)])) == 1
