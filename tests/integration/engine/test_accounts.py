"""A thousand mixed requests through the real SDKs: what the server handed out is what the books say."""

from __future__ import annotations

import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latm import BackendError, BudgetExceeded, Config, Engine, Ledger
from latm._clock import SystemClock
from latm._events import Events
from latm._ledger import price_of
from latm._plugins import Plugins
from latm._roles import Purpose, Roles
from latm.config import Price
from latm.library import Library
from latm.plugin import Message, Reply, Request, Usage
from latm.testing import AnthropicServer, HttpReply, OpenAIServer, RecordedRequest, read_request

PRICE = {"input": "3", "output": "15", "cache_read": "0.3", "cache_write": "3.75"}
LOOPS = {"asyncio": 1, "trio": 2}
STATUSES = (400, 401, 404, 408, 409, 429, 500, 502, 503, 529)


class Impatient(SystemClock):
    """Does not wait between attempts."""

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()


class Moods:
    """Replies with chance usage; fails in every way that charges nothing, and in those that charge."""

    def __init__(self, seed: int, cut: str) -> None:
        self._chance = random.Random(seed)
        self._cut = cut
        self._lock = threading.Lock()

    def __call__(self, request: RecordedRequest) -> Reply | HttpReply:
        with self._lock:
            fate, tokens = self._chance.random(), [self._chance.randrange(5000) for _ in range(4)]
            status = self._chance.choice(STATUSES)
        usage = Usage(*tokens)
        if fate < 0.2:
            return HttpReply(status=status, body={"error": {"message": "no"}}, headers={"retry-after": "0"})
        if fate < 0.25:
            return HttpReply(body="<html>busy</html>")
        if fate < 0.3:
            return HttpReply(reset=True)
        if fate < 0.4:
            return Reply(text="half", usage=usage, model="m", finish_reason=self._cut)
        return Reply(text="whole", usage=usage, model="m")


async def ask_everything(roles: Roles, count: int, seed: int) -> None:
    chance = random.Random(seed)
    tasks = [(chance.choice(["maker", "user"]), chance.choice([None, "a", "b"])) for _ in range(count)]
    stream = iter(enumerate(tasks))

    async def work() -> None:
        for number, (name, task) in stream:
            role = await roles.get(name)
            purpose = Purpose(run=f"r{number % 7}", step=str(number), bill=Ledger(), task=task, tool=task)
            with contextlib.suppress(BackendError):
                await role.complete(Request(messages=(Message("user", str(number)),)), purpose)

    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(work)


@pytest.mark.parametrize("loop", ["asyncio", pytest.param("trio", marks=pytest.mark.soak)])
def test_not_a_token_is_lost_in_a_thousand_requests(loop: str) -> None:
    audit(loop, seed=LOOPS[loop])


@pytest.mark.soak
@settings(max_examples=50)
@given(loop=st.sampled_from(sorted(LOOPS)), seed=st.integers(0, 10**6))
def test_not_a_token_is_lost_whatever_happens(loop: str, seed: int) -> None:
    audit(loop, seed=seed)


def audit(loop: str, *, seed: int) -> None:
    """Ask a thousand times, and compare the books with the servers'."""
    library = Library("sqlite://")
    with (
        OpenAIServer(Moods(seed, "length")) as openai,
        AnthropicServer(Moods(seed + 1, "max_tokens")) as anthropic,
    ):
        servers = {"openai": openai, "anthropic": anthropic}
        config = Config(
            roles={"maker": "anthropic:m", "user": "openai:m"},
            providers={
                name: {"base_url": each.base_url, "api_key": "k", "concurrency": 8}
                for name, each in servers.items()
            },
            prices={"anthropic:m": PRICE, "openai:m": PRICE},
        )
        plugins, ledger = Plugins.load(), Ledger()
        events = Events(None, plugins.event)

        async def run() -> None:
            roles = Roles(config, plugins, library=library, ledger=ledger, events=events, clock=Impatient())
            await ask_everything(roles, 1000, seed)
            await roles.aclose()

        anyio.run(run, backend=loop)
        handed_out = openai.usage + anthropic.usage
        by_model = ledger.by_model()
        assert by_model["openai:m"].usage == openai.usage
        assert by_model["anthropic:m"].usage == anthropic.usage
    assert len(openai.requests) + len(anthropic.requests) > 1000
    total = ledger.total()
    assert total.usage == handed_out == sum((each.usage for each in library.journal()), Usage())
    price = Price(**{name: Decimal(value) for name, value in PRICE.items()})
    assert total.cost_usd == price_of(handed_out, price) == library.spent().known_usd
    assert sum((each.usage for each in ledger.by_role().values()), Usage()) == handed_out
    outcomes = {each.outcome for each in ledger.entries()}
    assert {"replied", "Truncated"} <= outcomes
    assert {each.attempt for each in ledger.entries()} > {1}
    library.close()


def test_fifty_threads_of_an_application_do_not_overspend_a_budget() -> None:
    chance, lock = random.Random(5), threading.Lock()

    def answer(request: RecordedRequest) -> Reply:
        asked = read_request(request)
        assert asked.max_output_tokens == 300
        with lock:
            usage = Usage(input=chance.randrange(len(asked.messages[-1].text)), output=chance.randrange(301))
        return Reply(text="none" if asked.response_schema else "Answer: 7", usage=usage, model="m")

    limit, refused, answered = Decimal("0.05"), [], []
    with OpenAIServer(answer) as server:
        config = Config(
            roles=dict.fromkeys(("maker", "user", "dispatcher"), "openai:m"),
            providers={"openai": {"base_url": server.base_url, "api_key": "k", "concurrency": 50}},
            prices={"openai:m": PRICE},
            budget={"usd": limit, "output_tokens": 300},
            library="sqlite://",
        )
        with Engine(config) as engine:

            def solve(number: int) -> None:
                try:
                    answered.append(engine.solve(f"What is question {number}?").text)
                except BudgetExceeded as error:
                    refused.append(error)

            with ThreadPoolExecutor(50) as threads:
                list(threads.map(solve, range(100)))
            spent = engine.ledger.total().cost_usd
        price = Price(**{name: Decimal(value) for name, value in PRICE.items()})
        assert price_of(server.usage, price) == spent
    assert spent is not None
    assert spent <= limit < refused[-1].spent + refused[-1].needed
    assert len(answered) + len(refused) == 100
    assert answered
