"""How long answers took, as counts: eight steps a decade, so that a share can be read off to within 15 %."""

from __future__ import annotations

import math
from collections.abc import Mapping

_FIRST_S = 1e-4
_A_DECADE = 8
_LAST = 8 * _A_DECADE  # 10,000 s


def step_of(seconds: float) -> int:
    """The step that a time belongs to, from 0 (a tenth of a millisecond and less) to 64."""
    if seconds <= _FIRST_S:
        return 0
    return min(_LAST, round(_A_DECADE * math.log10(seconds / _FIRST_S)))


def seconds_of(step: int) -> float:
    """The time in the middle of a step."""
    return float(_FIRST_S * 10 ** (step / _A_DECADE))


def quantile(times: Mapping[int, int], share: float) -> float | None:
    """The seconds within which a share of the answers came; None where there is none.

    Args:
        times: how many answers, by step.
        share: from 0 to 1; 0.5 gives the median.
    """
    wanted = share * sum(times.values())
    passed = 0
    for step, count in sorted(times.items()):
        passed += count
        if count and passed >= wanted:
            return seconds_of(step)
    return None
