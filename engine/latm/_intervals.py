"""How sure a share is that was counted."""

from __future__ import annotations

import math
from statistics import NormalDist

LEVEL = 0.05
"""What a p-value has to be below; the intervals are those of 1 - LEVEL, 95 %."""

Z = NormalDist().inv_cdf(1 - LEVEL / 2)


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share: Wilson's score interval (1927), without correction for continuity.

    It keeps within 0 and 1, and is no point where all or none were right; of nothing it is 0 to 1.
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = right / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At the ends the rounding could leave the limit on the wrong side of the share.
    return (
        0.0 if right == 0 else max(0.0, middle - half),
        1.0 if right == n else min(1.0, middle + half),
    )
