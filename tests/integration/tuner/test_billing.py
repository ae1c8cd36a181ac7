"""The bill of fine-tuning by the real SDK: what the service counted, once; nothing sent beyond a budget."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from integration.tuner.jobs import HELD_OUT, OFFER, SAMPLES, SPEC, open_tuner
from latm import BackendError, BudgetExceeded, ConfigError, LibraryError, Rejected, TuningFailed
from latm._ledger import Spend
from latm.library import JournalEntry, Library
from latm.plugin import Usage
from latm.testing import HttpReply, RecordedRequest, TuningServer, openai_error
from latm.tuner import TuningSpec
from latm.tuner._billing import billing
from latm.tuner.formats import Template, chat_lines
from latm.tuner.training import TunedModel, cancel, train, trainings
from unit.engine.desk import Desk, desk

pytestmark = pytest.mark.anyio
BASE = "openai:gpt-small"
PRICE = Decimal("3.00")
PRICED = {BASE: {"training": "3.00", "as_of": "2026-10-01"}}
BYTES = len(chat_lines(Template.of(SPEC), SAMPLES))
TIMES = 7  # of 16 samples, where it is left to the service: ceil(100 / 16)
MOST = BYTES * TIMES * PRICE / 1_000_000


def opened(path: Path | None = None, **config: Any) -> Desk:
    return desk(path, [], **{"prices": PRICED, **config})


async def trained(
    place: Desk, server: TuningServer, spec: TuningSpec = SPEC, *, library: Any = None, **more: Any
) -> Any:
    tuner = open_tuner(server.base_url)
    try:
        return await train(
            spec,
            more.pop("samples", SAMPLES),
            validation=HELD_OUT,
            provider="openai",
            base="gpt-small",
            **more,
            **means(place, tuner, library),
        )
    finally:
        await tuner.aclose()


def means(place: Desk, tuner: Any, library: Any = None) -> Any:
    return {
        "tuner": tuner,
        "offer": OFFER,
        "library": place.library if library is None else library,
        "clock": place.clock,
        "events": place.roles.events,
        "bill": billing(place.roles),
    }


def counted(server: TuningServer) -> int:
    """The tokens that the service trained with."""
    return sum(job["trained_tokens"] or 0 for job in server.jobs)


def spend(tokens: int, jobs: int = 1) -> Spend:
    return Spend(calls=jobs, usage=Usage(input=tokens), known_usd=tokens * PRICE / 1_000_000)


class Dying:
    """A library whose process ends when a job is to be written down as being at a step."""

    def __init__(self, library: Library, step: str) -> None:
        self._library = library
        self._step = step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def keep_tuning(self, run: str, name: str, record: Mapping[str, object]) -> None:
        if record["step"] == self._step:
            raise LibraryError("gone")
        self._library.keep_tuning(run, name, record)


async def test_the_ledger_says_what_the_service_counted_and_says_it_once(tmp_path: Path) -> None:
    first, second = (opened(tmp_path, budget={"usd": 1}) for _ in range(2))
    with TuningServer() as server:
        model = await trained(first, server)
        assert await trained(first, server) == model
        assert await trained(second, server) == model
        tokens = counted(server)
        assert len(server.jobs) == 1
    assert tokens > 0
    assert first.roles.ledger.total() == first.library.spent() == spend(tokens)
    assert second.roles.ledger.total() == Spend()
    assert model.cost_usd == spend(tokens).cost_usd
    assert await first.spent_usd() == model.cost_usd
    assert (await second.spent_usd(), second.roles.budgets.lasting) == (0, {})

    (entry,), (written,) = first.roles.ledger.entries(), first.library.journal(model.run)
    for each in (entry, written):
        assert (each.role, each.model, each.task, each.run) == ("tuner", BASE, "pets", model.run)
        assert (each.price_source, str(each.price_date), each.outcome) == ("config", "2026-10-01", "trained")
    (told,) = [fields for name, fields in first.told if name == "tune.billed"]
    assert (told["run"], told["cost_usd"], told["usage"]) == (model.run, model.cost_usd, Usage(input=tokens))
    with pytest.raises(LibraryError, match="no reply of role 'tuner'"):  # no model said anything
        first.library.save_cassette(tmp_path / "none.jsonl", role="tuner")


@pytest.mark.parametrize(
    ("budget", "scope"),
    [
        ({"usd": MOST - Decimal("0.000001")}, "engine"),
        ({"tokens": BYTES * TIMES - 1}, "engine"),
        ({"roles": {"tuner": {"calls": 0}}}, "role:tuner"),
        ({"task": {"usd": "0.001"}}, "task:pets"),
        ({"day": {"usd": "0.001"}}, "day:2026-01-01"),
        ({"run": {"usd": "0.001"}}, "run:"),
    ],
)
async def test_a_budget_refuses_before_anything_is_sent(budget: dict[str, Any], scope: str) -> None:
    place = opened(budget=budget)
    with TuningServer() as server:
        with pytest.raises(BudgetExceeded) as refused:
            await trained(place, server)
        assert server.requests == []
    assert refused.value.scope.startswith(scope)
    assert trainings(place.library) == ()
    assert place.library.journal() == ()
    (told,) = [fields for name, fields in place.told if name == "budget.exceeded"]
    assert (told["role"], told["model"], told["scope"]) == ("tuner", BASE, refused.value.scope)


async def test_a_budget_of_just_the_most_is_enough() -> None:
    place = opened(budget={"usd": MOST, "tokens": BYTES * TIMES, "calls": 1})
    with TuningServer() as server:
        await trained(place, server)


async def test_the_epochs_that_are_set_are_those_that_are_set_aside() -> None:
    place = opened(budget={"tokens": 1})
    with TuningServer() as server, pytest.raises(BudgetExceeded) as refused:
        await trained(place, server, SPEC.replace(training={"epochs": 2}))
    assert refused.value.needed == BYTES * 2


async def test_a_limit_in_usd_needs_the_price_of_training(tmp_path: Path) -> None:
    place = opened(tmp_path, prices={BASE: {"input": 1, "output": 2}}, budget={"day": {"usd": 9}})
    with TuningServer() as server:
        with pytest.raises(ConfigError, match=r'add \[prices\."openai:gpt-small"\] with training'):
            await trained(place, server)
        assert server.requests == []
        priced = opened(tmp_path, budget={"day": {"usd": 9}})
        assert (await trained(priced, server)).cost_usd == spend(counted(server)).cost_usd


async def test_without_a_limit_in_usd_an_unknown_price_is_unknown_and_not_nothing() -> None:
    place = opened(prices={}, budget={"tokens": BYTES * TIMES})
    with TuningServer() as server:
        model = await trained(place, server)
        total = place.roles.ledger.total()
        assert (model.cost_usd, total.cost_usd, total.unpriced) == (None, None, 1)
        assert total.usage == place.library.spent().usage == Usage(input=counted(server))


async def test_what_a_job_may_cost_is_set_aside_until_it_is_over() -> None:
    """Nobody waits for it: a job that does not fit beside it is refused at once."""
    place = opened(budget={"usd": MOST * Decimal("1.5")})
    another = SPEC.replace(seed=1)
    with TuningServer() as server:
        await trained(place, server, follow=False)
        with pytest.raises(BudgetExceeded) as refused:
            await trained(place, server, another)
        assert refused.value.spent == MOST
        assert len(server.jobs) == 1
        await trained(place, server)
        await trained(place, server, another)
        assert place.roles.ledger.total() == spend(counted(server), jobs=2)
        assert await place.spent_usd() == spend(counted(server), jobs=2).known_usd


@pytest.mark.parametrize("step", ["submit", "poll", "resolve", "done"])
async def test_whoever_goes_on_with_a_job_bills_it_once_and_is_not_refused(tmp_path: Path, step: str) -> None:
    """Killed before a record: a job that was begun is followed whatever the budget, since it is paid for."""
    first = opened(tmp_path)
    second = opened(tmp_path, budget={"usd": 1 if step == "submit" else 0, "day": {"usd": 1}})
    with TuningServer() as server:
        with pytest.raises(LibraryError, match="gone"):
            await trained(first, server, library=Dying(first.library, step))
        model = await trained(second, server)
        whole = spend(counted(server))
        assert len(server.jobs) == 1
    assert first.library.spent() == whole
    assert first.roles.ledger.total() + second.roles.ledger.total() == whole
    assert model.cost_usd == whole.cost_usd
    before = step in ("submit", "poll")
    assert second.roles.ledger.total() == (whole if before else Spend())
    assert await second.spent_usd() == (whole.known_usd if before else 0)


async def test_a_job_of_an_older_record_is_followed_without_a_price(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path, budget={"usd": 0}, prices={})
    with TuningServer() as server:
        begun = await trained(first, server, follow=False)
        record = begun.to_record()
        del record["submitted"], record["cost_usd"]
        first.library.keep_tuning(begun.run, begun.name, record)
        model = await trained(second, server)
        assert (model.cost_usd, second.library.spent().unpriced) == (None, 1)


async def test_the_day_counts_a_job_once_beside_what_others_spent(tmp_path: Path) -> None:
    place = opened(tmp_path, budget={"day": {"usd": 1}})
    other = JournalEntry(
        run="r", step="s", digest="d", role="user", model="a:b", request={}, reply={}, cost_usd=Decimal("0.5")
    )
    place.library.record(other)
    with TuningServer() as server:
        await trained(place, server, follow=False)
        assert await place.spent_usd() == Decimal("0.5") + MOST
        await trained(place, server)
        place.clock.time += 60
        assert await place.spent_usd() == Decimal("0.5") + spend(counted(server)).known_usd


async def test_a_job_that_was_not_begun_is_asked_about_again(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path, budget={"usd": 0})
    with TuningServer() as server:
        with pytest.raises(LibraryError, match="gone"):
            await trained(first, server, library=Dying(first.library, "submit"))
        sent = len(server.requests)
        with pytest.raises(BudgetExceeded):
            await trained(second, server)
        assert len(server.requests) == sent


async def test_a_start_that_is_refused_costs_nothing_and_is_asked_about_again(tmp_path: Path) -> None:
    def before(request: RecordedRequest) -> HttpReply | None:
        starts = request.method == "POST" and request.path.endswith("/jobs")
        return openai_error(403, "not this model") if starts else None

    place = opened(tmp_path, budget={"usd": MOST})
    with TuningServer(before=before) as server:
        with pytest.raises(BackendError, match="not this model"):
            await trained(place, server)
        assert (place.roles.budgets.lasting, await place.spent_usd()) == ({}, 0)
        with pytest.raises(BudgetExceeded):
            await trained(opened(tmp_path, budget={"usd": 0}), server)
        server.before = None
        await trained(place, server)
        assert place.roles.ledger.total() == spend(counted(server))


async def test_a_start_of_which_nothing_is_known_stays_set_aside() -> None:
    def after(request: RecordedRequest, _reply: HttpReply) -> HttpReply | None:
        starts = request.method == "POST" and request.path.endswith("/jobs")
        return HttpReply(reset=True) if starts or server.jobs else None

    place = opened(budget={"usd": MOST})
    with TuningServer(after=after) as server:
        with pytest.raises(BackendError):
            await trained(place, server)
        assert await place.spent_usd() == MOST
        server.after = None
        await trained(place, server)
        assert len(server.jobs) == 1
        assert await place.spent_usd() == spend(counted(server)).known_usd


async def test_a_job_that_fails_uncounted_gives_back_what_was_set_aside() -> None:
    place = opened(budget={"usd": MOST})
    with TuningServer(plan=("queued", "running", "failed")) as server:
        with pytest.raises(TuningFailed):
            await trained(place, server)
        assert (place.roles.budgets.lasting, await place.spent_usd()) == ({}, 0)
    assert place.library.journal() == ()


async def test_a_job_that_is_cancelled_costs_what_was_trained_by_then(tmp_path: Path) -> None:
    def after(request: RecordedRequest, reply: HttpReply) -> HttpReply | None:
        if not request.path.endswith("/cancel"):
            return None
        return HttpReply(body={**cast("dict[str, object]", reply.body), "trained_tokens": 700})

    first, second = opened(tmp_path, budget={"usd": 1}), opened(tmp_path, budget={"usd": 0})
    with TuningServer(after=after) as server:
        begun = await trained(first, server, follow=False)
        tuner = open_tuner(server.base_url)
        ended = await cancel(begun.run, **means(second, tuner))
        assert await cancel(begun.run, **means(second, tuner)) == ended
        await tuner.aclose()
    assert ended.cost_usd == Decimal("0.0021")
    assert second.library.spent() == second.roles.ledger.total() == spend(700)
    assert [each.outcome for each in second.library.journal()] == ["TuningFailed"]


async def test_a_job_that_vanished_stays_set_aside() -> None:
    place = opened(budget={"usd": MOST})
    with TuningServer() as server:
        begun = await trained(place, server, follow=False)
        server.forget(str(begun.job))
        with pytest.raises(Rejected):
            await trained(place, server)
    assert await place.spent_usd() == MOST


async def test_old_records_of_jobs_and_models_are_read() -> None:
    place = opened()
    with TuningServer() as server:
        model = await trained(place, server)
    (kept,) = trainings(place.library)
    record = kept.to_record()
    assert type(kept).from_record(record) == kept
    model_record = cast("dict[str, object]", record["model"])
    del record["submitted"], record["cost_usd"], model_record["cost_usd"]
    old = type(kept).from_record(record)
    assert isinstance(old.model, TunedModel)
    assert (old.cost_usd, old.model.cost_usd, old.model.model) == (None, None, model.model)
    with pytest.raises(LibraryError, match="cannot be read"):
        type(kept).from_record({**kept.to_record(), "cost_usd": "much"})
