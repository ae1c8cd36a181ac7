"""When is disagreement established? Sums of log-likelihood ratios that begin anew at nought (CUSUM).

E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954). A sum that cannot fall below nought forgets
long good times, so that a tool whose world changed is found out as quickly after 10,000 answers as after 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is a bad rate, what is a tolerable one, and how sure one wants to be.

    Attributes:
        tolerable: the rate of bad cases that a good version shows, since auditors and callers err too.
        bad: the rate at which it should be found out.
        limit: the sum of log-likelihood ratios that establishes it, in nats.
    """

    tolerable: float
    bad: float
    limit: float

    def step(self, total: float, *, good: bool) -> float:
        """The sum after one more case."""
        if good:
            return max(0.0, total + math.log((1 - self.bad) / (1 - self.tolerable)))
        return total + math.log(self.bad / self.tolerable)

    def total(self, cases: Iterable[bool]) -> float:
        """The sum over cases, oldest first; True is a good one."""
        total = 0.0
        for good in cases:
            total = self.step(total, good=good)
        return total

    def established(self, total: float) -> bool:
        """Whether the sum is enough."""
        return total >= self.limit


AUDITS = Watch(tolerable=0.1, bad=0.5, limit=7.0)
"""Five disagreements in a row. A right tool whose auditor errs in 5 % of the cases, the same way twice, is
lost once in 340,000 audits, at 10 % once in 7,000 (tests/unit/engine/test_watching.py works them out)."""

FAILURES = Watch(tolerable=0.02, bad=0.2, limit=11.5)
"""Of uses: five failures in a row, or one in five for a while."""
