"""What a training job is taken to cost at most, and what is written down of one that no SDK is needed for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import latm_local
from latm import BudgetExceeded, TuningFailed
from latm._budget import NOTHING, Amounts
from latm._ledger import Spend
from latm.library import JournalEntry
from latm.plugin import Tuned, TunerSpec, TuningJob, TuningState, Usage
from latm.tuner import Sample, TuningSpec
from latm.tuner._billing import billing, most_epochs, most_tokens
from latm.tuner._runs import Training
from latm.tuner.formats import Template, chat_lines
from latm.tuner.training import train
from unit.engine.desk import Desk, desk

SPEC = TuningSpec(
    name="pets",
    about="a note",
    question="Which pet is it about?",
    labels={"cat": "It meows.", "dog": "It barks."},
    tuner="fake",
)
SAMPLES = tuple(
    Sample(f"note {number}: we heard it {said}", label)
    for number in range(8)
    for said, label in (("purr and meow", "cat"), ("bark and growl", "dog"))
)
MOST = 7 * len(chat_lines(Template.of(SPEC), SAMPLES))
CHAT_TOKENS = 3  # that the chat format adds to each message, and to each line


class Fake:
    """A tuner whose jobs end at once, as they are told to."""

    def __init__(self, end: TuningState) -> None:
        self.end = end
        self.prepared = 0

    async def prepare(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        del job, state, again
        self.prepared += 1
        return TuningState(status="prepared")

    async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        del job, state, again
        return TuningState(status="queued")

    async def poll(self, job: TuningJob, state: TuningState) -> TuningState:
        del job, state
        return self.end

    async def cancel(self, job: TuningJob, state: TuningState) -> TuningState:
        del job
        return state

    async def resolve(self, job: TuningJob, state: TuningState) -> Tuned:
        del job, state
        return Tuned(model="tuned")

    async def delete(self, model: str) -> None:
        del model

    async def aclose(self) -> None:
        pass


@pytest.fixture(name="opened")
def _opened() -> Iterator[Callable[..., Desk]]:
    """Opens desks, whose libraries are closed behind the test."""
    places: list[Desk] = []

    def open_desk(**config: Any) -> Desk:
        places.append(desk(None, [], **{"prices": {"fake:base": {"training": 3}}, **config}))
        return places[-1]

    yield open_desk
    for each in places:
        each.library.close()


def offered(**more: Any) -> TunerSpec:
    return TunerSpec(name="fake", create=lambda _options: Fake(TuningState()), **more)


async def trained(place: Desk, tuner: Any, offer: TunerSpec, **more: Any) -> Any:
    given: dict[str, Any] = {"spec": SPEC, "provider": "fake", "base": "base", **more}
    return await train(
        given.pop("spec"),
        SAMPLES,
        **given,
        tuner=tuner,
        offer=offer,
        library=place.library,
        clock=place.clock,
        events=place.roles.events,
        bill=billing(place.roles),
    )


def job_of(samples: list[Sample], epochs: int | None) -> tuple[Training, TuningJob]:
    data = chat_lines(Template.of(SPEC), samples)
    training = Training(
        run="r",
        name="pets",
        tuner="openai",
        provider="openai",
        base="b",
        data_digest="d",
        samples=len(samples),
        template="t",
        labels=SPEC.labels,
        settings={} if epochs is None else {"epochs": epochs},
    )
    return training, training.asked(data)


def service_epochs(samples: int) -> int:
    """As OpenAI's own guide to preparing data reckons what its service does by itself."""
    if samples * 3 < 100:
        return min(25, 100 // samples)
    return max(1, 25_000 // samples) if samples * 3 > 25_000 else 3


def worst_tokens(line: str) -> int:
    """Of a tokenizer that makes a token of each byte, which is the worst that one can do."""
    said = json.loads(line)["messages"]
    return CHAT_TOKENS + sum(CHAT_TOKENS + 1 + len(each["content"].encode()) for each in said)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=60),
    st.none() | st.integers(1, 40),
)
def test_no_job_is_charged_for_more_than_is_set_aside(texts: list[str], epochs: int | None) -> None:
    import latm_openai

    (offer,) = latm_openai.latm_tuners()
    training, job = job_of([Sample(text, "cat") for text in texts], epochs)
    times = service_epochs(len(texts)) if epochs is None else epochs
    charged = times * sum(worst_tokens(line) for line in job.training.decode().split("\n") if line)
    assert charged <= most_tokens(training, job, offer)


@given(st.integers(0, 10**6))
def test_as_many_epochs_are_reckoned_with_as_a_service_takes_by_itself(samples: int) -> None:
    assert 3 <= most_epochs(samples) <= 25
    assert most_epochs(samples) >= service_epochs(max(1, samples))


@pytest.mark.anyio
async def test_a_tuner_that_is_free_costs_nothing_and_is_written_down(opened: Callable[..., Desk]) -> None:
    place = opened(budget={"usd": 0, "tokens": 0, "calls": 1}, prices={})
    end = TuningState(status="succeeded", trained_tokens=500)
    model = await trained(place, Fake(end), offered(free=True))
    assert (model.cost_usd, model.trained_tokens) == (Decimal(0), 500)
    assert place.roles.ledger.total() == place.library.spent() == Spend(calls=1)
    (entry,) = place.roles.ledger.entries()
    assert (entry.model, entry.price_source) == ("fake:base", "tuner fake")
    with pytest.raises(BudgetExceeded, match="calls"):
        await trained(place, Fake(end), offered(free=True), spec=SPEC.replace(seed=1))


@pytest.mark.anyio
async def test_the_local_tuner_is_free(tmp_path: Path, opened: Callable[..., Desk]) -> None:
    pytest.importorskip("skops")
    (offer,) = latm_local.latm_tuners()
    place = opened(budget={"usd": 0, "day": {"usd": 0}}, prices={})
    tuner = offer.create({"models": str(tmp_path)})
    local = {"spec": SPEC.replace(tuner="local"), "provider": "local", "base": "zero-shot"}
    model = await trained(place, tuner, offer, **local)
    assert model.cost_usd == 0
    assert [each.price_source for each in place.library.journal(model.run)] == ["tuner local"]
    assert place.roles.ledger.by_role() == {"tuner": Spend(calls=1)}


@pytest.mark.anyio
@pytest.mark.parametrize("told", [None, -1, True, "7"])
@pytest.mark.parametrize("scope", ["engine", "day"])
async def test_a_job_that_was_not_counted_takes_all_that_was_set_aside(
    told: Any, scope: str, opened: Callable[..., Desk]
) -> None:
    others = 0 if scope == "engine" else 1000
    limit = {"usd": 1, "tokens": MOST + others}
    place = opened(budget=limit if scope == "engine" else {scope: limit})
    model = await trained(place, Fake(TuningState(status="succeeded", trained_tokens=told)), offered())
    assert model.cost_usd is None
    assert place.roles.ledger.total() == place.library.spent() == Spend(calls=1, unpriced=1)
    other = JournalEntry(run="r", step="s", digest="d", role="user", model="a:b", request={}, reply={})
    place.library.record(dataclasses.replace(other, usage=Usage(output=others), cost_usd=Decimal(0)))
    place.clock.time += 60
    assert await place.spent_usd() == Decimal(3 * MOST) / 1_000_000
    fake = Fake(TuningState())
    with pytest.raises(BudgetExceeded) as refused:
        await trained(place, fake, offered(), spec=SPEC.replace(seed=1))
    assert (refused.value.unit, refused.value.spent) == ("tokens", MOST + others)
    assert fake.prepared == 0


@pytest.mark.anyio
@pytest.mark.parametrize("free", [True, False])
async def test_a_job_that_fails_costs_what_it_was_counted_for(
    free: bool, opened: Callable[..., Desk]
) -> None:
    place = opened(budget={"usd": 1})
    with pytest.raises(TuningFailed):
        await trained(place, Fake(TuningState(status="failed", trained_tokens=40)), offered(free=free))
    told = Spend() if free else Spend(calls=1, usage=Usage(input=40), known_usd=Decimal("0.00012"))
    assert place.roles.ledger.total() == place.library.spent() == told
    assert await place.spent_usd() == told.known_usd


@pytest.mark.anyio
async def test_a_job_whose_tuner_gives_up_gives_back_what_was_set_aside(opened: Callable[..., Desk]) -> None:
    class Failing(Fake):
        async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
            raise TuningFailed("nothing to learn", name="pets", run="r")

    place = opened(budget={"usd": 1})
    with pytest.raises(TuningFailed, match="nothing to learn"):
        await trained(place, Failing(TuningState()), offered())
    assert (place.roles.budgets.lasting, await place.spent_usd()) == ({}, 0)


@pytest.mark.anyio
async def test_calls_do_not_wait_for_a_job_that_lasts(opened: Callable[..., Desk]) -> None:
    """What is set aside for a call is waited for, and what a job of hours may take is not."""
    place = opened(budget={"calls": 1})
    budgets = place.roles.budgets
    one = Amounts(calls=1)
    about: Any = {"role": "tuner", "run": "r", "bill": place.purpose().bill, "task": None, "resumed": False}
    held = await budgets.reserve(one, **about)
    refused: list[BudgetExceeded] = []

    async def ask() -> None:
        with pytest.raises(BudgetExceeded) as found:
            await budgets.reserve(one, **about)
        refused.append(found.value)

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert refused == []
        held.last()
    assert [each.spent for each in refused] == [1]
    held.settle(NOTHING)
    held.last()
    (await budgets.reserve(one, **about)).settle(one)
    assert (await budgets.reserve(one, **about, begun=True)).most == one
