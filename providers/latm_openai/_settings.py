"""The settings of fine-tuning; read whenever a tuning's file is, so nothing is imported here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Literal

_LONGEST_SUFFIX = 64  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAITuning:
    """What ``[training]`` may hold for ``openai``.

    Attributes:
        epochs: how often the samples are gone through; None leaves it to the service, as below.
        batch_size: samples a step.
        learning_rate_multiplier: of the service's own rate.
        method: ``supervised`` as OpenAI wants it today; ``hyperparameters`` for services that know the older
            form only, in which they stand at the top.
        suffix: a part of the model's name; the tuning's name if None.
        poll_s: seconds until a job is looked at again; they grow by half each time that nothing has changed.
        longest_poll_s: what they grow to.
        looks: how often is looked for what was perhaps created, 2, 4, 8 seconds apart, before it is created
            once more.
        largest_bytes: of a file; OpenAI takes 512 MiB.
        expires: when the service will stop to serve the model, where you know it: ``2027-01-31``.
    """

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None
    method: Literal["supervised", "hyperparameters"] = "supervised"
    suffix: str | None = None
    poll_s: float = 2.0
    longest_poll_s: float = 30.0
    looks: int = 4
    largest_bytes: int = 512 * 1024 * 1024
    expires: date | None = None

    def __post_init__(self) -> None:
        """Refuse what no job can be asked for with."""
        for name in ("epochs", "batch_size", "looks", "largest_bytes"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise ValueError(f"{name} is {count}: it must be at least 1")
        for name in ("learning_rate_multiplier", "poll_s", "longest_poll_s"):
            if (value := getattr(self, name)) is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}: it must be above 0")
        if self.suffix is not None and not 0 < len(self.suffix) <= _LONGEST_SUFFIX:
            raise ValueError(f"suffix must have 1 to {_LONGEST_SUFFIX} characters")

    @property
    def hyperparameters(self) -> dict[str, object]:
        """Those that are not left to the service, by its names for them."""
        named = {
            "n_epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }
        return {name: value for name, value in named.items() if value is not None}
