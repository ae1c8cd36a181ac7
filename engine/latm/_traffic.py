"""Which layers answered, and what that cost."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import final

from latm._records import Answer, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The questions that one layer decided on, by the route that they took.

    Attributes:
        layer: as in `Answer.layer`.
        route: as in `Answer.route`.
        questions: how many.
        share: of all questions, from 0 to 1.
        cost_usd: what their models cost, in USD; None where one price is unknown.
        seconds: wall time of all of them together.
    """

    layer: str
    route: Route
    questions: int
    share: float
    cost_usd: Decimal | None
    seconds: float

    def __str__(self) -> str:
        """For a reader."""
        by = {"tool": "a tool", "model": "the strong model", "none": "nobody"}[self.route]
        mean = self.seconds / self.questions
        return f"{self.layer}: {self.questions} answered by {by}, {mean * 1000:.0f} ms each"


@final
class Traffic:
    """Counts answers by layer and route. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, Route], tuple[int, Decimal | None, float]] = {}

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        key = answer.layer, answer.route
        with self._lock:
            count, cost, seconds = self._counts.get(key, (0, Decimal(0), 0.0))
            known = None if cost is None or answer.cost_usd is None else cost + answer.cost_usd
            self._counts[key] = count + 1, known, seconds + answer.seconds

    def shares(self) -> tuple[Share, ...]:
        """What each layer did, the one with the most questions first."""
        with self._lock:
            counts = dict(self._counts)
        total = sum(count for count, _, _ in counts.values())
        found = [
            Share(
                layer=layer,
                route=route,
                questions=count,
                share=count / total,
                cost_usd=cost,
                seconds=seconds,
            )
            for (layer, route), (count, cost, seconds) in counts.items()
        ]
        return tuple(sorted(found, key=lambda each: -each.questions))
