"""Whether a failed call of a model is made again, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from latm.config import RetryConfig
from latm.errors import BackendError, Throttled, Timeout, Unavailable

_FIRST_WAIT_S = 0.5
_SPREAD_S = 0.5


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about an error.

    Attributes:
        kind: ``no``: raise it; ``transient``: the service has a bad moment; ``rate_limited``: it has too much
            to do, or we ask too much.
        wait_s: seconds until the next attempt; 0 where there is none.
    """

    kind: Literal["no", "transient", "rate_limited"]
    wait_s: float = 0.0


NO = Decision("no")


def decide(
    error: BackendError, *, attempt: int, elapsed_s: float, policy: RetryConfig, chance: float
) -> Decision:
    """Decide on the next attempt.

    What the service asks for is waited out, and up to half a second more; where it says nothing, waits double
    from half a second on. A part of each is chance, so that callers that were refused together do not come
    back together.

    Args:
        error: what the last attempt raised.
        attempt: its number, counted from 1.
        elapsed_s: seconds of all attempts and waits so far.
        policy: the bounds.
        chance: from 0 to 1.

    Returns:
        `NO` for what another attempt would not mend, and where a bound is reached.
    """
    if isinstance(error, Throttled):
        kind: Literal["transient", "rate_limited"] = "rate_limited"
    elif isinstance(error, Unavailable | Timeout):
        kind = "transient"
    else:
        return NO
    asked_s = error.retry_after
    if asked_s is not None and not asked_s <= policy.longest_wait_s:  # also where it is not a number
        return NO
    if asked_s is not None and asked_s >= 0:
        wait_s = asked_s + chance * _SPREAD_S
    else:
        wait_s = min(policy.longest_wait_s, _FIRST_WAIT_S * 2.0 ** (attempt - 1)) * (0.5 + chance / 2)
    if attempt >= policy.attempts or elapsed_s + wait_s >= policy.total_s:
        return NO
    return Decision(kind, wait_s)


def attempt_s(timeout_s: float, *, attempt: int, elapsed_s: float, policy: RetryConfig) -> float:
    """Seconds for an attempt: its timeout, or what is left in all; the first one is never cut."""
    return timeout_s if attempt == 1 else min(timeout_s, policy.total_s - elapsed_s)
