"""Budgets: never overshot, and not refused where there is room."""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latm import (
    BudgetExceeded,
    ConfigError,
    Ledger,
    PluginError,
    Rejected,
    Throttled,
    Timeout,
    Unavailable,
)
from latm._budget import NOTHING, Amounts
from latm._ledger import Spend
from latm.plugin import Backend, ProviderSpec, Reply, Request, Usage, hookimpl
from latm.testing import ScriptedBackend
from unit.engine.desk import ASK, Desk, desk

PRICE = {"fake:m": {"input": "1", "output": "2"}}


class Service:
    """A model that takes its turns, and replies or fails by chance; it keeps account of what it charged."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.charged = Usage()
        self.calls = 0

    async def complete(self, request: Request) -> Reply:
        for _ in range(self.chance.randrange(4)):
            await anyio.lowlevel.checkpoint()
        fate = self.chance.random()
        if fate < 0.1:
            raise Throttled("later", status=429)
        if fate < 0.15:
            raise Rejected("no", status=400)
        longest = 100 if request.max_output_tokens is None else request.max_output_tokens
        size = sum(len(turn.text) for turn in request.messages)
        usage = Usage(input=self.chance.randrange(size + 1), output=self.chance.randrange(longest + 1))
        self.calls += 1
        self.charged += usage
        if fate < 0.25:
            raise Timeout("it worked all the same")
        reply = Reply(text="x", usage=usage, model="m")
        if fate < 0.3:
            raise Unavailable("broke off", reply=reply)
        return reply

    async def aclose(self) -> None:
        pass


class Plugin:
    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @hookimpl
    def latm_providers(self) -> list[ProviderSpec]:
        return [ProviderSpec(name="fake", create=lambda _model, _options: self.backend)]


async def ask_all(place: Desk, callers: int, **purpose: Any) -> list[BudgetExceeded]:
    """Ask from many tasks at once; gives the refusals."""
    role = await place.role()
    refused: list[BudgetExceeded] = []

    async def ask(number: int) -> None:
        try:
            await role.complete(ASK, place.purpose(step=str(number), **purpose))
        except BudgetExceeded as error:
            refused.append(error)
        except (Rejected, Throttled, Timeout, Unavailable):
            pass

    async with anyio.create_task_group() as tasks:
        for number in range(callers):
            tasks.start_soon(ask, number)
    return refused


def dollars(usage: Usage) -> Decimal:
    return (usage.input + 2 * usage.output) / Decimal(1_000_000)


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scope", ["engine", "run", "task", "day", "roles"])
async def test_fifty_callers_at_once_do_not_overshoot_by_a_cent(seed: int, scope: str) -> None:
    service, limit = Service(seed), Decimal("0.02")
    bound = {"usd": limit}
    budget: dict[str, object] = {"output_tokens": 1000}
    budget |= bound if scope == "engine" else {scope: {"maker": bound} if scope == "roles" else bound}
    place = desk(None, [], plugin=Plugin(service), budget=budget, prices=PRICE)
    refused = await ask_all(place, 50, bill=Ledger(), task="t")
    assert dollars(service.charged) <= limit
    assert refused
    # And usable: it ends where not even the rest would hold one more call, not long before.
    assert refused[-1].spent + refused[-1].needed > limit
    assert service.calls >= 8
    await place.close()


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    unit=st.sampled_from(["usd", "tokens", "calls"]),
    limit=st.integers(0, 12_000),
    callers=st.integers(1, 50),
    places=st.integers(1, 50),
    loop=st.sampled_from(["asyncio", "trio"]),
)
def test_no_budget_is_overshot(**given: Any) -> None:
    service = Service(given["seed"])
    bound = {
        "usd": Decimal(given["limit"]) / 1_000_000,
        "tokens": given["limit"],
        "calls": given["limit"] // 1000,
    }
    unit = given["unit"]

    async def run() -> None:
        place = desk(
            None,
            [],
            plugin=Plugin(service),
            budget={unit: bound[unit], "output_tokens": 500},
            prices=PRICE,
            providers={"fake": {"concurrency": given["places"]}},
        )
        refused = await ask_all(place, given["callers"])
        taken = {"usd": dollars(service.charged), "tokens": service.charged.total, "calls": service.calls}
        assert taken[unit] <= bound[unit]
        for error in refused:
            assert (error.unit, error.limit, error.role) == (unit, bound[unit], "maker")
            assert error.spent <= error.limit < error.spent + error.needed
        await place.close()

    anyio.run(run, backend=given["loop"])


def reply(usage: Usage, **metadata: object) -> Reply:
    return Reply(text="x", usage=usage, model="m", metadata={f"fake.{k}": v for k, v in metadata.items()})


async def most(place: Desk) -> Decimal:
    """What a call of the desk's maker sets aside, in tokens."""
    with pytest.raises(BudgetExceeded) as caught:
        await (await place.role()).complete(ASK, place.purpose())
    return caught.value.needed


@pytest.mark.anyio
async def test_a_call_that_does_not_fit_beside_another_waits_for_it(tmp_path: Path) -> None:
    entered, go_on = anyio.Event(), anyio.Event()

    class Waiting:
        calls = 0

        async def complete(self, request: Request) -> Reply:
            self.calls += 1
            if self.calls == 1:
                entered.set()
                await go_on.wait()
            return reply(Usage(input=10))

        async def aclose(self) -> None:
            pass

    backend = Waiting()
    limits = {"tokens": 800, "output_tokens": 400}
    place = desk(tmp_path, [], plugin=Plugin(backend), budget=limits)
    role = await place.role()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(role.complete, ASK, place.purpose(step="1"))
        await entered.wait()
        tasks.start_soon(role.complete, ASK, place.purpose(step="2"))
        await anyio.wait_all_tasks_blocked()
        assert backend.calls == 1
        go_on.set()
    assert backend.calls == 2
    await place.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (Throttled("later", status=429, retry_after=99.0), False),
        (Unavailable("down", status=503, retry_after=99.0), False),
        (Unavailable("not there", retry_after=99.0, sent=False), False),
        (Unavailable("a gateway gave up", status=504, retry_after=99.0), True),
        (Unavailable("broke off", retry_after=99.0), True),
        (Timeout("no reply", retry_after=99.0), True),
        (PluginError("broken", distribution="x"), True),
        (ZeroDivisionError(), True),
    ],
)
async def test_what_may_have_been_charged_is_counted_and_what_was_not_is_not(
    tmp_path: Path, error: Exception, *, kept: bool
) -> None:
    limits = {"tokens": 800, "output_tokens": 400}
    place = desk(tmp_path, [error, reply(Usage(input=10)), "never"], budget=limits)
    role = await place.role()
    with pytest.raises((Throttled, Unavailable, Timeout, PluginError)):
        await role.complete(ASK, place.purpose())
    if kept:
        assert await most(place) > 400
    else:
        assert (await role.complete(ASK, place.purpose())).usage.input == 10
    await place.close()


@pytest.mark.anyio
async def test_a_cancelled_call_counts_with_all_that_was_set_aside(tmp_path: Path) -> None:
    scope = anyio.CancelScope()

    class Cancelled:
        async def complete(self, request: Request) -> Reply:
            scope.cancel()
            await anyio.lowlevel.checkpoint()
            raise AssertionError

        async def aclose(self) -> None:
            pass

    place = desk(tmp_path, [], plugin=Plugin(Cancelled()), budget={"tokens": 800, "output_tokens": 400})
    role = await place.role()
    with scope:
        await role.complete(ASK, place.purpose())
    assert await most(place) > 400
    await place.close()


@pytest.mark.anyio
async def test_usage_that_was_not_reported_counts_with_all_that_was_set_aside(tmp_path: Path) -> None:
    silent = reply(Usage(), usage_missing=True)
    place = desk(tmp_path, [silent, "never"], budget={"usd": "0.003", "output_tokens": 1000}, prices=PRICE)
    role = await place.role()
    await role.complete(ASK, place.purpose())
    assert place.roles.ledger.total().cost_usd is None
    with pytest.raises(BudgetExceeded) as caught:
        await role.complete(ASK, place.purpose())
    assert caught.value.spent == caught.value.needed > Decimal("0.002")
    await place.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("budget", "other", "scope"),
    [
        ({"run": {"calls": 1}}, {"run": "r2", "bill": Ledger()}, "run:r"),
        ({"task": {"calls": 1}}, {"task": "t2"}, "task:t"),
        ({"roles": {"maker": {"calls": 1}}}, {"role": "user"}, "role:maker"),
    ],
)
async def test_each_scope_is_counted_for_itself(
    tmp_path: Path, budget: dict[str, object], other: dict[str, Any], scope: str
) -> None:
    place = desk(tmp_path, ["x"] * 9, roles={"maker": "fake:m", "user": "fake:m"}, budget=budget)
    bill = Ledger()
    role = await place.role()
    await role.complete(ASK, place.purpose(bill=bill, task="t"))
    with pytest.raises(BudgetExceeded) as caught:
        await role.complete(ASK, place.purpose(bill=bill, task="t"))
    assert (caught.value.scope, caught.value.unit, caught.value.spent) == (scope, "calls", 1)
    told = dict(place.told)["budget.exceeded"]
    assert (told["scope"], told["role"], told["limit"]) == (scope, "maker", 1)
    free = await place.role(other.get("role", "maker"))
    changes = {name: value for name, value in other.items() if name != "role"}
    await free.complete(ASK, place.purpose(**{"bill": bill, "task": "t", **changes}))
    await place.close()


@pytest.mark.anyio
async def test_an_error_says_what_to_raise(tmp_path: Path) -> None:
    place = desk(tmp_path, ["x"] * 2, budget={"roles": {"maker": {"calls": 0}}})
    with pytest.raises(
        BudgetExceeded,
        match=r"budget of 0 calls for the role maker .* another call of the maker: 0 calls are spent, "
        r"and it may take up to 1 more\. Raise roles\.maker\.calls in \[budget\]\.$",
    ):
        await (await place.role()).complete(ASK, place.purpose())
    await place.close()


@pytest.mark.anyio
async def test_without_a_price_there_is_no_budget_in_money_but_one_in_tokens(tmp_path: Path) -> None:
    place = desk(tmp_path, ["x"], prices={}, budget={"roles": {"user": {"usd": 1}}})
    with pytest.raises(ConfigError, match=r'add \[prices\."fake:m"\]'):
        await (await place.role()).complete(ASK, place.purpose())
    await place.close()
    place = desk(tmp_path, ["x"], prices={}, budget={"tokens": 10_000})
    assert (await (await place.role()).complete(ASK, place.purpose())).text == "x"
    await place.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("role", "table", "budget", "expected"),
    [
        ({}, {}, {"tokens": 10_000}, 8192),
        ({}, {}, {"tokens": 10_000, "output_tokens": 300}, 300),
        ({}, {"max_output_tokens": 200}, {"tokens": 10_000}, 200),
        ({"max_output_tokens": 100}, {"max_output_tokens": 200}, {"tokens": 10_000}, 100),
        ({}, {}, {"calls": 3}, None),
        ({}, {}, {}, None),
    ],
)
async def test_replies_are_capped_where_that_bounds_what_a_call_takes(
    tmp_path: Path,
    role: Mapping[str, object],
    table: Mapping[str, object],
    budget: Mapping[str, object],
    expected: int | None,
) -> None:
    backend = ScriptedBackend(["x"])
    place = desk(
        tmp_path,
        [],
        plugin=Plugin(backend),
        roles={"maker": {"model": "fake:m", **role}},
        providers={"fake": table},
        budget=budget,
    )
    await (await place.role()).complete(ASK, place.purpose())
    assert backend.requests[0].max_output_tokens == expected
    await place.close()


amounts = st.builds(
    Amounts,
    usd=st.decimals(-100, 100, places=6),
    tokens=st.integers(-(10**9), 10**9),
    calls=st.integers(-99, 99),
)


@given(amounts, amounts)
def test_what_is_added_can_be_taken_off(one: Amounts, other: Amounts) -> None:
    assert one + other - other == one + NOTHING == one
    assert Amounts.of(Spend(calls=3, usage=Usage(1, 2, 3, 4))) == Amounts(tokens=10, calls=3)


@pytest.mark.anyio
async def test_a_budget_changes_no_question(tmp_path: Path) -> None:
    """What was paid for without a budget is not paid for again with one, and no cassette depends on it."""
    for budget in ({}, {"tokens": 10_000}):
        backend = ScriptedBackend(["x"])
        place = desk(tmp_path, backend, budget=budget)
        await (await place.role()).complete(ASK, place.purpose(resumable=True))
        assert len(backend.requests) == (budget == {})
        await place.close()
