"""Training: one job for the same data, base and settings, whoever asks for it and however often.

Two processes that ask at once are one job, too: the second waits for the first, and finds what came of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from latm._leasing import LEASE_S, Patience, holding
from latm._threads import in_thread
from latm.errors import ConfigError, LeaseLost, LibraryError, nearest
from latm.plugin import read_options
from latm.tuner._driving import Drive
from latm.tuner._means import Means
from latm.tuner._runs import Training, TunedModel, marks
from latm.tuner._samples import Sample
from latm.tuner._spec import TuningSpec
from latm.tuner.formats import Template, chat_lines, check_chat
from latm.tuners import Pausing, TunerSpec, TuningState

if TYPE_CHECKING:
    from latm.library import Library

__all__ = [
    "Means",
    "Training",
    "TunedModel",
    "cancel",
    "finished",
    "pause",
    "resume",
    "train",
    "trainings",
    "unfinished",
]

_DIGITS = 24  # of the digest that names a job: 96 bits, and room behind it within 40 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    training: Training
    data: bytes = field(repr=False)
    validation: bytes | None = field(repr=False)


@overload
async def train(
    spec: TuningSpec,
    samples: Sequence[Sample],
    *,
    validation: Sequence[Sample] = (),
    provider: str,
    base: str,
    follow: Literal[True] = True,
    afresh: bool = False,
    **means: Unpack[Means],
) -> TunedModel: ...


@overload
async def train(
    spec: TuningSpec,
    samples: Sequence[Sample],
    *,
    validation: Sequence[Sample] = (),
    provider: str,
    base: str,
    follow: bool,
    afresh: bool = False,
    **means: Unpack[Means],
) -> TunedModel | Training: ...


async def train(
    spec: TuningSpec,
    samples: Sequence[Sample],
    *,
    validation: Sequence[Sample] = (),
    provider: str,
    base: str,
    follow: bool = True,
    afresh: bool = False,
    **means: Unpack[Means],
) -> TunedModel | Training:
    """Train a model, or go on with its training, or find that it is done.

    A job that failed or was cancelled is followed by a new one when it is asked for again.

    Args:
        spec: the tuning.
        samples: to train on.
        validation: for the service's own loss curve; none for none.
        provider: whose model it is: the provider, or a name of the configuration that uses it.
        base: the model, behind the colon of ``provider:model``.
        follow: False to return as soon as there is a job, with how it stands.
        afresh: give up what was begun of this very job, and begin it anew; one that goes on is cancelled.
        means: what it is driven with, see `Means`.

    Returns:
        The model; without ``follow`` the job where that is not over yet.

    Raises:
        DataError: the data are wrong; names each line. Nothing was sent.
        BackendError: the service did not deliver; whoever asks again goes on from there.
        TuningFailed: nothing came of it, or the job is paused.
        BudgetExceeded: a budget does not allow the job; nothing was sent.
        ConfigError: it is to be begun afresh, and another process is at it, or it goes on and cannot be
            cancelled; or a budget in USD cannot be kept, since the price of the training is unknown.
        LibraryError: another process took the job over.
    """
    asked = _asked(spec, samples, validation, provider=provider, base=base, means=means)
    library, events = means["library"], means["events"]
    if afresh:
        await _give_up(asked.training, means)
    training = await in_thread(_current, library, asked.training)
    patience, told = Patience(), False
    while True:
        async with _held(library, training) as mine:
            if mine:
                training = await in_thread(_kept, library, training)
                # Those that lie aside may have changed since it was begun.
                training = training.replace(settings=asked.training.settings)
                job = training.asked(asked.data, asked.validation)
                return await _driven(Drive.of(training, job, means), follow=follow)
        if not follow:
            return await in_thread(_kept, library, training)
        if not told:
            events.tell("tune.waiting", tuning=training.name, run=training.run)
            told = True
        await patience.wait()


async def cancel(run: str, **means: Unpack[Means]) -> Training:
    """Stop a job; one that is over stays as it is.

    Args:
        run: of the job, or the name of a tuning whose newest job is meant.
        means: what it is driven with, see `Means`.

    Returns:
        The job, as it stands now.

    Raises:
        ConfigError: there is no such job, or the tuner cannot do that.
        BackendError: the service did not deliver.
        TuningFailed: the service refused.
    """
    if not means["offer"].capabilities.cancel:
        raise ConfigError(f"the tuner {means['offer'].name!r} cannot cancel a job")
    return await _told_to("cancel", run, means)


async def pause(run: str, **means: Unpack[Means]) -> Training:
    """Let a job rest; arguments, result and errors as for `cancel`."""
    return await _told_to("pause", run, means)


async def resume(run: str, **means: Unpack[Means]) -> Training:
    """Let a job go on that rests; arguments, result and errors as for `cancel`."""
    return await _told_to("resume", run, means)


def trainings(library: Library, name: str | None = None) -> tuple[Training, ...]:
    """All jobs, or those of one tuning, newest first.

    Raises:
        LibraryError: a record cannot be read.
    """
    return tuple(Training.from_record(kept.record) for kept in library.tunings(name))


def finished(library: Library, name: str | None = None) -> tuple[TunedModel, ...]:
    """The models that came of jobs, of all tunings or of one, newest first; errors as of `trainings`."""
    return tuple(each.model for each in trainings(library, name) if each.model is not None)


def unfinished(library: Library, name: str | None = None) -> tuple[tuple[str, TuningState], ...]:
    """The runs and states of jobs that are not over, newest first; errors as of `trainings`."""
    return tuple((each.run, each.state) for each in trainings(library, name) if not each.over)


def _asked(
    spec: TuningSpec,
    samples: Sequence[Sample],
    validation: Sequence[Sample],
    *,
    provider: str,
    base: str,
    means: Means,
) -> _Asked:
    """The job as it is asked for, its data checked; its run has no attempt yet."""
    offer, template = means["offer"], Template.of(spec)
    settings, telling = _settings(offer, spec.training)
    largest = settings.get("largest_bytes", offer.largest_bytes)
    largest = largest if isinstance(largest, int) else offer.largest_bytes
    data = chat_lines(template, samples)
    check_chat(
        data,
        labels=spec.labels,
        where=str(spec.train_file),
        fewest=offer.fewest_lines,
        largest=largest,
    )
    held_out = chat_lines(template, validation) if validation else None
    if held_out is not None:
        where = f"{spec.name}: validation"
        check_chat(held_out, labels=spec.labels, where=where, fewest=1, largest=largest)
    digest = hashlib.sha256(data).hexdigest()
    decides = {
        "name": spec.name,
        "tuner": offer.name,
        "model": f"{provider}:{base}",
        "data": digest,
        "validation": None if held_out is None else hashlib.sha256(held_out).hexdigest(),
        "template": template.digest,
        "settings": telling,
        "seed": spec.seed,
    }
    training = Training(
        run=hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:_DIGITS],
        name=spec.name,
        tuner=offer.name,
        provider=provider,
        base=base,
        data_digest=digest,
        samples=len(samples),
        template=template.digest,
        labels=spec.labels,
        settings=MappingProxyType({name: _json(value) for name, value in spec.training.items()}),
        seed=spec.seed,
        seen=marks(each.text for each in samples),
        began=means["clock"].now().isoformat(),
    )
    return _Asked(training=training, data=data, validation=held_out)


def _settings(
    offer: TunerSpec, given: Mapping[str, object]
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """All settings, and those that decide on what is trained and are not the tuner's own."""
    if offer.settings is None:
        return given, {name: _json(value) for name, value in given.items()}
    kind: type[Any] = offer.settings
    kinds: tuple[Any, ...] = fields(kind)
    asked, usual = (
        read_options(kind, given, where="training"),
        read_options(kind, {}, where="training"),
    )
    values = {each.name: getattr(asked, each.name) for each in kinds}
    # A setting that a later version brings must not name an old job anew.
    telling = {
        name: _json(value)
        for name, value in values.items()
        if name not in offer.aside and value != getattr(usual, name)
    }
    return values, telling


def _json(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _newest(library: Library, asked: Training) -> Training | None:
    """The last attempt at the job."""
    attempts = (each for each in trainings(library, asked.name) if each.run.rpartition("-")[0] == asked.run)
    return next(attempts, None)


def _current(library: Library, asked: Training) -> Training:
    """The job to go on with: the newest that may still come to something, or a new attempt."""
    newest = _newest(library, asked)
    if newest is None:
        return asked.replace(run=f"{asked.run}-1")
    if newest.step != "failed":
        return newest
    return asked.replace(run=f"{asked.run}-{int(newest.run.rpartition('-')[2]) + 1}")


async def _give_up(asked: Training, means: Means) -> None:
    """Let nothing more come of what was begun, unless another process is at it."""
    library = means["library"]
    newest = await in_thread(_newest, library, asked)
    if newest is None or newest.step == "failed":
        return
    async with _held(library, newest) as mine:
        if not mine:
            raise ConfigError(f"another process is at the job {newest.run}: end it, or wait for it, before")
        kept = await in_thread(_kept, library, newest)
        await Drive.of(kept, kept.asked(), means).give_up()


def _kept(library: Library, training: Training) -> Training:
    """The job as it is written down by now."""
    kept = library.tuning(training.run)
    return training if kept is None else Training.from_record(kept.record)


async def _driven(drive: Drive, *, follow: bool) -> TunedModel | Training:
    await drive.begin()
    if not follow and drive.training.step == "poll":
        await drive.look()
        if not drive.training.over and drive.training.step == "poll":
            return drive.training
    return await drive.follow()


@asynccontextmanager
async def _held(library: Library, training: Training) -> AsyncGenerator[bool, None]:
    """Whether the job is ours alone within the block."""
    from latm.library import Busy

    lease = holding(library, f"tuning-{training.run}", fingerprint=training.run, ttl_s=LEASE_S)
    try:
        async with lease as held:
            yield not isinstance(held, Busy)
    except LeaseLost:
        raise LibraryError(
            f"this process was paused for longer than its lease of {LEASE_S:g} s, and another took the "
            f"training {training.run} over: asked for again, it says how that stands"
        ) from None


async def _told_to(what: Literal["cancel", "pause", "resume"], run: str, means: Means) -> Training:
    tuner, library = means["tuner"], means["library"]
    training = await in_thread(_named, library, run)
    method = getattr(tuner, what) if what == "cancel" or isinstance(tuner, Pausing) else None
    if method is None or (what != "cancel" and not means["offer"].capabilities.pause):
        raise ConfigError(f"the tuner {means['offer'].name!r} cannot {what} a job")
    if training.over:
        return training
    async with _held(library, training) as mine:
        drive = Drive.of(training, training.asked(), means)
        state = await drive.tried(lambda: method(drive.training.asked(), drive.training.state))
        if mine:
            await drive.learn(state)
        # Who else has it will see for himself.
        return drive.training if mine else training.replace(state=state)


def _named(library: Library, run: str) -> Training:
    kept = library.tuning(run)
    if kept is not None:
        return Training.from_record(kept.record)
    of_that_name = trainings(library, run)
    if not of_that_name:
        known = {each.name for each in library.tunings()}
        raise ConfigError(f"there is no training job of {run!r}.{nearest(run, known)}")
    return next((each for each in of_that_name if not each.over), of_that_name[0])
