"""What the steps of a tuning give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latm._ledger import Spend
    from latm.tuner._runs import TunedModel
    from latm.tuner._samples import Sample
    from latm.tuner.comparison import Comparison
    from latm.tuner.review import Review


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A file of synthetic texts.

    Attributes:
        path: the file.
        samples: all that it holds now.
        written: how many of them are new.
        replies: how often the maker was asked; those that were paid for before are among them.
        refused: how often texts were refused and asked for again, by the reason.
        short: how many texts are missing of a label, where the bounds were reached.
    """

    path: Path
    samples: tuple[Sample, ...] = field(repr=False)
    written: int
    replies: int
    refused: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    short: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The synthetic texts of a tuning.

    Attributes:
        train: those to train on.
        held_out: those that are held out; None where the spec asks for none.
        cost: what they cost, with what was paid for before.
    """

    train: WrittenFile
    held_out: WrittenFile | None
    cost: Spend


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A review of the training data, and what was mended.

    Attributes:
        review: what was found, after the mending.
        samples: those that were reviewed last, in the order of their file.
        dropped: those that were taken out; they are kept in `aside`.
        written: how many new ones took their place.
        aside: the file of what was dropped; None where nothing ever was.
    """

    review: Review
    samples: tuple[Sample, ...] = field(repr=False)
    dropped: tuple[Sample, ...] = ()
    written: int = 0
    aside: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A comparison, as the library keeps it.

    Attributes:
        comparison: the figures, the sentences that they allow, and every verdict.
        number: of it in the library.
        cost: of all replies in it, with what was paid for before.
    """

    comparison: Comparison
    number: int
    cost: Spend


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What a model says of a text.

    Attributes:
        label: one of the labels; None where it cannot tell, or said something else.
        reply: what it said.
        model: who said it, ``provider:model``.
        confidence: from 0 to 1, where it tells one.
        cost_usd: of the reply; None where the price is unknown.
        seconds: that it took.
    """

    label: str | None
    reply: str
    model: str
    confidence: float | None = None
    cost_usd: Decimal | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRun:
    """All steps of a tuning, one after the other.

    Attributes:
        written: the texts.
        reviewed: what is wrong with them.
        tuned: the model.
        compared: with its base.
    """

    written: Written
    reviewed: Reviewed
    tuned: TunedModel
    compared: Compared
