"""The steps of a tuning, as `latm.tuner.tuning` offers them: each on its own, from files and library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from latm._ledger import Ledger
from latm._threads import in_thread
from latm.errors import ConfigError, DataError, TuningFailed
from latm.tuner import promotion
from latm.tuner._contenders import Asker, chosen, contenders
from latm.tuner._files import Files, balanced, check_apart
from latm.tuner._jobs import means
from latm.tuner._results import Compared, Labelled
from latm.tuner._samples import Sample
from latm.tuner._spec import TuningSpec
from latm.tuner.comparison import Comparison
from latm.tuner.comparison import compare as compared
from latm.tuner.formats import UNSURE, Template
from latm.tuner.offers import find
from latm.tuner.review import review
from latm.tuner.training import finished, trainings
from latm.tuner.training import train as trained

if TYPE_CHECKING:
    from latm._roles import Roles
    from latm.library import Promotion
    from latm.tuner._runs import Training, TunedModel

Spec = TuningSpec | str | Path
"""A tuning: its record, or the file that describes it."""

_SHOWN = 3


async def spec_of(spec: Spec) -> TuningSpec:
    """The record of a tuning."""
    return spec if isinstance(spec, TuningSpec) else await in_thread(TuningSpec.load, spec)


async def real(files: Files, data: Sequence[str | Path]) -> Mapping[str, Sequence[Sample]]:
    """The sets that are measured with, without the held-out texts, which are written apart anyway."""
    sets = await files.sets(data)
    sets.pop(files.spec.held_out_file.name, None)
    return sets


async def train(
    roles: Roles,
    spec: TuningSpec,
    *,
    samples: int | None,
    data: Sequence[str | Path],
    follow: bool,
    afresh: bool,
    unreviewed: bool,
) -> TunedModel | Training:
    """See `latm.tuner.tuning.AsyncTuning.train`."""
    files, offer = Files(spec), find(roles.plugins, spec)
    those = await files.training()
    if samples is not None:
        those = balanced(those, tuple(spec.labels), samples)
    others = await files.sets(data)
    if not unreviewed:
        await _check(files, those, others)
    async with means(roles, offer) as found:
        return await trained(
            spec,
            those,
            validation=others.get(spec.held_out_file.name, ()),
            provider=offer.base.provider,
            base=offer.base.model,
            follow=follow,
            afresh=afresh,
            **found,
        )


async def compare(
    roles: Roles,
    spec: TuningSpec,
    *,
    data: Sequence[str | Path],
    models: Sequence[str],
    concurrency: int,
    afresh: bool,
) -> Compared:
    """See `latm.tuner.tuning.AsyncTuning.compare`."""
    files, base = Files(spec), str(find(roles.plugins, spec).base)
    sets = await files.sets(data)
    if not sets:
        raise ConfigError(
            "there are no samples to measure with: give a file of labelled ones, or have some held out "
            f"(held_out in {spec.path or 'the spec'})",
            where="data",
        )
    jobs = await in_thread(trainings, roles.library, spec.name)
    known = [each.model for each in jobs if each.model is not None]
    tuned = chosen(spec, known, models, base=base, now=roles.clock.now())
    for each in tuned:
        if each.base != base:
            raise ConfigError(
                f"{each.model} was tuned of {each.base}, and would be compared with {base}: name its own "
                "base (--base and --tuner, or the file)",
                where="models",
            )
    check_apart(files, sets, await files.found(spec.train_file), [job for job in jobs if job.model in tuned])
    bill = Ledger()
    those = await contenders(spec, sets, tuned, base=base, roles=roles, bill=bill, afresh=afresh)
    synthetic = {name for name in sets if name == spec.held_out_file.name}
    made = await compared(
        spec, sets, those, synthetic=synthetic, concurrency=concurrency, events=roles.events
    )
    number = await in_thread(roles.library.keep_comparison, spec.name, made.to_record())
    return Compared(comparison=made, number=number, cost=bill.total())


async def label(roles: Roles, spec: TuningSpec, text: str, *, model: str | None) -> Labelled:
    """See `latm.tuner.tuning.AsyncTuning.label`."""
    if not text.strip():
        raise ConfigError("is empty", where="text")
    base = str(find(roles.plugins, spec).base)
    known = await in_thread(finished, roles.library, spec.name)
    wanted = () if model is None else (model,)
    tuned = min(chosen(spec, known, wanted, base=base, now=roles.clock.now()), key=known.index)
    asker = Asker(spec, await roles.filled_by("tuned", tuned.model), Ledger(), afresh=True)
    said = await asker.ask(Sample(text, ""))
    found = Template.of(spec).read(said.reply)
    return Labelled(
        label=None if found == UNSURE else found,
        reply=said.reply,
        model=tuned.model,
        confidence=said.confidence,
        cost_usd=said.cost_usd,
        seconds=said.seconds,
    )


async def promote(
    roles: Roles, spec: TuningSpec, role: str, *, number: int | None, on_synthetic: bool
) -> Promotion:
    """See `latm.tuner.tuning.AsyncTuning.promote`."""
    promotion.check_role(role)
    number, made = await _comparison(roles, spec, number)
    better = promotion.worthy(made, number=number, name=spec.name, on_synthetic=on_synthetic)
    if made.template != Template.of(spec).digest:
        raise TuningFailed(
            f"the labels, their descriptions, the question or what a text is have changed since comparison "
            f"{number}: train and compare anew",
            name=spec.name,
        )
    known = {each.model: each for each in await in_thread(finished, roles.library, spec.name)}
    tuned = next((known[each] for each in better if each in known), None)
    if tuned is None:
        raise TuningFailed(f"{better[0]} of comparison {number} was deleted since", name=spec.name)
    await _not_overtaken(roles, tuned, number)
    now = roles.clock.now()
    write = partial(promotion.promote, role=role, tuned=tuned, comparison=made, number=number, now=now)
    return await in_thread(write, roles.library)


async def _not_overtaken(roles: Roles, tuned: TunedModel, number: int) -> None:
    """Refuse an older comparison where a newer one of the same model does not show it."""
    for kept in await in_thread(roles.library.comparisons, tuned.name):
        if int(kept.key) <= number:
            return
        newer = Comparison.from_record(kept.record)
        if tuned.model in {each.model for each in newer.contenders} and tuned.model not in newer.better():
            raise TuningFailed(
                f"comparison {kept.key}, which is newer than {number}, does not show that {tuned.model} is "
                f"better than its base: {newer.verdict}",
                name=tuned.name,
                run=tuned.run,
            )


async def _check(files: Files, samples: Sequence[Sample], others: Mapping[str, Sequence[Sample]]) -> None:
    """Refuse data in which the review finds errors."""
    found = await in_thread(lambda: review(files.spec, samples, others=others))
    if not found.may_train:
        errors = [each for each in found.findings if each.severity == "error"]
        raise DataError(
            [f"{each.check}: {', '.join(each.samples[:_SHOWN])}: {each.message}" for each in errors],
            where=str(files.spec.train_file),
        )


async def _comparison(roles: Roles, spec: TuningSpec, number: int | None) -> tuple[int, Comparison]:
    kept = await in_thread(roles.library.comparisons, spec.name)
    if not kept:
        raise ConfigError(
            f"no comparison of {spec.name!r} is in the library: compare first (latm tune compare)"
        )
    found = kept[0] if number is None else next((each for each in kept if each.key == str(number)), None)
    if found is None:
        known = ", ".join(each.key for each in kept[:10])
        raise ConfigError(f"no comparison {number} of {spec.name!r}; there are: {known}", where="comparison")
    return int(found.key), Comparison.from_record(found.record)
