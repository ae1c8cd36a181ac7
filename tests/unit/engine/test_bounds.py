"""What a making may take, by stage and in all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.engine.fake_clock import FakeClock
from latm._ledger import Entry, Ledger
from latm.config import Config, MakingConfig, StageLimit
from latm.errors import ConfigError
from latm.maker._bounds import Bounds
from latm.plugin import Usage


def bounds(**settings: Any):
    clock, bill = FakeClock(), Ledger()
    return clock, bill, Bounds(MakingConfig(**settings), clock=clock, bill=bill)


def paid(bill: Ledger, tokens: int = 10, usd: str | None = "0.1") -> None:
    price = None if usd is None else Decimal(usd)
    bill.add(Entry(role="maker", model="m:m", usage=Usage(input=tokens), cost_usd=price))


def test_a_stage_that_comes_again_goes_on_with_what_it_had_taken():
    clock, _, found = bounds(stage=StageLimit(seconds=10.0))
    assert found.enter("propose") is None
    clock.time = 6.0
    assert found.enter("verify") is None
    clock.time = 12.0
    assert found.enter("propose") is None
    clock.time = 16.0
    assert found.enter("propose") == "the stage took more than 10 s"
    assert found.enter("verify") is None


def test_a_making_is_bounded_in_all():
    clock, _, found = bounds(seconds=20.0)
    clock.time = 19.9
    assert found.enter("propose") is None
    clock.time = 20.0
    assert found.enter("verify") == "the making took more than 20 s"


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (StageLimit(calls=2), "the stage may take 2 calls, and they are made"),
        (StageLimit(tokens=20), "the stage may take 20 tokens, and took 20"),
        (StageLimit(usd=Decimal("0.2")), "the stage may cost 0.2 USD, and cost 0.2"),
    ],
)
def test_what_is_paid_counts_for_the_stage_that_paid_it(limit, said):
    _, bill, found = bounds(stage=limit)
    found.enter("propose")
    paid(bill)
    assert found.enter("verify") is None
    paid(bill)
    assert found.enter("propose") is None
    paid(bill)
    assert found.enter("propose") == said


def test_an_unknown_price_counts_for_nothing():
    _, bill, found = bounds(stage=StageLimit(usd=Decimal("0.1")))
    found.enter("propose")
    paid(bill, usd=None)
    assert found.enter("propose") is None


def test_bounds_are_read_strictly():
    config = Config(making={"seconds": 30, "stage": {"calls": 3, "usd": "0.5"}})
    assert config.making.stage == StageLimit(calls=3, usd=Decimal("0.5"))
    with pytest.raises(ConfigError, match=r"making\.stage: unknown key 'call'"):
        Config(making={"stage": {"call": 3}})
    with pytest.raises(ConfigError, match="seconds"):
        Config(making={"seconds": 0})
