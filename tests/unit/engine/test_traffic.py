"""Which layers answered: counts that add up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import Answer
from latm._traffic import Traffic

ANSWERS = st.lists(
    st.builds(
        Answer,
        text=st.none(),
        route=st.sampled_from(["tool", "model", "none"]),
        layer=st.sampled_from(["repeat", "parser", "dispatcher"]),
        cost_usd=st.none() | st.decimals(0, 1, places=6),
        seconds=st.floats(0, 10),
    ),
    max_size=30,
)


@given(ANSWERS)
def test_shares_add_up_to_what_was_answered(answers: list[Answer]) -> None:
    traffic = Traffic()
    for answer in answers:
        traffic.add(answer)
    shares = traffic.shares()
    assert sum(each.questions for each in shares) == len(answers)
    assert sum(each.share for each in shares) == pytest.approx(1 if answers else 0)
    for each in shares:
        own = [one for one in answers if (one.layer, one.route) == (each.layer, each.route)]
        costs = [one.cost_usd for one in own]
        known = [cost for cost in costs if cost is not None]
        # One price that is unknown makes the sum unknown, and never too low.
        assert each.cost_usd == (sum(known, Decimal(0)) if len(known) == len(costs) else None)
        assert each.questions == len(own)


def test_a_share_is_said_in_words() -> None:
    traffic = Traffic()
    traffic.add(Answer(text="a", route="tool", layer="parser", seconds=0.002, cost_usd=Decimal(0)))
    assert [str(each) for each in traffic.shares()] == ["parser: 1 answered by a tool, 2 ms each"]
