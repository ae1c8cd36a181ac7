"""Fine-tuning by the real SDK against a service on the loopback interface: states, failures, bad data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import anyio
import pytest

import latm_openai
from integration.tuner import jobs
from integration.tuner.jobs import KEY, OFFER, SAMPLES, SPEC, means, open_tuner, trained
from latm import (
    BackendError,
    ConfigError,
    DataError,
    LatmError,
    Rejected,
    Throttled,
    TuningFailed,
    Unauthorized,
)
from latm.library import Busy, Library
from latm.plugin import TunerSpec, read_options
from latm.testing import HttpReply, RecordedRequest, TuningServer, openai_error
from latm.tuner import Sample
from latm.tuner.formats import Template
from latm.tuner.training import cancel, finished, pause, resume, trainings, unfinished
from unit.engine.desk import FakeClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def library() -> Iterator[Library]:
    store = Library("sqlite://")
    yield store
    store.close()


async def test_a_model_is_trained_and_serves_and_is_not_trained_again(library: Library) -> None:
    told: list[tuple[str, Mapping[str, object]]] = []
    with TuningServer(page=2, shutdown="2030-05-06") as server:
        model = await trained(server.base_url, library, told=told)
        assert model.model == f"openai:{server.models[0]}"
        assert (model.samples, model.base, model.labels) == (16, "openai:gpt-small", ("cat", "dog"))
        assert [each.loss for each in model.steps] == [1.0, 0.5, 0.3333]
        assert all(each.validation_loss is not None and each.model is not None for each in model.steps)
        assert model.trained_tokens is not None
        assert model.expires == "2030-05-06T00:00:00+00:00"
        assert [name for name, _ in told if name != "tune.progress"] == [
            "tune.submitted", "tune.billed", "tune.trained",
        ]  # fmt: skip

        sent = len(server.requests)
        assert await trained(server.base_url, library) == model
        assert len(server.requests) == sent
        assert finished(library, "pets") == (model,)
        assert unfinished(library, "pets") == ()

        (job,) = server.jobs
        lines = server.content(job["training_file"]).decode().splitlines()
        assert len(lines) == 16
        assert len(server.content(job["validation_file"]).decode().splitlines()) == 2

        backend = latm_openai._create(model.model.partition(":")[2], {"base_url": server.base_url})
        said = await backend.complete(Template.of(SPEC).request("It growls and it will bark."))
        await backend.aclose()
        assert Template.of(SPEC).read(said.text) == "dog"


@pytest.mark.parametrize("metadata", [True, False])
async def test_two_who_ask_at_once_are_one_job(library: Library, metadata: bool) -> None:
    models: list[Any] = []
    with TuningServer(metadata=metadata) as server:

        async def ask() -> None:
            models.append(await trained(server.base_url, library))

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask)
        assert len(server.jobs) == 1
        assert len(server.files) == 2
    assert models == [models[0]] * 3


async def test_other_data_are_another_job(library: Library) -> None:
    with TuningServer() as server:
        first = await trained(server.base_url, library)
        second = await trained(server.base_url, library, samples=SAMPLES[:12])
        assert len(server.jobs) == 2
    assert finished(library) == (second, first)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": SAMPLES[:9]}, "has 9 lines; at least 10 are needed"),
        ({"samples": SAMPLES[::2] * 2}, "every line has the label 'cat'"),
        ({"samples": (*SAMPLES, Sample("It purrs.", "Cat"))}, "line 17: the assistant says 'Cat'.* in case"),
        ({"samples": (*SAMPLES[:15], Sample(" ", "cat"))}, "line 16: message 2: the user's text is empty"),
    ],
)
async def test_bad_data_are_named_by_line_before_anything_is_sent(
    library: Library, changes: dict[str, Any], message: str
) -> None:
    with TuningServer() as server:
        with pytest.raises(DataError, match=message):
            await trained(server.base_url, library, **changes)
        assert server.requests == []
    assert trainings(library) == ()


async def test_a_file_that_is_too_large_is_not_sent(library: Library) -> None:
    small = SPEC.replace(training={"largest_bytes": 2000})
    with TuningServer() as server:
        with pytest.raises(DataError, match=r"has [\d,]+ bytes; at most 2,000 are taken"):
            await trained(server.base_url, library, small)
        assert server.requests == []


async def test_a_job_that_fails_says_why_and_is_followed_by_another(library: Library) -> None:
    error = {"code": "exceeded_quota", "message": "You have no more.", "param": None}
    with TuningServer(plan=("queued", "running", "failed"), error=error) as server:
        with pytest.raises(TuningFailed, match=r"exceeded_quota: You .* \(job ftjob-\d+, run [\w-]+\)"):
            await trained(server.base_url, library)
        server.plan = ("queued", "running", "succeeded")
        model = await trained(server.base_url, library)
        assert model.run.endswith("-2")
        assert len(server.jobs) == 2


async def test_a_job_that_another_cancelled_has_failed(library: Library) -> None:
    with (
        TuningServer(plan=("queued", "running", "cancelled")) as server,
        pytest.raises(TuningFailed, match="the job was cancelled"),
    ):
        await trained(server.base_url, library)


async def test_a_job_is_left_paused_resumed_and_cancelled(library: Library) -> None:
    with TuningServer(plan=("queued", *["running"] * 9, "succeeded")) as server:
        begun = await trained(server.base_url, library, follow=False)
        assert begun.state.status == "running"
        tuner = open_tuner(server.base_url)
        with_it = means(tuner, library, [])
        assert (await pause("pets", **with_it)).state.status == "paused"
        with pytest.raises(TuningFailed, match="is paused: let it go on, or cancel it"):
            await trained(server.base_url, library)
        assert (await resume("pets", **with_it)).state.status == "queued"
        assert (await cancel(begun.run, **with_it)).step == "failed"
        await tuner.aclose()
        assert [each["status"] for each in server.jobs] == ["cancelled"]
        assert unfinished(library) == ()


async def test_a_job_that_vanished_says_so_and_can_be_begun_afresh(library: Library) -> None:
    with TuningServer() as server:
        begun = await trained(server.base_url, library, follow=False)
        server.forget(str(begun.job))
        with pytest.raises(Rejected, match=r"There is no job .* begin it afresh"):
            await trained(server.base_url, library)
        model = await trained(server.base_url, library, afresh=True)
        assert model.run != begun.run


async def test_what_another_is_at_is_not_given_up(library: Library) -> None:
    with TuningServer() as server:
        begun = await trained(server.base_url, library, follow=False)
        lease = library.acquire(f"tuning-{begun.run}", "another", fingerprint=begun.run, ttl_s=60)
        assert not isinstance(lease, Busy)
        with pytest.raises(ConfigError, match=f"another process is at the job {begun.run}"):
            await trained(server.base_url, library, afresh=True)
        library.release(lease)
        assert (await trained(server.base_url, library, afresh=True)).run != begun.run


def answering(path: str, reply: HttpReply, times: int = 1) -> Any:
    """Answers in place of the service so many times, where the path ends so."""
    left = times

    def before(request: RecordedRequest) -> HttpReply | None:
        nonlocal left
        if left and request.path.partition("?")[0].endswith(path):
            left -= 1
            return reply
        return None

    return before


@pytest.mark.parametrize("path", ["/files", "/jobs", "/events", "/checkpoints"])
@pytest.mark.parametrize(
    "reply",
    [
        openai_error(500, "broken"),
        openai_error(503, "away"),
        HttpReply(status=429, body={"error": {"message": "slow"}}, headers={"Retry-After": "3"}),
        HttpReply(body="no JSON at all"),
    ],
    ids=["500", "503", "429", "nonsense"],
)
async def test_what_may_pass_is_tried_again(library: Library, path: str, reply: HttpReply) -> None:
    with TuningServer(before=answering(path, reply)) as server:
        model = await trained(server.base_url, library)
        assert (len(server.jobs), len(server.files)) == (1, 2)
        assert model.model == f"openai:{server.models[0]}"


@pytest.mark.parametrize(
    ("path", "reply", "kind", "message"),
    [
        ("/files", openai_error(401, f"no such key: {KEY}"), Unauthorized, "no such key"),
        ("/files", openai_error(404, "no such path"), Rejected, "Does this service fine-tune"),
        ("/jobs", openai_error(403, "not this model"), Unauthorized, "may tune 'gpt-small'|not this model"),
        (
            "/files",
            HttpReply(status=429, body={"error": {"message": "slow"}}, headers={"Retry-After": "9999"}),
            Throttled,
            "slow",
        ),
    ],
    ids=["key", "no tuning", "no access", "too long"],
)
async def test_what_does_not_pass_is_said_at_once_and_goes_on_later(
    library: Library, path: str, reply: HttpReply, kind: type[BackendError], message: str
) -> None:
    with TuningServer(before=answering(path, reply, times=99)) as server:
        with pytest.raises(kind, match=message) as caught:
            await trained(server.base_url, library)
        assert KEY not in str(caught.value)
        assert "asked for again, it goes on from here" in str(caught.value)
        server.before = None
        await trained(server.base_url, library)
        assert (len(server.jobs), len(server.files)) == (1, 2)
    assert KEY not in repr([each.record for each in library.tunings()])


async def test_who_stops_to_wait_leaves_the_job_running(library: Library) -> None:
    class Stopping(FakeClock):
        async def sleep(self, seconds: float) -> None:
            scope.cancel()
            await anyio.lowlevel.checkpoint()

    told: list[tuple[str, Mapping[str, object]]] = []
    with TuningServer() as server:
        tuner = open_tuner(server.base_url)
        with anyio.CancelScope() as scope:
            stopping = {**means(tuner, library, told), "clock": Stopping()}
            await jobs.train(SPEC, SAMPLES, provider="openai", base="gpt-small", **stopping)
        await tuner.aclose()
        assert scope.cancelled_caught
        assert told[-1][0] == "tune.left"
        (job,) = server.jobs
        assert job["status"] not in ("cancelled", "failed")
        tuner = open_tuner(server.base_url)
        await jobs.train(SPEC, SAMPLES, provider="openai", base="gpt-small", **means(tuner, library, []))
        await tuner.aclose()
        assert len(server.jobs) == 1


async def test_a_tuned_model_is_deleted_and_may_be_gone(library: Library) -> None:
    with TuningServer() as server:
        model = await trained(server.base_url, library)
        tuner = open_tuner(server.base_url)
        for _ in range(2):
            await tuner.delete(model.model.partition(":")[2])
        await tuner.aclose()
        assert server.models == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "unknown option 'epoch'. Did you mean 'epochs'"),
        ({"epochs": 0}, "epochs is 0: it must be at least 1"),
        ({"poll_s": -1.0}, "poll_s is -1.0: it must be above 0"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], message: str) -> None:
    assert OFFER.settings is not None
    with pytest.raises(LatmError, match=message):
        read_options(OFFER.settings, settings, where="training")


async def test_settings_reach_the_service(library: Library) -> None:
    with TuningServer() as server:
        await trained(server.base_url, library, SPEC.replace(training={"epochs": 4, "suffix": "mine"}))
        (job,) = server.jobs
    assert job["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}}
    assert (job["suffix"], job["seed"]) == ("mine", 0)


def test_the_offer_says_what_it_can() -> None:
    assert isinstance(OFFER, TunerSpec)
    assert dataclasses.asdict(OFFER.capabilities) == {
        "cancel": True, "pause": True, "steps": True, "delete": True, "converses": True,
    }  # fmt: skip
