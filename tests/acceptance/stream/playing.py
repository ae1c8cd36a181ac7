"""Put the stream through an engine, and see what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from acceptance.stream.models import ROLES, Book, Models, strong_alone
from acceptance.stream.questions import Asked
from latm import Answer, BackendError, Config, Engine, Spend
from latm._fallback import SYSTEM
from latm._ledger import price_of
from latm.config import Price

_STRONG = Price(input=Decimal(5), output=Decimal(25))
_CHEAP = Price(input=Decimal("0.2"), output=Decimal(1))
PRICES = {"maker": _STRONG, "fallback": _STRONG, "user": _CHEAP, "dispatcher": _CHEAP}
"""USD per million tokens: a strong model is 25 times as dear as a cheap one."""

Result = tuple[Asked, Answer | BackendError]


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of a stream.

    Attributes:
        results: the questions in their order, each with its answer or the error in its place.
        book: what the models know of it.
        ledger: what the engine's ledger says, by role; and of each question's run.
        runs: the same by run, as far as the ledger keeps single calls.
        journal: what the library's journal says.
        tools: the versions of each tool, oldest first, with their status.
        events: how often each was told.
        seconds: wall time.
    """

    results: Sequence[Result]
    book: Book
    ledger: Mapping[str, Spend]
    runs: Mapping[str, Spend]
    journal: Spend
    tools: Mapping[str, Sequence[str]]
    events: Counter[str]
    seconds: float

    @property
    def wrong(self) -> Sequence[tuple[Asked, Answer]]:
        """The wrong answers; no answer is none."""
        return [
            (asked, answer)
            for asked, answer in self.results
            if isinstance(answer, Answer) and answer.text is not None and not asked.accepts(answer.text)
        ]

    @property
    def cost(self) -> Decimal:
        """In USD, makings and audits included."""
        return sum((spend.known_usd for spend in self.ledger.values()), Decimal(0))

    @property
    def cost_of_strong_alone(self) -> Decimal:
        """In USD, if the strong model had answered every question."""
        used = strong_alone({asked for asked, _ in self.results}, SYSTEM)
        return sum((price_of(used[asked.text], _STRONG) for asked, _ in self.results), Decimal(0))


def play(
    questions: Sequence[Asked],
    library: Path,
    *,
    rate: float,
    seed: int,
    wave: int,
    making: Mapping[str, object],
) -> Played:
    """Have an engine answer a stream.

    Args:
        questions: in the order in which they are asked.
        library: a file that is not there yet.
        rate: the share of the models' calls in which something goes wrong.
        seed: decides in which.
        wave: after so many questions the callers pause until what runs in the background has ended: the
            models here reply at once, while a making keeps cells busy for seconds.
        making: how tools are made of it, as in a configuration.
    """
    models = Models(questions, rate=rate, seed=seed)
    events: Counter[str] = Counter()
    config = Config(
        roles={role: f"it:{role}" for role in ROLES},
        prices={f"it:{role}": price for role, price in PRICES.items()},
        library=f"sqlite:///{library}",
        making={"protocol": "strict", **making},
    )
    results: list[Result] = []
    begun = time.monotonic()
    with Engine(
        config, plugins={"it": models.provider()}, on_event=lambda name, _: events.update([name])
    ) as engine:
        for start in range(0, len(questions), wave):
            results += _answered(engine, questions[start : start + wave])
            engine.settle()
        return Played(
            results=results,
            book=models.book,
            ledger=engine.ledger.by_role(),
            runs=_by_run(engine),
            journal=engine.library.spent(),
            tools={
                name: [each.status for each in reversed(engine.library.versions(name))]
                for name in engine.library.names()
            },
            events=events,
            seconds=time.monotonic() - begun,
        )


def _answered(engine: Engine, wave: Sequence[Asked]) -> Iterator[Result]:
    """Go on behind a question that failed: a stream ends with the error in its place."""
    done = 0
    while done < len(wave):
        try:
            texts = [asked.text for asked in wave[done:]]
            for answer in engine.solve_many(texts, concurrency=8):
                yield wave[done], answer
                done += 1
        except BackendError as error:
            yield wave[done], error
            done += 1


def _by_run(engine: Engine) -> Mapping[str, Spend]:
    runs: dict[str, Spend] = {}
    for entry in engine.ledger.entries():
        runs[entry.run] = runs.get(entry.run, Spend()) + Spend.of([entry])
    return runs
