from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from latm._ledger import Entry, Ledger, price_of
from latm.config import Price
from latm.plugin import Usage

tokens = st.integers(0, 10**9)
usages = st.builds(Usage, tokens, tokens, tokens, tokens)
costs = st.none() | st.decimals(0, 100, places=6)
entries = st.builds(
    Entry,
    role=st.sampled_from(["maker", "user"]),
    model=st.just("a:b"),
    usage=usages,
    cost_usd=costs,
    task=st.none() | st.sampled_from(["x", "y"]),
    tool=st.none() | st.sampled_from(["x", "y"]),
)


@given(st.lists(entries, max_size=20))
def test_parts_add_up_to_the_whole(items: list[Entry]) -> None:
    ledger = Ledger()
    for item in items:
        ledger.add(item)
    total, roles = ledger.total(), ledger.by_role().values()
    assert total.calls == len(items) == sum(each.calls for each in roles)
    assert total.usage == sum((each.usage for each in roles), Usage())
    assert total.known_usd == sum((each.known_usd for each in roles), Decimal(0))
    assert total.unpriced == sum(item.cost_usd is None for item in items)
    assert (total.cost_usd is None) == any(item.cost_usd is None for item in items)
    assert sum(each.calls for each in ledger.by_tool().values()) == sum(
        item.tool is not None for item in items
    )


def test_single_attempts_are_kept_up_to_a_bound_and_sums_of_all() -> None:
    ledger = Ledger()
    for number in range(10_003):
        ledger.add(Entry(role="user", model="a:b", usage=Usage(input=1), cost_usd=Decimal(number)))
    entries = ledger.entries()
    assert (len(entries), entries[0].cost_usd, entries[-1].cost_usd) == (10_000, 3, 10_002)
    assert ledger.by_model()["a:b"] == ledger.total()
    assert (ledger.total().calls, ledger.total().usage.input) == (10_003, 10_003)


def test_a_price_counts_each_bucket_once() -> None:
    usage = Usage(input=1_000_000, cache_read=1_000_000, cache_write=1_000_000, output=1_000_000)
    price = Price(
        input=Decimal(3), output=Decimal(15), cache_read=Decimal("0.3"), cache_write=Decimal("3.75")
    )
    assert price_of(usage, price) == Decimal("22.05")
    assert price_of(usage, Price(input=Decimal(1), output=Decimal(2))) == Decimal(5)
