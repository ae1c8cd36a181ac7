"""An honest comparison: every contender is asked about every sample of every set.

What is better is decided on the same samples, by McNemar's exact test, and said with the interval; where
nothing is shown, it is said how many samples would be needed. A synthetic set flatters: its samples are
written as those of the training were (by 15 to 21 points, measured with small local tuners on the six bank
products). So it is marked as one, and where there is a real set, that one decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import final

import anyio

from latm._events import Events
from latm._tables import at_least
from latm.errors import BackendError, ConfigError, DataError, Refused, Truncated, Unauthorized, nearest
from latm.tuner._page import curve_svg, page
from latm.tuner._record import FORMAT, Comparison, Raw, judged
from latm.tuner._samples import Sample
from latm.tuner._scores import (
    ORDER,
    Confused,
    ContenderKind,
    Entrant,
    Pair,
    Put,
    SampleSet,
    Score,
    Verdict,
)
from latm.tuner._spec import TuningSpec
from latm.tuner._table import table
from latm.tuner.formats import UNSURE, Template

__all__ = [
    "FORMAT",
    "Comparison",
    "Confused",
    "Contender",
    "Entrant",
    "Pair",
    "Put",
    "Said",
    "SampleSet",
    "Score",
    "Verdict",
    "compare",
    "curve_svg",
    "majority",
    "page",
    "table",
]

_LONGEST_REPLY = 200  # characters that a verdict keeps
_IN_A_ROW = 10  # errors of a contender, after which it is down


@dataclass(frozen=True, slots=True)
class Said:
    """What a contender said of a sample.

    Attributes:
        reply: the text, as it came.
        confidence: from 0 to 1, where it tells one; anything else is taken for none.
        seconds: that the reply took.
        cost_usd: what it cost; None where that is not known.
    """

    reply: str
    confidence: float | None = None
    seconds: float = 0.0
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Who is compared.

    Attributes:
        kind: what it is.
        model: ``provider:model``; empty for the majority class.
        ask: asks it about a sample; the number is the sample's place in its set, from 1. It raises a
            `latm.errors.BackendError` where there was no reply.
        samples: how many it was trained on; several of a kind make a learning curve.
    """

    kind: ContenderKind
    ask: Callable[[Sample, int], Awaitable[Said]]
    model: str = ""
    samples: int | None = None


def majority(spec: TuningSpec, sets: Mapping[str, Sequence[Sample]]) -> Contender:
    """The contender that says the most frequent label of the very set that it is asked about.

    So the published experiment counted its 0.46. Of equally frequent labels it says the first of the spec.
    """
    says: dict[str, str] = {}
    for samples in sets.values():
        counts = Counter(each.label for each in samples)
        most = max(spec.labels, key=lambda label: counts[label])
        says |= dict.fromkeys((each.text for each in samples), most)

    async def ask(sample: Sample, _number: int) -> Said:
        return Said(says[sample.text], cost_usd=Decimal(0))

    return Contender(kind="majority", ask=ask)


async def compare(
    spec: TuningSpec,
    sets: Mapping[str, Sequence[Sample]],
    contenders: Sequence[Contender],
    *,
    synthetic: Collection[str] = (),
    concurrency: int = 8,
    events: Events,
) -> Comparison:
    """Ask every contender about every sample.

    A reply that was refused or cut counts as one that names no label; a sample without a reply, after the
    role has tried again, as an error. After ten errors of a contender in a row it is taken to be down.
    Tells ``tune.compared`` of each reply: contender, set, done, of, right; asked and total, over all
    contenders and sets; cost_usd.

    Args:
        spec: the tuning.
        sets: samples by the name of their file.
        contenders: at least one.
        synthetic: names of the sets that a model wrote; one whose samples say so is one anyway.
        concurrency: questions at a time, over all contenders.
        events: who is told.

    Raises:
        DataError: a set is empty, has a label that the spec has not or an id twice, or shares a text with
            another; or one text has two labels.
        ConfigError: there is no contender, one twice, or no set of a name in ``synthetic``.
        Unauthorized: a contender's key does not open the door.
        BackendError: a contender is down.
        LatmError: what else a role raises, a budget that is used up among it. No further question is asked,
            and those that were under way are awaited: their replies are in the journal.
    """
    at_least(1, concurrency=concurrency)
    put = _sets(spec, sets, synthetic)
    given = sorted(contenders, key=lambda each: (ORDER.index(each.kind), each.samples or 0))
    entrants = _entrants(given)
    template = Template.of(spec)
    run = _Run(template, events, {each.name: len(each.samples) for each in put})
    for set_ in put:
        for contender, entrant in zip(given, entrants, strict=True):
            for number, (each, sample) in enumerate(zip(set_.samples, sets[set_.name], strict=True), start=1):
                run.questions.append(_Question(set_.name, each, sample, number, contender, entrant.name))
    verdicts = await run.answers(concurrency)
    return judged(
        Raw(
            tuning=spec.name,
            template=template.digest,
            labels=tuple(spec.labels),
            sets=put,
            contenders=entrants,
            verdicts=verdicts,
        )
    )


@dataclass(frozen=True, slots=True)
class _Question:
    set: str
    put: Put
    sample: Sample
    number: int
    contender: Contender
    name: str


@final
@dataclass
class _Run:
    template: Template
    events: Events
    sizes: Mapping[str, int]
    questions: list[_Question] = field(default_factory=list[_Question])
    found: dict[int, Verdict] = field(default_factory=dict[int, Verdict])
    failure: Exception | None = None
    errors: Counter[str] = field(default_factory=Counter[str])  # of a contender, in a row
    done: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    right: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    cost_usd: Decimal | None = Decimal(0)

    async def answers(self, concurrency: int) -> tuple[Verdict, ...]:
        """All verdicts, in the order of the questions."""
        waiting = iter(enumerate(self.questions))
        async with anyio.create_task_group() as group:
            for _ in range(min(concurrency, len(self.questions))):
                group.start_soon(self._work, waiting)
        if self.failure is not None:
            raise self.failure
        return tuple(self.found[place] for place in range(len(self.questions)))

    async def _work(self, waiting: Iterator[tuple[int, _Question]]) -> None:
        # A failure ends the asking and cancels nothing: what is under way may be paid for.
        while self.failure is None and (following := next(waiting, None)) is not None:
            place, question = following
            try:
                self.found[place] = verdict = await self._ask(question)
            except Exception as error:  # noqa: BLE001 - raised by `answers`, outside of the group
                if self.failure is None:  # another worker's, while this one waited
                    self.failure = error
                return
            self._tell(verdict)

    async def _ask(self, question: _Question) -> Verdict:
        try:
            said = await question.contender.ask(question.sample, question.number)
        except Unauthorized:
            raise
        except BackendError as error:
            return self._failed(question, error)
        self.errors[question.name] = 0
        label = self.template.read(said.reply)
        known = label in self.template.labels
        sure = said.confidence
        return Verdict(
            set=question.set,
            sample=question.put.id,
            contender=question.name,
            kind="label" if known else "unsure" if label == UNSURE else "unreadable",
            right=label == question.put.label,
            said=label if known else None,
            reply=said.reply[:_LONGEST_REPLY],
            confidence=sure if sure is not None and 0 <= sure <= 1 else None,
            seconds=said.seconds,
            cost_usd=said.cost_usd,
        )

    def _failed(self, question: _Question, error: BackendError) -> Verdict:
        replied = isinstance(error, Refused | Truncated)
        self.errors[question.name] = 0 if replied else self.errors[question.name] + 1
        if self.errors[question.name] >= _IN_A_ROW:
            raise error
        return Verdict(
            set=question.set,
            sample=question.put.id,
            contender=question.name,
            kind="unreadable" if replied else "error",
            right=False,
            reply="" if error.reply is None else error.reply.text[:_LONGEST_REPLY],
            cost_usd=None if error.sent else Decimal(0),
            error=f"{type(error).__name__}: {error}"[:_LONGEST_REPLY],
        )

    def _tell(self, verdict: Verdict) -> None:
        key = (verdict.contender, verdict.set)
        self.done[key] += 1
        self.right[key] += verdict.right
        if self.cost_usd is not None:
            self.cost_usd = None if verdict.cost_usd is None else self.cost_usd + verdict.cost_usd
        self.events.tell(
            "tune.compared",
            contender=verdict.contender,
            set=verdict.set,
            done=self.done[key],
            of=self.sizes[verdict.set],
            right=self.right[key],
            asked=self.done.total(),
            total=len(self.questions),
            cost_usd=self.cost_usd,
        )


def _entrants(contenders: Sequence[Contender]) -> tuple[Entrant, ...]:
    """The contenders, each with a name of its own."""
    if not contenders:
        raise ConfigError("no contender: there is nothing to compare", where="contenders")
    found: list[Entrant] = []
    names: Counter[str] = Counter()
    for each in contenders:
        if any((each.kind, each.model) == (other.kind, other.model) for other in found):
            raise ConfigError(
                f"{each.kind} {each.model} is there twice".replace("  ", " "), where="contenders"
            )
        name = each.kind if each.samples is None else f"{each.kind} ({each.samples})"
        names[name] += 1
        if names[name] > 1:
            name = f"{name} no. {names[name]}"
        found.append(Entrant(name, each.kind, each.model, each.samples))
    return tuple(found)


def _sets(
    spec: TuningSpec, sets: Mapping[str, Sequence[Sample]], synthetic: Collection[str]
) -> tuple[SampleSet, ...]:
    """The sets as records, real ones first, all checked."""
    for name in synthetic:
        if name not in sets:
            raise ConfigError(f"no such set: {name!r}.{nearest(name, sets)}", where="synthetic")
    problems: list[str] = [] if sets else ["there is no set of samples"]
    seen: dict[str, tuple[str, str]] = {}
    found: list[SampleSet] = []
    for name, samples in sets.items():
        put = tuple(
            Put(each.id or f"sample {number}", each.text, each.label)
            for number, each in enumerate(samples, start=1)
        )
        if not put:
            problems.append(f"{name}: holds no sample")
        ids = Counter(each.id for each in put)
        problems += [f"{name}: {each}: the id is there {n} times" for each, n in ids.items() if n > 1]
        for each in put:
            problems += [f"{name}: {each.id}: {problem}" for problem in _problems(each, name, spec, seen)]
        written = name in synthetic or any(each.by for each in samples)
        found.append(SampleSet(name, written, put))
    if problems:
        raise DataError(problems)
    return tuple(sorted(found, key=lambda each: each.synthetic))


def _problems(put: Put, name: str, spec: TuningSpec, seen: dict[str, tuple[str, str]]) -> Iterator[str]:
    """What is wrong with a sample; ``seen`` has the set and the label of each text so far."""
    if put.label not in spec.labels:
        yield f"no such label: {put.label!r}.{nearest(put.label, spec.labels)}"
    if not put.text.strip():
        yield "the text is empty"
    other, label = seen.setdefault(put.text, (name, put.label))
    if other != name:
        yield f"the same text is in {other}; a sample may count in one set only"
    elif label != put.label:
        yield f"the same text has the label {label!r} too"
