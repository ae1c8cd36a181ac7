"""Figures for people: what is unknown is no 0, and nothing is rounded to what it is not."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._figures import count, interval, percent, seconds, usd


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (None, "unknown"),
        ("0", "$0"),
        ("0.00", "$0"),
        ("0.0000009", "<$0.000001"),
        ("0.0000421", "$0.000042"),
        ("0.00051", "$0.00051"),
        ("0.04841725", "$0.0484"),
        ("0.09996", "$0.10"),
        ("0.5", "$0.50"),
        ("0.41195", "$0.412"),
        ("0.9994", "$0.999"),
        ("0.9996", "$1.00"),
        ("12.3456", "$12.35"),
        ("1234567.891", "$1,234,567.89"),
        ("-1234.5", "\N{MINUS SIGN}$1,234.50"),
        ("-0.0000001", ">\N{MINUS SIGN}$0.000001"),
    ],
)
def test_money_has_the_digits_that_count(amount: str | None, told: str) -> None:
    assert usd(None if amount is None else Decimal(amount)) == told


@given(st.decimals("0.000001", "1000000", places=9))
def test_what_is_told_of_money_is_near_it(amount: Decimal) -> None:
    told = usd(amount)
    assert re.fullmatch(r"\$[\d,]+\.\d{2,6}", told)
    read = Decimal(told[1:].replace(",", ""))
    assert read > 0
    assert abs(read - amount) <= max(Decimal("0.0000005"), min(amount / 200, Decimal("0.005")))


@pytest.mark.parametrize(
    ("share", "told"),
    [(0, "0 %"), (0.0001, "0.1 %"), (0.5, "50.0 %"), (0.8666, "86.7 %"), (0.99999, "99.9 %"), (1, "100 %")],
)
def test_only_all_is_all_and_only_nothing_is_nothing(share: float, told: str) -> None:
    assert percent(share) == told


def test_an_interval_has_the_digits_of_its_share() -> None:
    assert interval(0, 0.4344) == "0 to 43.4"
    assert interval(0.99999, 1) == "99.9 to 100"


@pytest.mark.parametrize(
    ("time", "told"),
    [
        (None, "-"),
        (0, "0 s"),
        (0.0004, "0.4 ms"),
        (0.00999, "10 ms"),
        (0.0123, "12 ms"),
        (0.85, "850 ms"),
        (0.9997, "1.0 s"),
        (12.34, "12.3 s"),
        (99.97, "100 s"),
        (300, "300 s"),
        (599.7, "10 min"),
        (360_000, "6,000 min"),
    ],
)
def test_times_have_a_unit_that_fits(time: float | None, told: str) -> None:
    assert seconds(time) == told


def test_a_number_has_its_noun() -> None:
    assert [count(each, "reply", "replies") for each in (0, 1, 1200)] == [
        "0 replies",
        "1 reply",
        "1,200 replies",
    ]
    assert count(2, "sample") == "2 samples"
