"""What the author of a tuner writes against; `latm.plugin` exports the same names.

A tuner is a way to fine-tune models. It is offered by the hook ``latm_tuners`` and driven by the engine,
which writes down what it is about to do before it does it, and what came of it afterwards: a process that is
killed anywhere in between is followed by one that is told so, and looks before it acts again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal, Protocol, runtime_checkable

__all__ = ["Capabilities", "Pausing", "Tuned", "Tuner", "TunerSpec", "TuningJob", "TuningState", "TuningStep"]

_NOTHING: Mapping[str, object] = MappingProxyType({})

MIB = 1024 * 1024

Status = Literal["new", "prepared", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
"""Where a job is. The last three are final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a tuner can do beside training.

    Attributes:
        cancel: a job can be cancelled.
        pause: a job can be paused and resumed: the tuner is a `Pausing` one.
        steps: progress is told with losses.
        delete: a tuned model can be deleted.
        converses: what comes of it completes any request; if False it only picks one of the labels that it
            was trained on, and can fill no role but the dispatcher's.
    """

    cancel: bool = False
    pause: bool = False
    steps: bool = False
    delete: bool = False
    converses: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningJob:
    """What a tuner is asked for.

    Attributes:
        run: the job's name for good: the same data, base and settings have the same. At most 40 characters of
            a-z, 0-9 and "-".
        name: of the tuning, as the user calls it; a slug.
        base: the model to tune: what stands behind ``provider:``.
        training: chat JSON Lines, as `latm.tuner.formats` writes and has checked them, UTF-8.
        validation: the same for the service's own loss curve; None for none.
        labels: each label with its description.
        template: digest of the template that the lines were written with; kept with what comes of it.
        settings: the tuner's own, checked against `TunerSpec.settings`.
        seed: for what is random.
    """

    run: str
    name: str
    base: str
    training: bytes = field(repr=False)
    validation: bytes | None = field(default=None, repr=False)
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    template: str = ""
    settings: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningStep:
    """Progress of a job.

    Attributes:
        number: of the step, from 1.
        loss: on the training data; None where it was not told.
        validation_loss: on the validation data; None where it was not told.
        model: a model that was kept at this step (a checkpoint), if one was.
    """

    number: int
    loss: float | None = None
    validation_loss: float | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningState:
    """What is known of a job; written down as JSON after every call of the tuner.

    Attributes:
        status: where it is. What `Tuner.prepare` gives is ``new`` as long as it is to be called again, and
            what `Tuner.submit` gives ``prepared``.
        data: what the tuner needs to find the job again, as JSON data: ids of files and of the job.
        message: for people: what the service said last.
        steps: progress, oldest first.
        trained_tokens: what the service counts for its bill; None where it does not say.
        wait_s: seconds until the tuner wants to be called again; None leaves it to the engine.
    """

    status: Status = "new"
    data: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    message: str = ""
    steps: tuple[TuningStep, ...] = ()
    trained_tokens: int | None = None
    wait_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What came of a job.

    Attributes:
        model: the tuned model, behind the colon of ``provider:model``.
        expires: when the service will stop to serve it, as far as is known; with a time zone.
        note: for people: why it expires, or what else to know.
    """

    model: str
    expires: datetime | None = None
    note: str = ""


@runtime_checkable
class Tuner(Protocol):
    """One way to fine-tune, ready to work.

    Every method raises a `latm.errors.BackendError` where the service did not deliver (the engine tries
    again, within bounds, what may be tried again), and `latm.errors.TuningFailed` where the job came to
    nothing. None of them sleeps: a tuner that wants to wait says so in `TuningState.wait_s`, and the engine
    waits, with what is known so far written down.
    """

    async def prepare(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        """Check the job and hand the data over: upload files, where there is a service.

        Best a file a call: whatever is done twice if the process dies in between is a call of its own.

        Args:
            job: what is asked for.
            state: what the last call gave; an empty one at first.
            again: an earlier call with this state may have got through, wholly or in part: look before you
                upload.

        Returns:
            The state: ``new`` if this is to be called once more, ``prepared`` if all is there.
        """
        ...

    async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        """Start the job: exactly one, however often this is called with ``again``.

        Returns:
            The state: still ``prepared`` if this is to be called once more, since a service may show late
            what an earlier call has started.
        """
        ...

    async def poll(self, job: TuningJob, state: TuningState) -> TuningState:
        """Look how it stands; returns at once. The engine waits between the calls."""
        ...

    async def cancel(self, job: TuningJob, state: TuningState) -> TuningState:
        """Stop the job; one that has ended stays as it is."""
        ...

    async def resolve(self, job: TuningJob, state: TuningState) -> Tuned:
        """The model that came of a job which succeeded.

        Raises:
            TuningFailed: it did not, or the model is not there.
        """
        ...

    async def delete(self, model: str) -> None:
        """Delete a tuned model; no error where it is gone already."""
        ...

    async def aclose(self) -> None:
        """Release connections. May be called twice."""
        ...


@runtime_checkable
class Pausing(Protocol):
    """What a `Tuner` has beside, where `Capabilities.pause` says so."""

    async def pause(self, job: TuningJob, state: TuningState) -> TuningState:
        """Let the job rest; one that has ended stays as it is."""
        ...

    async def resume(self, job: TuningJob, state: TuningState) -> TuningState:
        """Let a job go on that rests."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TunerSpec:
    """A way to fine-tune models.

    Attributes:
        name: as the user chooses it.
        create: called with the options of the provider's table of the configuration, ``api_key`` among them
            where one was found; returns a `Tuner`. The SDK is imported here, not before.
        provider: the provider whose models are tuned, and serves what comes of it; the same name if None. A
            name of the configuration that uses it (``use = "openai"``) is as good, with a table of its own.
        settings: the dataclass of what ``[training]`` may hold beside ``tuner``, as for
            `latm.plugin.read_options`; None where there is nothing to set. One called ``epochs`` says how
            often the data are gone through, and so how much of a budget is set aside; where there is none, or
            it is None, that is as often as services do by themselves: for ``n`` samples
            ``max(3, min(25, ceil(100 / n)))`` times.
        aside: settings that do not change what is trained, such as how often is looked: to change one of them
            begins no other job.
        capabilities: what it can do.
        extra: the extra of latm, or the distribution, that brings what it needs.
        fewest_lines: of a training file. The engine checks every file against it before the tuner is asked.
        largest_bytes: of a training file, likewise; a setting of that name takes its place.
        untrained: a model of its provider that picks labels by their descriptions alone, if it has one: the
            base where the user names none, and a contender in comparisons.
        unavailable: why there is no tuning with this provider; None where there is. Whoever asks for it is
            told so before anything is spent, and `create` is never called.
        free: training costs nothing, since no service does it: it counts as a call without tokens. Otherwise
            it costs what ``training`` in ``[prices."provider:base"]`` says for each million of
            `TuningState.trained_tokens`, and what that is nobody knows where either is not told.
    """

    name: str
    create: Callable[[Mapping[str, object]], Tuner]
    provider: str | None = None
    settings: type | None = None
    aside: frozenset[str] = frozenset()
    capabilities: Capabilities = Capabilities()
    extra: str | None = None
    fewest_lines: int = 10
    largest_bytes: int = 512 * MIB
    untrained: str | None = None
    unavailable: str | None = None
    free: bool = False
