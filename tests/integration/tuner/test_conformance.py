"""The shipped conformance checks of tuners: the built-ins pass every one of them, and a bad one does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import latm_local
import latm_openai
from latm.errors import ConfigError, TuningFailed, Unauthorized
from latm.plugin import Capabilities, Rejected, Tuned, TunerSpec, TuningJob, TuningState, read_options
from latm.testing import Report, TuningScenario, TuningServer, check_tuner, openai_error

pytestmark = pytest.mark.anyio
(OPENAI,) = latm_openai.latm_tuners()
(LOCAL,) = latm_local.latm_tuners()


@pytest.fixture
def anyio_backend() -> str:
    """One is enough: every call is made by a tuner of its own, and to make one takes its time."""
    return "asyncio"


def at(stack: ExitStack, *plan: str, **changes: Any) -> TuningScenario:
    """A scenario whose service goes by a plan."""
    more = {name: changes.pop(name) for name in ("before", "late", "metadata") if name in changes}
    server = stack.enter_context(TuningServer(plan=plan or ("queued", "running", "succeeded"), **more))
    changes = {"base": "gpt-small", "keyed": True, **changes}
    return TuningScenario(options={"base_url": server.base_url}, jobs=lambda: len(server.jobs), **changes)


def refused(status: int) -> Callable[[Any], Any]:
    """A service that begins no jobs."""

    def before(request: Any) -> Any:
        begins = (request.method, request.path) == ("POST", "/v1/fine_tuning/jobs")
        return openai_error(status) if begins else None

    return before


async def test_the_tuner_openai_passes() -> None:
    with ExitStack() as stack:
        report = await check_tuner(
            OPENAI,
            {
                "plain": at(stack),
                "late": at(stack, late=2),
                "without metadata": at(stack, metadata=False),
                "a failing job": at(stack, "queued", "failed", expect=TuningFailed),
                "cancelled elsewhere": at(stack, "queued", "cancelled", expect=TuningFailed),
                "a wrong setting": at(stack, settings={"epocks": 3}, expect=ConfigError),
                "no right": at(stack, before=refused(403), expect=Unauthorized),
                "not this model": at(stack, before=refused(400), expect=Rejected),
                "unending": at(stack, "queued", "running", unending=True),
            },
        )
    assert report.passed, str(report)
    assert len(report.checks) == 22, str(report)
    assert report.left_out == ()
    assert str(report).startswith("tuner 'openai': 22 of 22 checks passed")


async def test_the_tuner_local_passes(tmp_path: Path) -> None:
    def here(**changes: Any) -> TuningScenario:
        return TuningScenario(**{"base": "zero-shot", "options": {"models": str(tmp_path)}, **changes})

    report = await check_tuner(
        LOCAL,
        {
            "plain": here(jobs=lambda: len(list(tmp_path.iterdir()))),
            "another base": here(base="large", expect=ConfigError),
            "a wrong setting": here(settings={"embedings": "x"}, expect=ConfigError),
        },
    )
    assert report.passed, str(report)
    assert len(report.checks) == 14, str(report)
    assert report.left_out == ()


class Toy:
    """A tuner with a service in memory, which does all as it should."""

    jobs: list[str]

    def __init__(self, options: Mapping[str, object]) -> None:
        self.options = read_options(ToyOptions, options, where="providers.toy")

    async def prepare(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        return TuningState(status="prepared")

    async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        if not (again and job.run in self.jobs):
            self.jobs.append(job.run)
        return TuningState(status="running", data={"job": job.run})

    async def poll(self, job: TuningJob, state: TuningState) -> TuningState:
        return dataclasses.replace(state, status="succeeded")

    async def cancel(self, job: TuningJob, state: TuningState) -> TuningState:
        return state if state.status == "succeeded" else dataclasses.replace(state, status="cancelled")

    async def resolve(self, job: TuningJob, state: TuningState) -> Tuned:
        if state.status != "succeeded":
            raise TuningFailed("there is no model", name=job.name, run=job.run)
        return Tuned(model=f"tuned-{job.run}")

    async def delete(self, model: str) -> None:
        pass

    async def aclose(self) -> None:
        pass


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToyOptions:
    api_key: str = dataclasses.field(default="", repr=False)


class Forgetful(Toy):
    async def submit(self, job, state, *, again):
        return await super().submit(job, state, again=False)


class Unwritable(Toy):
    async def submit(self, job, state, *, again):
        return dataclasses.replace(await super().submit(job, state, again=again), data={"job": {1: job.run}})


class Unbegun(Toy):
    async def resolve(self, job, state):
        return Tuned(model="tuned")


class Reviving(Toy):
    async def cancel(self, job, state):
        return dataclasses.replace(state, status="cancelled")


class Talking(Toy):
    async def delete(self, model):
        print("deleted")  # noqa: T201 - the mistake


class Strict(Toy):
    gone: list[str]

    async def delete(self, model):
        if model in self.gone:
            raise Rejected("there is no such model")
        self.gone.append(model)


class Indiscreet(Toy):
    async def poll(self, job, state):
        raise Rejected(f"the key {self.options.api_key} is not known")


class Endless(Toy):
    async def poll(self, job, state):
        return state


class Hasty(Toy):
    def __init__(self, options: Mapping[str, object]) -> None:
        super().__init__(options)
        self.jobs.append("at once")


async def examined(kind: type[Toy]) -> Report:
    class Kind(kind):  # type: ignore[misc, valid-type]  # with a service of its own
        jobs: list[str] = []  # noqa: RUF012
        gone: list[str] = []  # noqa: RUF012

    spec = TunerSpec(name="toy", create=Kind, capabilities=Capabilities(cancel=True, delete=True))
    plain = TuningScenario(base="any", keyed=True, jobs=lambda: len(Kind.jobs))
    return await check_tuner(spec, {"plain": plain})


async def test_a_good_one_passes_and_what_was_not_arranged_is_told() -> None:
    report = await examined(Toy)

    assert report.passed, str(report)
    assert [each.partition(" (")[0] for each in report.left_out] == ["failures", "cancelling and pausing"]


@pytest.mark.parametrize(
    ("kind", "check", "detail"),
    [
        (Forgetful, "what is called once more, its end being unknown", "2 jobs were begun"),
        (Unwritable, "a model comes of a job", "the data of a state come back from JSON as others"),
        (Unbegun, "resolve() of a job that was never begun", "resolve() gave Tuned"),
        (Reviving, "a job that is over stays as it is", "after cancel() it is cancelled"),
        (Talking, "nothing is printed", "deleted"),
        (Strict, "a model can be deleted, and once more", "raised Rejected: there is no such model"),
        (Indiscreet, "the key is in no repr, error or traceback", "(the key!)"),
        (Endless, "a model comes of a job", "it has not ended after 200 looks: it is running"),
        (Hasty, "a tuner can be made and closed twice", "a job was begun before submit() was called"),
    ],
)
async def test_each_mistake_is_found(kind: type[Toy], check: str, detail: str) -> None:
    report = await examined(kind)

    (found,) = (each for each in report.failures if each.name.startswith(check))
    assert detail in found.detail, str(report)


async def test_one_scenario_must_end_well() -> None:
    spec = TunerSpec(name="toy", create=Toy)
    with pytest.raises(ValueError, match="a model must come of one scenario"):
        await check_tuner(spec, {"unending": TuningScenario(base="any", unending=True)})
