from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import Config
from latm._ledger import price_of
from latm._plugins import Plugins
from latm._prices import Prices, Quote, entry_to_add
from latm.config import Price
from latm.plugin import Reply, Usage, hookimpl
from unit.engine.desk import ASK, desk

CALL = Usage(input=1000, cache_read=100, cache_write=10, output=50)
money = st.decimals(0, 100, places=4)
tokens = st.integers(0, 10**7)


class Dear:
    @hookimpl
    def latm_price(self, model: str) -> Decimal | None:
        return Decimal(7) if model.endswith("known") else None


def prices(plugins: dict[str, object] | None = None, **config: Any) -> Prices:
    return Prices(Config(**config), Plugins.load(plugins or {}, allow=frozenset()))


def test_the_configuration_is_asked_before_plugins() -> None:
    table = {"a:known": {"input": 1, "output": 2, "as_of": date(2026, 10, 1)}}
    desk = prices({"dear": Dear()}, prices=table)
    assert desk.quote("a:known", Usage(input=1_000_000)) == Quote(Decimal(1), "config", date(2026, 10, 1))
    told = desk.quote("b:known", CALL)
    assert told is not None
    assert (told.usd, told.as_of) == (Decimal(7), None)
    assert "dear" in told.source
    assert desk.quote("b:other", CALL) is None


def test_a_price_of_training_alone_leaves_calls_to_others() -> None:
    table = {"a:known": {"training": 3, "as_of": date(2026, 10, 1)}, "a:other": {"training": 3}}
    table |= {"a:both": {"input": 1, "output": 2, "training": 0}, "a:calls": {"input": 1, "output": 2}}
    desk = prices({"dear": Dear()}, prices=table)
    assert desk.training("a:known", 2_000_000) == Quote(Decimal(6), "config", date(2026, 10, 1))
    told = desk.quote("a:known", CALL)
    assert told is not None
    assert told.usd == 7
    assert desk.quote("a:other", CALL) is None
    assert desk.training("a:both", 5) == Quote(Decimal(0), "config")
    assert desk.training("a:calls", 5) is None
    assert desk.training("b:known", 5) is None
    with pytest.raises(ValueError, match="training alone"):
        price_of(CALL, Price(training=Decimal(3)))


def test_an_entry_may_be_for_all_models_that_begin_so() -> None:
    table: dict[str, dict[str, int]] = {
        "a:ft:*": {"input": 1, "output": 1, "training": 1},
        "a:ft:small:*": {"input": 2, "output": 1},
        "a:ft:small:x": {"training": 9},
        "a:ft:small:y": {"input": 3, "output": 1},
    }
    desk = prices(prices=table)

    def price(model: str) -> tuple[Decimal | None, Decimal | None]:
        call, job = desk.quote(model, Usage(input=1_000_000)), desk.training(model, 1_000_000)
        return None if call is None else call.usd, None if job is None else job.usd

    assert price("a:ft:small:z") == (2, 1)
    assert price("a:ft:small:x") == (2, 9)
    assert price("a:ft:small:y") == (3, 1)
    assert price("a:ft:large") == (1, 1)
    assert price("a:f") == (None, None)
    assert desk.dearest("a:ft:small:z", read=1_000_000, written=0) == 2


def test_the_entry_to_add_is_named() -> None:
    assert entry_to_add("a:b") == '[prices."a:b"]'
    assert entry_to_add("a:b:c:d") == '[prices."a:b:c:d"]'
    assert entry_to_add("a:ft:small:me:pets:3") == (
        '[prices."a:ft:small:me:pets:3"], or [prices."a:ft:small:*"] for all that are tuned from small,'
    )


def test_genai_prices_knows_the_models_of_the_services_themselves() -> None:
    tables = pytest.importorskip("genai_prices")
    found = prices().quote("openai:gpt-4o", CALL)
    assert found is not None
    # Its input counts the cached tokens as well.
    whole = tables.Usage(input_tokens=1110, cache_read_tokens=100, cache_write_tokens=10, output_tokens=50)
    expected = tables.calc_price(whole, model_ref="gpt-4o", provider_id="openai").total_price
    assert found.usd == expected > 0
    assert found.source.startswith("genai-prices ")


@pytest.mark.parametrize(
    "model", ["openai:no-such-model", "nobody:gpt-4o", "replay:gpt-4o.jsonl", "other:gpt-4o", "near:gpt-4o"]
)
def test_a_price_is_not_guessed(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("genai_prices")
    providers = {"other": {"use": "openai", "base_url": "http://x"}, "near": {"use": "openai"}}
    assert prices(providers=providers).quote(model, CALL) is None


def test_another_host_has_other_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("genai_prices")
    assert prices(providers={"openai": {"base_url": "http://x"}}).quote("openai:gpt-4o", CALL) is None
    monkeypatch.setenv("OPENAI_BASE_URL", "http://x")
    assert prices().quote("openai:gpt-4o", CALL) is None


def test_tables_that_fail_make_a_price_unknown_and_lose_no_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("genai_prices")

    def broken(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(
        sys.modules,
        "genai_prices",
        SimpleNamespace(calc_price=broken, Usage=dict),  # type: ignore[arg-type]
    )
    assert prices().quote("openai:gpt-4o", CALL) is None


@given(
    st.builds(Price, input=money, output=money, cache_read=st.none() | money, cache_write=st.none() | money),
    st.tuples(tokens, tokens, tokens),
    tokens,
)
def test_no_call_is_dearer_than_the_dearest(price: Price, read: tuple[int, int, int], written: int) -> None:
    most = prices(prices={"a:b": price}).dearest("a:b", read=sum(read), written=written)
    assert most is not None
    assert price_of(Usage(*read, output=written), price) <= most


@pytest.mark.anyio
async def test_ledger_and_journal_say_whose_price_it_was(tmp_path: Path) -> None:
    table = {"fake:m": {"input": 1, "output": 2, "as_of": date(2026, 10, 1)}}
    place = desk(tmp_path, [Reply(text="x", usage=CALL, model="m")], prices=table)
    await (await place.role()).complete(ASK, place.purpose(task="t"))
    (entry,) = place.roles.ledger.entries()
    (written,) = place.library.journal()
    for each in (entry, written):
        assert (each.price_source, each.price_date) == ("config", date(2026, 10, 1))
        assert (each.attempt, each.outcome, each.usage, each.run) == (1, "replied", CALL, "r")
    await place.close()
