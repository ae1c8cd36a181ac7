"""The conformance checks of a tuner."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Final, final, get_args

from latm.errors import ConfigError, DataError, LatmError, TuningFailed
from latm.plugin import Tuned, Tuner, TunerSpec, TuningJob, TuningState
from latm.sdk import plain as plain_json
from latm.testing._findings import CANARY, Findings
from latm.testing._judging import Failed
from latm.testing._scenario import Report, TuningScenario
from latm.tuners import Pausing, Status

__all__ = ["check_tuner"]

_FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})
_MOST_CALLS = 200
_LABELS: Final[Mapping[str, str]] = {"cat": "It purrs and climbs.", "dog": "It barks and fetches."}
_SOUNDS: Final[Mapping[str, tuple[str, str]]] = {"cat": ("purr", "meow"), "dog": ("bark", "growl")}
_FEWEST_SAMPLES = 24


async def check_tuner(spec: TunerSpec, scenarios: Mapping[str, TuningScenario]) -> Report:
    """Judge a tuner in the situations that its author arranged.

    Every call is made by a tuner of its own, with the state as it comes back from JSON: so the engine goes on
    after it was killed. Nothing waits: what a tuner says in ``wait_s`` is over at once.

    Never raises for the tuner's sake: all that goes wrong is a failed check. What was not arranged is not
    looked at, and the report says so.

    Args:
        spec: the tuner.
        scenarios: by a name for the report. The first of which a model comes is used by the general checks;
            there must be one.

    Raises:
        ValueError: a model comes of none.
    """
    plain = next((one for one in scenarios.values() if one.plain), None)
    if plain is None:
        raise ValueError("a model must come of one scenario: neither expect nor unending")
    examination = _Examination(spec)
    with examination.found.listening():
        await examination.before_any_job(plain)
        await examination.whole(plain)
        for name, scenario in scenarios.items():
            if scenario.unending:
                await examination.unending(name, scenario)
            elif scenario is not plain:
                await examination.outcome(name, scenario)
    examination.found.hygiene()
    can, left_out = spec.capabilities, list[str]()
    if not any(one.expect for one in scenarios.values()):
        left_out.append("failures (a scenario with expect=)")
    if (can.cancel or can.pause) and not any(one.unending for one in scenarios.values()):
        left_out.append("cancelling and pausing (a scenario with unending=True)")
    if plain.jobs is None:
        left_out.append("whether a job is begun twice (jobs= of the plain scenario)")
    return Report(spec.name, tuple(examination.found.checks), tuple(left_out), kind="tuner")


@final
class _Examination:
    def __init__(self, spec: TunerSpec) -> None:
        self.spec = spec
        self.found = Findings()

    def create(self, scenario: TuningScenario, **more: object) -> Tuner:
        key = {"api_key": CANARY} if scenario.keyed else {}
        tuner = self.spec.create({**key, **scenario.options, **more})
        self.found.see(repr(tuner))
        return tuner

    @contextlib.asynccontextmanager
    async def tuner(self, scenario: TuningScenario) -> AsyncGenerator[Tuner, None]:
        tuner = self.create(scenario)
        try:
            yield tuner
        finally:
            await tuner.aclose()

    async def before_any_job(self, plain: TuningScenario) -> None:
        async def named() -> None:
            if not self.spec.name or ":" in self.spec.name:
                raise Failed(f"{self.spec.name!r}")

        async def unknown() -> None:
            try:
                tuner = self.create(plain, no_such_option=1)
            except ConfigError as error:
                self.found.note(error)
                if "no_such_option" not in str(error):
                    raise Failed(f"the error does not name it: {error}") from None
                return
            await tuner.aclose()
            raise Failed("it was accepted")

        async def unasked() -> None:
            before = _count(plain)
            tuner = self.create(plain)
            _must_be(tuner, Tuner)
            await tuner.aclose()
            await tuner.aclose()
            if _count(plain) != before:
                raise Failed("a job was begun before submit() was called")

        await self.found.check("the name is text without a colon", named)
        await self.found.check("an unknown option is a ConfigError that names it", unknown)
        await self.found.check("a tuner can be made and closed twice, and begins nothing by itself", unasked)

    async def whole(self, plain: TuningScenario) -> None:
        """The checks of jobs of which a model comes."""

        async def trains() -> None:
            job = self.job(plain)
            await self.resolved(plain, job, await self.ended(plain, job, await self.begun(plain, job)))

        async def stays() -> None:
            job = self.job(plain)
            state = await self.ended(plain, job, await self.begun(plain, job))
            for what in ("poll", "cancel") if self.spec.capabilities.cancel else ("poll",):
                after = await self.call(plain, what, job, state)
                if after.status != "succeeded":
                    raise Failed(f"after {what}() it is {after.status}")

        async def never_begun() -> None:
            job = self.job(plain)
            await self.fails(plain, job, await self.prepared(plain, job))

        await self.found.check("a model comes of a job, each call being another process's", trains)
        await self.found.check(
            "what is called once more, its end being unknown, begins nothing twice", lambda: self.once(plain)
        )
        await self.found.check("a job that is over stays as it is", stays)
        await self.found.check("resolve() of a job that was never begun is TuningFailed", never_begun)
        if self.spec.capabilities.cancel:
            await self.found.check("a job that was never begun can be cancelled", lambda: self.early(plain))
        if self.spec.capabilities.delete:
            await self.found.check("a model can be deleted, and once more", lambda: self.deleted(plain))

    async def once(self, scenario: TuningScenario) -> None:
        before, job = _count(scenario), self.job(scenario)
        state = await self.begun(scenario, job, twice=True)
        await self.resolved(scenario, job, await self.ended(scenario, job, state))
        if scenario.jobs is not None and (made := _count(scenario) - before) != 1:
            raise Failed(f"{made} jobs were begun")

    async def early(self, plain: TuningScenario) -> None:
        before, job = _count(plain), self.job(plain)
        state = await self.call(plain, "cancel", job, await self.prepared(plain, job))
        if state.status != "cancelled":
            raise Failed(f"it is {state.status}")
        if _count(plain) != before:
            raise Failed("a job was begun for it")

    async def deleted(self, plain: TuningScenario) -> None:
        job = self.job(plain)
        state = await self.ended(plain, job, await self.begun(plain, job))
        tuned = await self.resolved(plain, job, state)
        async with self.tuner(plain) as tuner:
            await tuner.delete(tuned.model)
            await tuner.delete(tuned.model)

    async def outcome(self, name: str, scenario: TuningScenario) -> None:
        """What one job must come to."""
        expect, job = scenario.expect, self.job(scenario)

        async def fails() -> None:
            before = _count(scenario)
            try:
                state = await self.ended(scenario, job, await self.begun(scenario, job), any_end=True)
            except LatmError as error:
                self.found.note_outcome(error)
                if type(error) is not expect:
                    raise Failed(f"got {type(error).__name__}: {error}") from None
                if isinstance(error, ConfigError | DataError) and _count(scenario) != before:
                    raise Failed("a job was begun nevertheless") from None
                return
            if expect is not TuningFailed or state.status == "succeeded":
                raise Failed(f"the job has {state.status}")
            if not state.message:
                raise Failed("the state has no message that says why")
            await self.fails(scenario, job, state)

        if expect is None:
            await self.found.check(
                f"{name}: a model, and what is called once more is begun once", lambda: self.once(scenario)
            )
        else:
            await self.found.check(f"{name}: {expect.__name__}", fails)

    async def unending(self, name: str, scenario: TuningScenario) -> None:
        """A job that does not end by itself."""

        async def cancels() -> None:
            job = self.job(scenario)
            state = await self.begun(scenario, job)
            for what in ("cancel", "cancel", "poll"):
                state = await self.call(scenario, what, job, state)
                if state.status != "cancelled":
                    raise Failed(f"after {what}() it is {state.status}")
            await self.fails(scenario, job, state)

        async def pauses() -> None:
            job = self.job(scenario)
            state = await self.call(scenario, "pause", job, await self.begun(scenario, job))
            if state.status != "paused":
                raise Failed(f"after pause() it is {state.status}")
            state = await self.call(scenario, "resume", job, state)
            if state.status in {"paused", *_FINAL}:
                raise Failed(f"after resume() it is {state.status}")

        if self.spec.capabilities.cancel:
            await self.found.check(f"{name}: it can be cancelled, and stays so", cancels)
        if self.spec.capabilities.pause:
            await self.found.check(f"{name}: it can be paused, and goes on", pauses)

    async def call(
        self, scenario: TuningScenario, what: str, job: TuningJob, state: TuningState, **more: bool
    ) -> TuningState:
        """One call by a tuner of its own; the state as it comes back from where it is written down."""
        async with self.tuner(scenario) as tuner:
            if what in {"pause", "resume"} and not isinstance(tuner, Pausing):
                raise Failed(f"it says that it can pause, but has no method {what!r}")
            return _kept(await getattr(tuner, what)(job, state, **more))

    async def prepared(self, scenario: TuningScenario, job: TuningJob, *, twice: bool = False) -> TuningState:
        return await self._until(scenario, "prepare", job, TuningState(), unfinished="new", twice=twice)

    async def begun(self, scenario: TuningScenario, job: TuningJob, *, twice: bool = False) -> TuningState:
        """Go as far as there is a job.

        Args:
            scenario: where.
            job: what is asked for.
            twice: what each call gives is lost, and it is made again.
        """
        state = await self.prepared(scenario, job, twice=twice)
        if state.status != "prepared":
            raise Failed(f"prepare() gave {state.status}; it may give new and prepared")
        return await self._until(scenario, "submit", job, state, unfinished="prepared", twice=twice)

    async def _until(
        self,
        scenario: TuningScenario,
        what: str,
        job: TuningJob,
        state: TuningState,
        *,
        unfinished: str,
        twice: bool,
    ) -> TuningState:
        for _ in range(_MOST_CALLS):
            if twice:
                await self.call(scenario, what, job, state, again=False)
            state = await self.call(scenario, what, job, state, again=twice)
            if state.status != unfinished:
                return state
        raise Failed(f"{what}() still gives {unfinished} after {_MOST_CALLS} calls")

    async def ended(
        self, scenario: TuningScenario, job: TuningJob, state: TuningState, *, any_end: bool = False
    ) -> TuningState:
        for _ in range(_MOST_CALLS):
            if state.status in _FINAL:
                break
            state = await self.call(scenario, "poll", job, state)
        else:
            raise Failed(f"it has not ended after {_MOST_CALLS} looks: it is {state.status}")
        if not any_end and state.status != "succeeded":
            raise Failed(f"it has {state.status}: {state.message}")
        return state

    async def resolved(self, scenario: TuningScenario, job: TuningJob, state: TuningState) -> Tuned:
        async with self.tuner(scenario) as tuner:
            tuned = await tuner.resolve(job, state)
        _must_be(tuned, Tuned)
        if not tuned.model:
            raise Failed("resolve() gave no model's name")
        if tuned.expires is not None and tuned.expires.tzinfo is None:
            raise Failed("the time at which it expires has no time zone")
        return tuned

    async def fails(self, scenario: TuningScenario, job: TuningJob, state: TuningState) -> None:
        async with self.tuner(scenario) as tuner:
            try:
                tuned = await tuner.resolve(job, state)
            except TuningFailed as error:
                self.found.note_outcome(error)
                return
        raise Failed(f"resolve() gave {tuned!r}")

    def job(self, scenario: TuningScenario) -> TuningJob:
        """A job that no check has asked for."""
        run = uuid.uuid4().hex[:16]
        return replace(_job(self.spec, scenario) if scenario.job is None else scenario.job, run=run)


def _job(spec: TunerSpec, scenario: TuningScenario) -> TuningJob:
    """Notes of two kinds, which their words tell apart."""
    from latm.tuner import Sample, TuningSpec
    from latm.tuner.formats import Template, chat_lines

    template = Template.of(
        TuningSpec(name="pets", about="a note", question="Which pet is it about?", labels=_LABELS)
    )
    count = max(_FEWEST_SAMPLES, spec.fewest_lines)
    samples = [
        Sample(f"note {number}: we heard it {first} and {second}", label)
        for number in range(-(-count // len(_LABELS)))
        for label, (first, second) in _SOUNDS.items()
    ]
    return TuningJob(
        run="",
        name="pets",
        base=scenario.base,
        training=chat_lines(template, samples),
        labels=_LABELS,
        template=template.digest,
        settings=scenario.settings,
    )


def _kept(state: object) -> TuningState:
    """A state as it comes back from a file.

    Raises:
        Failed: it is none, or does not come back as it was.
    """
    if not isinstance(state, TuningState):
        raise Failed(f"a {type(state).__name__} is no TuningState")
    if state.status not in get_args(Status):
        raise Failed(f"{state.status!r} is no status")
    if state.wait_s is not None and state.wait_s < 0:
        raise Failed(f"wait_s is {state.wait_s}")
    data = plain_json(state.data)
    try:
        again = json.loads(json.dumps(data, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise Failed(f"the data of a state are no JSON: {error}") from None
    if again != data:
        raise Failed(f"the data of a state come back from JSON as others: {again!r}")
    return replace(state, data=again)


def _must_be(value: object, kind: type[object]) -> None:
    if not isinstance(value, kind):
        raise Failed(f"a {type(value).__name__} is no {kind.__name__}")


def _count(scenario: TuningScenario) -> int:
    return 0 if scenario.jobs is None else scenario.jobs()
