"""What a training job is driven with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

from latm._clock import Clock
from latm._events import Events
from latm.config import RetryConfig
from latm.tuners import Tuner, TunerSpec

if TYPE_CHECKING:
    from latm.library import Library
    from latm.tuner._billing import TrainingBill


class Means(TypedDict):
    """What a job is driven with.

    Attributes:
        tuner: who does it.
        offer: what the tuner's plugin says of it.
        library: where the job is written down.
        clock: for all waits.
        events: told ``tune.submitted``, ``tune.progress``, ``tune.retry``, ``tune.waiting`` (another process
            has the job), ``tune.left`` (the waiting ended before the job), ``tune.trained``, ``tune.failed``.
        retry: bounds of the attempts of each call of the tuner.
        bill: where the job is added up, and which budgets hold; without it nothing is counted.
    """

    tuner: Tuner
    offer: TunerSpec
    library: Library
    clock: Clock
    events: Events
    retry: NotRequired[RetryConfig]
    bill: NotRequired[TrainingBill | None]
