"""One training job through the real SDK, as a program that can be killed anywhere; its parent serves it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio

import latm_openai
from latm import Config, Ledger
from latm._events import Events
from latm._plugins import Plugins
from latm._roles import Roles
from latm.library import Library
from latm.plugin import Tuner, TunerSpec
from latm.tuner import Sample, TuningSpec, training
from latm.tuner._billing import billing
from latm.tuner.training import train
from unit.engine.desk import FakeClock

OFFER: TunerSpec = latm_openai.latm_tuners()[0]
KEY = "sk-never-to-be-seen"
SPEC = TuningSpec(
    name="pets",
    about="a note",
    question="Which pet is it about?",
    labels={"cat": "It meows.", "dog": "It barks."},
    tuner="openai",
)
SAMPLES = tuple(
    Sample(f"note {number}: we heard it {said}", label)
    for number in range(8)
    for said, label in (("purr and meow", "cat"), ("bark and growl", "dog"))
)
HELD_OUT = SAMPLES[:2]
LEASE_S = 0.5  # a killed process holds its own for as long


def open_tuner(base_url: str) -> Tuner:
    return OFFER.create({"base_url": base_url, "api_key": KEY})


def means(tuner: Tuner, library: Any, told: list[tuple[str, Mapping[str, object]]]) -> Any:
    clock, config = FakeClock(), Config(prices={"openai:gpt-small": {"training": 3}}, budget={"usd": 1})
    events = Events(lambda name, fields: told.append((name, dict(fields))), lambda *_: None)
    plugins = Plugins.load({}, allow=frozenset())
    roles = Roles(config, plugins, library=library, ledger=Ledger(), events=events, clock=clock)
    return {
        "tuner": tuner,
        "offer": OFFER,
        "library": library,
        "clock": clock,
        "events": events,
        "bill": billing(roles),
    }


async def trained(
    base_url: str,
    library: Any,
    spec: TuningSpec = SPEC,
    *,
    samples: Sequence[Sample] = SAMPLES,
    told: list[tuple[str, Mapping[str, object]]] | None = None,
    **more: Any,
) -> Any:
    """What `train` gives, by the real SDK."""
    tuner = open_tuner(base_url)
    try:
        return await train(
            spec,
            samples,
            validation=HELD_OUT,
            provider="openai",
            base="gpt-small",
            **more,
            **means(tuner, library, [] if told is None else told),
        )
    finally:
        await tuner.aclose()


class Watched:
    """A library that calls back before and after each record of a job."""

    def __init__(self, library: Library, checkpoint: Callable[[], None]) -> None:
        self._library = library
        self._checkpoint = checkpoint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def keep_tuning(self, run: str, name: str, record: Mapping[str, object]) -> None:
        self._checkpoint()
        self._library.keep_tuning(run, name, record)
        self._checkpoint()


def main() -> None:
    """Train; die by SIGKILL at the checkpoint of that number, 0 for none."""
    base_url, database, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
    passed = 0

    def checkpoint() -> None:
        nonlocal passed
        passed += 1
        if passed == last:
            os.kill(os.getpid(), signal.SIGKILL)

    training.LEASE_S = LEASE_S
    library = Library(database)
    anyio.run(trained, base_url, Watched(library, checkpoint))
    library.close()


if __name__ == "__main__":
    main()
