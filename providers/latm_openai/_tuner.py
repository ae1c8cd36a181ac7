"""Fine-tuning at OpenAI and at services of its shape: files, one job, its events and checkpoints, the model.

Neither an upload nor the start of a job can be repeated without harm. So each carries the run's name, in the
name of the file and in the metadata of the job, and is looked for before it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, final

from latm.errors import BackendError, Rejected, Throttled, TuningFailed, Unauthorized, Unavailable
from latm.plugin import Tuned, TuningJob, TuningState, read_options
from latm.tuner.formats import FEWEST_LINES, check_chat
from latm_openai import OpenAIOptions, OpenAITuning, _progress
from latm_openai._service import RUN, Service, born, gone, identity

_FINAL = ("succeeded", "failed", "cancelled")
_FIRST_LOOK_S = 2.0
_POLLS_GROW = 1.5
_LATER = (
    "OpenAI is winding its own fine-tuning down: no new users since May 2026, no new jobs after January "
    "2027; a tuned model is served until its base model is shut down"
)


@final
class OpenAITuner:
    """See `latm.plugin.Tuner` and `latm.tuners.Pausing`."""

    def __init__(self, options: OpenAIOptions) -> None:
        self._service = Service(options)
        # Creations that the service has certainly refused: of those nothing can turn up late.
        self._refused: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        return "<fine-tuning by openai>"

    async def aclose(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._service.aclose()

    async def prepare(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        """Check the data, and upload a file that is not there yet.

        Raises:
            DataError: the data are wrong; nothing was sent.
            BackendError: the service did not deliver.
            TuningFailed: it refuses the file.
        """
        settings = _settings(job)
        missing = [(key, data) for key, data in _files(job) if key not in state.data]
        for key, data in missing:
            fewest = FEWEST_LINES if key == "training_file" else 1
            check_chat(data, labels=job.labels, where=key, fewest=fewest, largest=settings.largest_bytes)
        if not missing:
            return replace(state, status="prepared", wait_s=None)
        key, data = missing[0]
        name = f"latm-{job.run}-{hashlib.sha256(data).hexdigest()[:16]}.jsonl"
        found = await self._service.find_file(name, len(data))
        if found is None:
            if (later := self._look_again(job, state, key, settings, again=again)) is not None:
                return later
            found = await self._create(job, key, self._service.upload(name, data))
        if found.get("status") in ("error", "deleted"):
            why = self._service.shown(str(found.get("status_details") or "it does not say why"))
            raise _failed(job, f"the service refuses the file {name}: {why}")
        return TuningState(
            status="prepared" if len(missing) == 1 else "new",
            data={**_without_looks(state), key: identity(found, "file")},
            message=f"uploaded {name}",
        )

    async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        """Start the job, unless it is there.

        Raises:
            BackendError: the service did not deliver; says what to do where it refuses the job.
        """
        settings = _settings(job)
        found = await self._service.find_job(job.run, state.data.get("training_file"))
        if found is None:
            if (later := self._look_again(job, state, "job", settings, again=again)) is not None:
                return later
            try:
                found = await self._create(job, "job", self._service.create(_arguments(job, state, settings)))
            except (Rejected, Unauthorized) as error:
                see = f"No job was begun: see whether this account may tune {job.base!r}"
                error.args = (f"{error.args[0]}. {see}",)
                raise
        return self._read(found, replace(state, data=_without_looks(state), wait_s=None))

    async def poll(self, job: TuningJob, state: TuningState) -> TuningState:
        """Look at the job and its events, and at its checkpoints once it is over or rests."""
        found = await self._found(job, state)
        if found is None:
            raise Rejected(gone(job.run))
        now = await self._progress(self._read(found, state))
        settings = _settings(job)
        grown = (state.wait_s or 0.0) * _POLLS_GROW if now.status == state.status else 0.0
        return replace(now, wait_s=min(max(grown, settings.poll_s), settings.longest_poll_s))

    async def cancel(self, job: TuningJob, state: TuningState) -> TuningState:
        """Stop the job, whether its start was heard of or not."""
        return await self._tell(job, state, "cancel")

    async def pause(self, job: TuningJob, state: TuningState) -> TuningState:
        """Let the job rest; the service keeps a checkpoint."""
        return await self._tell(job, state, "pause")

    async def resume(self, job: TuningJob, state: TuningState) -> TuningState:
        """Let the job go on."""
        return await self._tell(job, state, "resume")

    async def resolve(self, job: TuningJob, state: TuningState) -> Tuned:
        """The model, and the day on which the service says that it is shut down.

        Raises:
            TuningFailed: the job did not succeed.
            BackendError: the service did not deliver.
        """
        if state.status != "succeeded":
            raise _failed(job, f"the job {state.data.get('job')} is {state.status}")
        model, service = state.data.get("model"), self._service
        if model is None:
            model = (await service.retrieve(str(state.data.get("job")))).get("fine_tuned_model")
        if not isinstance(model, str) or not model:
            raise Unavailable(f"the job {state.data.get('job')} has succeeded, but names no model")
        shut = await service.shutdown(model, needed=service.is_openai) or await service.shutdown(job.base)
        chosen = _settings(job).expires or shut
        notes = [_LATER] if service.is_openai else []
        if shut is not None:
            notes.append(f"the service says that it is shut down on {shut}")
        elif service.is_openai and chosen is None:
            notes.append("the day is not known yet: set expires in [training] once it is")
        expires = None if chosen is None else datetime(chosen.year, chosen.month, chosen.day, tzinfo=UTC)
        return Tuned(model=model, expires=expires, note="; ".join(notes))

    async def delete(self, model: str) -> None:
        """Delete a tuned model; no error where it is gone already."""
        await self._service.delete(model)

    async def _create(
        self, job: TuningJob, what: str, creation: Awaitable[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        self._refused.discard((job.run, what))
        try:
            return await creation
        except BackendError as error:
            if isinstance(error, Rejected | Throttled | Unauthorized) or not error.sent:
                self._refused.add((job.run, what))
            raise

    def _look_again(
        self, job: TuningJob, state: TuningState, what: str, settings: OpenAITuning, *, again: bool
    ) -> TuningState | None:
        """The state in which to come back for another look; None where it is time to create."""
        looks = 0 if again else _looks(state)
        in_doubt = (again or looks > 0) and (job.run, what) not in self._refused
        if not in_doubt or looks + 1 >= settings.looks:
            return None
        return replace(
            state,
            data={**state.data, "looks": looks + 1},
            wait_s=_FIRST_LOOK_S * 2**looks,
            message="looking for what an earlier call may have created",
        )

    async def _found(self, job: TuningJob, state: TuningState) -> Mapping[str, Any] | None:
        if isinstance(known := state.data.get("job"), str):
            return await self._service.retrieve(known)
        return await self._service.find_job(job.run, state.data.get("training_file"))

    async def _tell(self, job: TuningJob, state: TuningState, what: str) -> TuningState:
        found = await self._found(job, state)
        if found is None:
            if what != "cancel":
                raise _failed(job, f"there is no job to {what} yet")
            return replace(state, status="cancelled", message="it was cancelled before there was a job")
        now = self._read(found, state)
        if now.status not in _FINAL:
            now = self._read(await self._service.tell(identity(found, "job"), what), state)
        return await self._progress(now)

    def _read(self, found: Mapping[str, Any], state: TuningState) -> TuningState:
        """What a job says of itself."""
        data = {**state.data, "job": identity(found, "job")}
        if isinstance(model := found.get("fine_tuned_model"), str) and model:
            data["model"] = model
        status = _progress.status(found)
        if status is None:
            raise Unavailable(f"the job {data['job']} is {found.get('status')!r}, which is no state we know")
        message = state.message
        if status == "failed":
            message = self._service.shown(_progress.failure(found))
        elif status == "cancelled":
            message = "the job was cancelled"
        elif status != state.status:
            message = "the job has succeeded" if status == "succeeded" else f"the job is {status}"
        tokens = found.get("trained_tokens")
        counted = isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0
        return replace(
            state,
            status=status,
            data=data,
            message=message,
            trained_tokens=tokens if counted else state.trained_tokens,
        )

    async def _progress(self, state: TuningState) -> TuningState:
        """The state with what events and checkpoints tell."""
        name = str(state.data["job"])
        news = await self._service.events(name, state.data.get("event"))
        if news:
            newest = max(news, key=born)
            state = replace(state, data={**state.data, "event": newest.get("id")})
            said = newest.get("message")
            if state.status not in _FINAL and isinstance(said, str):
                state = replace(state, message=self._service.shown(said))
        rests = state.status in (*_FINAL, "paused")
        kept = await self._service.checkpoints(name) if rests else []
        return replace(state, steps=_progress.steps(state.steps, news, kept))


def _settings(job: TuningJob) -> OpenAITuning:
    return read_options(OpenAITuning, job.settings, where="training")


def _files(job: TuningJob) -> list[tuple[str, bytes]]:
    held_out = [] if job.validation is None else [("validation_file", job.validation)]
    return [("training_file", job.training), *held_out]


def _arguments(job: TuningJob, state: TuningState, settings: OpenAITuning) -> dict[str, object]:
    arguments: dict[str, object] = {
        "model": job.base,
        "training_file": state.data["training_file"],
        "suffix": settings.suffix or job.name[:40],
        "seed": job.seed,
        "metadata": {RUN: job.run, "latm_tuning": job.name},
    }
    if "validation_file" in state.data:
        arguments["validation_file"] = state.data["validation_file"]
    if settings.method == "supervised":
        supervised = {"hyperparameters": settings.hyperparameters} if settings.hyperparameters else {}
        arguments["method"] = {"type": "supervised", "supervised": supervised}
    elif settings.hyperparameters:
        arguments["hyperparameters"] = settings.hyperparameters
    return arguments


def _looks(state: TuningState) -> int:
    looks = state.data.get("looks", 0)
    return looks if isinstance(looks, int) else 0


def _without_looks(state: TuningState) -> dict[str, object]:
    return {name: value for name, value in state.data.items() if name != "looks"}


def _failed(job: TuningJob, reason: str) -> TuningFailed:
    return TuningFailed(f"{reason} (run {job.run})", name=job.name, run=job.run)
