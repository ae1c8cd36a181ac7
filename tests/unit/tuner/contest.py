"""A tuning with its samples, and contenders that say what they are told to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal

import anyio

from latm import Unavailable
from latm._events import Events
from latm.tuner import Sample, TuningSpec
from latm.tuner._scores import ContenderKind
from latm.tuner.comparison import Comparison, Contender, Said, compare, majority

LABELS = ("card", "loan", "account")
SPEC = TuningSpec(
    name="complaints",
    about="a complaint",
    question="What is it about?",
    labels={"card": "a card", "loan": "a loan", "account": "an account"},
)


def events(heard: list[tuple[str, Mapping[str, object]]] | None = None) -> Events:
    """Events that nobody hears, or that are written down."""
    return Events(None, lambda name, fields: None if heard is None else heard.append((name, fields)))


def samples(count: int, *, name: str = "real", labels: Sequence[str] = LABELS) -> tuple[Sample, ...]:
    """Samples with labels in turn."""
    return tuple(
        Sample(f"{name} text {number}", labels[number % len(labels)], id=f"{name}-{number}")
        for number in range(count)
    )


def contender(
    kind: ContenderKind,
    says: Callable[[Sample, int], str | Said | Exception],
    *,
    model: str = "",
    trained: int | None = None,
) -> Contender:
    """One that says what a function makes of sample and number; an exception is raised."""

    async def ask(sample: Sample, number: int) -> Said:
        said = says(sample, number)
        if isinstance(said, Exception):
            raise said
        return Said(said, seconds=0.5, cost_usd=Decimal("0.001")) if isinstance(said, str) else said

    return Contender(kind=kind, model=model or f"fake:{kind}", ask=ask, samples=trained)


def right_of(count: int, *, sure: float | None = None) -> Callable[[Sample, int], Said]:
    """Right on the first so many samples of a set, and wrong on the others."""

    def says(sample: Sample, number: int) -> Said:
        other = LABELS[(LABELS.index(sample.label) + 1) % len(LABELS)]
        return Said(sample.label if number <= count else other, sure, 0.5, Decimal("0.001"))

    return says


def compared(
    sets: Mapping[str, Sequence[Sample]],
    *contenders: Contender,
    spec: TuningSpec = SPEC,
    synthetic: Collection[str] = (),
) -> Comparison:
    """What comes of it, where nobody hears of it."""

    async def run() -> Comparison:
        return await compare(spec, sets, contenders, synthetic=synthetic, events=events())

    return anyio.run(run)


@functools.cache
def full() -> Comparison:
    """A comparison with all there is: two sets, every kind, a learning curve, confidences, unknown costs."""
    sets = {"real.jsonl": samples(60), "held-out.jsonl": samples(30, name="held-out")}

    def vague(sample: Sample, number: int) -> Said:
        said = ("unsure", "something else", sample.label)[number % 3]
        return Said(said, seconds=12.5, cost_usd=None if number == 1 else Decimal("0.01"))

    def down(sample: Sample, number: int) -> Said | Exception:
        return Unavailable("closed") if number == 7 else right_of(33)(sample, number)

    return compared(
        sets,
        majority(SPEC, sets),
        contender("zero-shot", vague),
        contender("base", down),
        contender("tuned", right_of(28, sure=0.55), model="fake:tuned-15", trained=15),
        contender("tuned", right_of(54, sure=0.85), model="fake:tuned-300", trained=300),
        synthetic=["held-out.jsonl"],
    )
