"""Who is compared: the tuned models of a tuning, their base, and what costs nothing to ask."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from latm._accounts import Purpose
from latm._ledger import Ledger
from latm.errors import ConfigError, nearest
from latm.tuner.comparison import Contender, Said, majority
from latm.tuner.formats import Template
from latm.tuner.offers import untrained

if TYPE_CHECKING:
    from latm._roles import Role, Roles
    from latm.plugin import Reply
    from latm.tuner._runs import TunedModel
    from latm.tuner._samples import Sample
    from latm.tuner._scores import ContenderKind
    from latm.tuner._spec import TuningSpec

_CONFIDENCE = ".confidence"  # behind the provider's name, in the metadata of its replies


def chosen(
    spec: TuningSpec, models: Sequence[TunedModel], wanted: Sequence[str], *, base: str, now: datetime
) -> tuple[TunedModel, ...]:
    """The tuned models to compare: those that are named, or the newest of each number of samples.

    Args:
        spec: the tuning.
        models: all that came of it, newest first.
        wanted: ``provider:model``, or the run of a job; none for all that were tuned from `base`.
        base: ``provider:model``.
        now: the time.

    Raises:
        ConfigError: there is none, one that is named does not exist or has expired, or was trained with
            another template.
    """
    digest = Template.of(spec).digest
    if wanted:
        return tuple(_named(spec, models, each, digest=digest, now=now) for each in wanted)
    found: dict[int, TunedModel] = {}
    for each in models:
        if each.base == base and each.template == digest and not expired(each, now):
            found.setdefault(each.samples, each)
    if not found:
        others = [each for each in models if each.base == base]
        raise ConfigError(
            f"no model was tuned of {base} for {spec.name!r}{_why(others, digest)}: train one "
            f"(latm tune train){_elsewhere(models, base)}"
        )
    return tuple(found[count] for count in sorted(found))


def expired(model: TunedModel, now: datetime) -> bool:
    """Whether a model is served no more."""
    return model.expires is not None and datetime.fromisoformat(model.expires) <= now


async def contenders(
    spec: TuningSpec,
    sets: Mapping[str, Sequence[Sample]],
    tuned: Iterable[TunedModel],
    *,
    base: str,
    roles: Roles,
    bill: Ledger,
    afresh: bool,
) -> tuple[Contender, ...]:
    """The majority class, what picks untrained, the base and the tuned ones."""
    found = [majority(spec, sets)]
    asked: list[tuple[ContenderKind, str, int | None]] = []
    asked.extend(("zero-shot", model, None) for model in untrained(roles.plugins) if model != base)
    asked.append(("base", base, None))
    asked.extend(("tuned", each.model, each.samples) for each in tuned)
    for kind, model, samples in asked:
        asker = Asker(spec, await roles.filled_by(kind, model), bill, afresh=afresh)
        found.append(Contender(kind=kind, ask=asker.ask, model=model, samples=samples))
    return tuple(found)


class Asker:
    """Asks a model about samples by the template, and pays for each reply once."""

    def __init__(self, spec: TuningSpec, role: Role, bill: Ledger, *, afresh: bool = False) -> None:
        self._spec = spec
        self._template = Template.of(spec)
        self._role = role
        self._bill = bill
        self._resumable = not afresh
        # Local models come with the package: another version of it may say something else.
        told = f"{self._template.digest} {role.model} {_version()}"
        self._run = f"label-{hashlib.sha256(told.encode()).hexdigest()[:24]}"

    async def ask(self, sample: Sample, _number: int = 0) -> Said:
        """What it says of a sample; errors as of `latm._roles.Role.complete`."""
        step = hashlib.sha256(sample.text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        own = Ledger()
        purpose = Purpose(run=self._run, step=step, bill=own, task=self._spec.name, resumable=self._resumable)
        try:
            reply = await self._role.complete(self._template.request(sample.text), purpose)
        finally:
            for each in own.entries():
                self._bill.add(each)
        last = own.entries()[-1]
        return Said(
            reply.text, confidence=_confidence(reply), seconds=last.seconds, cost_usd=own.total().cost_usd
        )


def _confidence(reply: Reply) -> float | None:
    value = next((each for name, each in reply.metadata.items() if name.endswith(_CONFIDENCE)), None)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _named(
    spec: TuningSpec, models: Sequence[TunedModel], wanted: str, *, digest: str, now: datetime
) -> TunedModel:
    found = next((each for each in models if wanted in {each.model, each.run}), None)
    if found is None:
        known = [each.model for each in models]
        raise ConfigError(
            f"no model {wanted!r} came of {spec.name!r}.{nearest(wanted, known)}", where="models"
        )
    if found.template != digest:
        raise ConfigError(
            f"{found.model} was trained with another template (the labels, their descriptions, the question "
            "or what a text is have changed since): train anew (latm tune train)",
            where="models",
        )
    if expired(found, now):
        raise ConfigError(f"{found.model} expired on {str(found.expires)[:10]}", where="models")
    return found


def _why(others: Sequence[TunedModel], digest: str) -> str:
    if not others:
        return ""
    if all(each.template != digest for each in others):
        return " since its labels, their descriptions or its question were changed"
    return " that has not expired"


def _elsewhere(models: Sequence[TunedModel], base: str) -> str:
    others = {each.base: each.tuner for each in models if each.base != base}
    named = " or ".join(f"{other} by the tuner {tuner!r}" for other, tuner in sorted(others.items()))
    return f"; one was tuned of {named}: name these (--base and --tuner, or the file)" if others else ""


def _version() -> str:
    from importlib.metadata import version

    return version("latm")
