"""What is written down of a training job, and the model that comes of it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Literal, cast

from latm.errors import LibraryError
from latm.sdk import plain
from latm.tuner._texts import folded
from latm.tuners import TuningJob, TuningState, TuningStep

Step = Literal["prepare", "submit", "poll", "resolve", "done", "failed"]
"""What is to be done next; the last two are final."""

_MARK_BYTES = 8  # of a text's SHA-256
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedModel:
    """A model that was trained here.

    Attributes:
        name: of the tuning.
        model: ``provider:model``, to be used like any other.
        tuner: the tuner's name.
        base: the model that was tuned, ``provider:model``.
        run: of the job, see `latm.tuners.TuningJob`.
        data_digest: SHA-256 of the training file.
        samples: how many it was trained on.
        template: digest of the template of training; the model is asked by no other.
        labels: those that it knows.
        steps: the loss curve, as far as it was told.
        trained_tokens: what the service counts for its bill; None where it does not say.
        seconds: from the first step to the last, as the clock on the wall goes.
        created: when it was finished, ISO 8601 with the zone.
        expires: when its service will stop to serve it, likewise; None where that is not known.
        note: for people: why it expires, or what else to know.
        converses: whether it completes any request, see `latm.tuners.Capabilities`.
        cost_usd: of the training, in USD; None where that is not known.
    """

    name: str
    model: str
    tuner: str
    base: str
    run: str
    data_digest: str
    samples: int
    template: str
    labels: tuple[str, ...]
    steps: tuple[TuningStep, ...] = ()
    trained_tokens: int | None = None
    seconds: float = 0.0
    created: str = ""
    expires: str | None = None
    note: str = ""
    converses: bool = True
    cost_usd: Decimal | None = None

    def to_record(self) -> dict[str, object]:
        """As JSON data."""
        return _record_of(
            self,
            steps=_steps_record(self.steps),
            labels=list(self.labels),
            cost_usd=_usd_record(self.cost_usd),
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TunedModel:
        """The inverse of `to_record`.

        Raises:
            LibraryError: it is no such record.
        """
        return cast("TunedModel", _read(cls, record, steps=_steps, labels=tuple, cost_usd=_usd))


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A training job, as far as it has come; the library keeps it.

    Attributes:
        run: the job's name for good.
        name: of the tuning.
        tuner: the tuner's name.
        provider: whose model is tuned: a provider, or a name of the configuration that uses one.
        base: the model that is tuned, behind the colon.
        data_digest: SHA-256 of the training file.
        samples: how many lines that has.
        template: digest of the template that they were written with.
        labels: each with its description.
        settings: of the tuner.
        seed: for what is random.
        began: when it was first asked for, ISO 8601 with the zone.
        step: what is to be done next.
        begun: whether that was begun and nothing is known of its end.
        state: what is known of the job.
        failure: why nothing came of it; empty while something may.
        model: what came of it.
        submitted: whether its submission was ever begun, and not refused for certain.
        seen: `marks` of the texts that it is trained on: its file may be another by the time it is measured.
        cost_usd: what it cost, in USD, once that is written down; None where that is not known.
    """

    run: str
    name: str
    tuner: str
    provider: str
    base: str
    data_digest: str
    samples: int
    template: str
    labels: Mapping[str, str]
    settings: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    seed: int = 0
    began: str = ""
    step: Step = "prepare"
    begun: bool = False
    state: TuningState = field(default_factory=TuningState)
    failure: str = ""
    model: TunedModel | None = None
    submitted: bool = False
    seen: str = ""
    cost_usd: Decimal | None = None

    @property
    def job(self) -> str | None:
        """The service's own name of the job, once there is one."""
        found = self.state.data.get("job")
        return found if isinstance(found, str) else None

    @property
    def chargeable(self) -> bool:
        """Whether the service may be at it, or has been, and so may charge for it."""
        return self.submitted or self.step not in ("prepare", "submit")

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.step in ("done", "failed")

    def has_seen(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Those of the texts that it is trained on; none where that was not written down."""
        held, kept = base64.b64decode(self.seen), set[bytes]()
        for place in range(0, len(held), _MARK_BYTES):
            kept.add(held[place : place + _MARK_BYTES])
        return tuple(each for each in texts if _mark(each) in kept)

    def replace(self, **changes: object) -> Training:
        """The same with other values of its attributes."""
        return dataclasses.replace(self, **cast("dict[str, Any]", changes))

    def asked(self, training: bytes = b"", validation: bytes | None = None) -> TuningJob:
        """The job as a tuner is asked for it; without data it can be looked after, but not begun."""
        return TuningJob(
            run=self.run,
            name=self.name,
            base=self.base,
            training=training,
            validation=validation,
            labels=self.labels,
            template=self.template,
            settings=self.settings,
            seed=self.seed,
        )

    def to_record(self) -> dict[str, object]:
        """As JSON data."""
        model = None if self.model is None else self.model.to_record()
        return _record_of(
            self,
            labels=list(self.labels.items()),
            settings=plain(self.settings),
            state=_record_of(self.state, steps=_steps_record(self.state.steps), data=plain(self.state.data)),
            model=model,
            cost_usd=_usd_record(self.cost_usd),
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Training:
        """The inverse of `to_record`.

        Raises:
            LibraryError: it is no such record.
        """
        read = _read(
            cls,
            record,
            labels=_labels,
            state=_state,
            model=_model,
            cost_usd=_usd,
        )
        return cast("Training", read)


def marks(texts: Iterable[str]) -> str:
    """What texts are known again by, white space and case aside: eight bytes each, in Base64."""
    return base64.b64encode(b"".join(_mark(each) for each in texts)).decode()


def _mark(text: str) -> bytes:
    return hashlib.sha256(folded(text).encode("utf-8", "surrogatepass")).digest()[:_MARK_BYTES]


def _steps_record(steps: tuple[TuningStep, ...]) -> list[object]:
    return [[each.number, each.loss, each.validation_loss, each.model] for each in steps]


def _steps(record: Any) -> tuple[TuningStep, ...]:
    return tuple(
        TuningStep(number=number, loss=loss, validation_loss=held_out, model=model)
        for number, loss, held_out, model in record
    )


def _usd_record(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)


def _usd(record: Any) -> Decimal | None:
    return None if record is None else Decimal(record)


def _labels(record: Any) -> Mapping[str, str]:
    return MappingProxyType(dict(record))


def _state(record: Any) -> TuningState:
    return cast("TuningState", _read(TuningState, record, steps=_steps))


def _model(record: Any) -> TunedModel | None:
    return None if record is None else TunedModel.from_record(record)


def _record_of(thing: Any, **instead: object) -> dict[str, object]:
    plainly = {item.name: getattr(thing, item.name) for item in dataclasses.fields(thing)}
    return {**plainly, **instead}


def _read(kind: Any, record: Mapping[str, Any], **how: Any) -> Any:
    values = dict(record)
    try:
        return kind(**{name: how[name](value) if name in how else value for name, value in values.items()})
    except (TypeError, ValueError, KeyError, InvalidOperation) as error:
        raise LibraryError(
            f"a record of a training job cannot be read ({type(error).__name__}: {error}): was it written by "
            "a newer latm? Update this one"
        ) from None
