"""The settings of the tuner ``local``; read whenever a tuning's file is, so nothing is imported here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """What ``[training]`` may hold for the tuner ``local``.

    Attributes:
        embeddings: a directory that sentence-transformers wrote; the model sees texts as its vectors, and not
            as TF-IDF. The base ``local:zero-shot/DIRECTORY`` says the same.
        abstain_below: the confidence, 0 to 1, below which a text gets no label.
        choose_above: the confidence from which on the model chooses among what a request offers, where a
            wrong choice is worse than none.
    """

    embeddings: str = ""
    abstain_below: float = 0.0
    choose_above: float = 0.9

    def __post_init__(self) -> None:
        """Refuse what is no confidence."""
        for name in ("abstain_below", "choose_above"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1")


def folder_of(path: str) -> Path:
    """A directory as a user writes it."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - of an unknown user Path's raises
