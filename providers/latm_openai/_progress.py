"""How a job stands: its states in our words, and the loss curve from its events and checkpoints."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from latm.plugin import TuningStep
from latm.sdk import read_object
from latm.tuners import Status

# OpenAI's words first, then those of services that are of its shape in all else.
_STATES: Mapping[str, Status] = {
    "validating_files": "queued",
    "queued": "queued",
    "running": "running",
    "pausing": "running",
    "paused": "paused",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "pending": "queued",
    "created": "queued",
    "notrunning": "queued",
    "cancelling": "running",
    "canceling": "running",
    "compressing": "running",
    "uploading": "running",
    "completed": "succeeded",
    "success": "succeeded",
    "error": "failed",
}
_TOLD = re.compile(
    r"step (\d+)(?:/\d+)?: training loss=([\d.eE+-]+)(?:, validation loss=([\d.eE+-]+))?", re.IGNORECASE
)


def status(job: Mapping[str, Any]) -> Status | None:
    """The state of a job; None where it is none that we know, and the job says that it is over.

    A new word for a job under way must not keep anybody from waiting for a job that is paid for.
    """
    said = job.get("status")
    if not isinstance(said, str) or not said:
        return None
    known = _STATES.get(said.casefold().replace("-", "_"))
    if known is None and not (job.get("finished_at") or read_object(job.get("error"))):
        return "running"
    return known


def failure(job: Mapping[str, Any]) -> str:
    """Why a job failed, with the code and the parameter that the service names."""
    error = read_object(job.get("error"))
    said = error.get("message") or job.get("error") or "the service does not say why"
    code, param = error.get("code"), error.get("param")
    return f"{code}: {said}{f' (in {param})' if param else ''}" if code else f"{said}"


def is_newest_first(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a listing begins with the newest, as far as it was read; OpenAI's does."""
    if not events:
        return True
    first, last = (each.get("created_at") for each in (events[0], events[-1]))
    return not (isinstance(first, int) and isinstance(last, int) and first < last)


def steps(
    known: Iterable[TuningStep],
    events: Iterable[Mapping[str, Any]],
    checkpoints: Iterable[Mapping[str, Any]],
) -> tuple[TuningStep, ...]:
    """The steps that were known, and what events and checkpoints tell besides; oldest first."""
    found = {each.number: each for each in known}
    for event in events:
        if (step := _of_event(event)) is not None:
            model = found[step.number].model if step.number in found else None
            found[step.number] = replace(step, model=model)
    for each in checkpoints:
        number, model = each.get("step_number"), each.get("fine_tuned_model_checkpoint")
        if not isinstance(number, int) or not isinstance(model, str):
            continue
        metrics = read_object(each.get("metrics"))
        step = found.get(number) or _step(number, metrics)
        found[number] = replace(step, model=model)
    return tuple(found[number] for number in sorted(found))


def _of_event(event: Mapping[str, Any]) -> TuningStep | None:
    data = read_object(event.get("data"))
    number = data.get("step")
    if isinstance(number, int) and not isinstance(number, bool):
        return _step(number, data)
    told = _TOLD.search(str(event.get("message", "")))
    if told is None:
        return None
    losses = {"train_loss": told[2], "valid_loss": told[3]}
    return _step(int(told[1]), {name: _parsed(text) for name, text in losses.items()})


def _step(number: int, data: Mapping[str, Any]) -> TuningStep:
    held_out = _loss(data.get("valid_loss"))
    return TuningStep(
        number=number,
        loss=_loss(data.get("train_loss")),
        validation_loss=_loss(data.get("full_valid_loss")) if held_out is None else held_out,
    )


def _loss(value: object) -> float | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if plain else None  # type: ignore[arg-type]


def _parsed(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
