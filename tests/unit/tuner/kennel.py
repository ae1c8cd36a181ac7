"""A tuning of two pets, who writes, answers and tunes for it."""

from __future__ import annotations

import dataclasses
import random
from datetime import datetime
from pathlib import Path
from typing import Any

from latm import (
    Engine,
    Rejected,
    Unavailable,
)
from latm.plugin import Capabilities, Request, Tuned, TunerSpec, TuningJob, TuningState, hookimpl
from unit.tuner import writer

PETS = """
about = "a note of a neighbour"
question = "Which pet is it about?"
samples = 12
held_out = 4
batch = 2
words = [3, 30]
[labels]
cat = "It purrs and climbs."
dog = "It barks and fetches."
[roles]
maker = "fake:maker"
base = "fake:base"
[training]
tuner = "fake"
"""
# Words of no language.
WORDS = [
    a + b
    for a in ("ba", "do", "ki", "lu", "me", "no", "ra", "si", "tu", "ve", "wo", "za")
    for b in ("lam", "ner", "pos", "rit", "sun", "tak", "vel", "xin", "yor", "zeb", "fid", "gol")
]
SOUNDS = {"cat": "purring", "dog": "barking"}


class Tuner:
    """A service in memory: what it has tuned is a name; its jobs end when they are looked at."""

    def __init__(self) -> None:
        self.jobs: list[TuningJob] = []
        self.deleted: list[str] = []
        self.cancelled: list[str] = []
        self.refuses: Rejected | None = None
        self.away: list[Unavailable] = []
        self.expires: datetime | None = None
        self.status: Any = "succeeded"
        self.can = Capabilities(cancel=True, delete=True)

    @hookimpl
    def latm_tuners(self) -> tuple[TunerSpec, ...]:
        return (TunerSpec(name="fake", create=lambda _: self, capabilities=self.can, fewest_lines=2),)

    async def prepare(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        return TuningState(status="prepared")

    async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        self.jobs.append(job)
        return TuningState(status="running", data={"job": f"job-{len(self.jobs)}"})

    async def poll(self, job: TuningJob, state: TuningState) -> TuningState:
        return dataclasses.replace(state, status=self.status)

    async def cancel(self, job: TuningJob, state: TuningState) -> TuningState:
        if self.refuses is not None:
            raise self.refuses
        self.cancelled.append(str(state.data["job"]))
        return dataclasses.replace(state, status="cancelled")

    async def resolve(self, job: TuningJob, state: TuningState) -> Tuned:
        return Tuned(model=f"tuned-{len(job.training.splitlines())}", expires=self.expires)

    async def delete(self, model: str) -> None:
        if self.away:
            raise self.away.pop()
        self.deleted.append(model)

    async def aclose(self) -> None:
        pass


def knows(request: Request) -> str:
    """The label, by the sound."""
    return next(label for label, sound in SOUNDS.items() if sound in request.messages[0].text)


def always_cat(_: Request) -> str:
    """What a model says that has learnt nothing."""
    return "cat"


def write(request: Request) -> str:
    """Texts that no other request gives, and that are alike in nothing but the sound."""
    sound = SOUNDS[writer.label_of(request)]
    found: dict[int, object] = {}
    for number, seed in writer.texts(request).items():
        words = random.Random(seed).sample(WORDS, 9)
        words.insert(len(words) // 2, sound)
        found[number] = f"{' '.join(words).capitalize()}."
    return writer.reply(found)


def trained(engine: Engine, pets: Path, **more: Any) -> Any:
    """Texts and a model of them; the sounds give the labels away, which the review may not like."""
    engine.tuning.synthesise(pets)
    return engine.tuning.train(pets, unreviewed=True, **more)
