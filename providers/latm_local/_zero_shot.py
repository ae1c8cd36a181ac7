"""Labels without training: how alike a text is to the description of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, final

from latm_local._likeness import tfidf

if TYPE_CHECKING:
    from latm_local._bert import Array
    from latm_local._sentences import SentenceModel

# One step of likeness weighs e to this: chosen by hand, not calibrated. Cosines of TF-IDF are small; those of
# sentences are larger and lie closer together.
_SHARPNESS_TFIDF, _SHARPNESS_SENTENCES = 20.0, 12.0


@final
class ZeroShot:
    """A guess by the descriptions alone.

    Args:
        cards: labels with their descriptions.
        sentences: measures likeness by vectors; by TF-IDF over the cards where None.

    Attributes:
        labels: in the order of the probabilities.
        descriptions: of the labels, in the same order.
    """

    def __init__(self, cards: Mapping[str, str], sentences: SentenceModel | None = None) -> None:
        self.labels = tuple(cards)
        self.descriptions = tuple(cards.values())
        self._texts = [f"{label}: {description}" for label, description in cards.items()]
        self._sentences = sentences
        self._vectors = None if sentences is None else [sentences.vector(text) for text in self._texts]

    def probabilities(self, text: str, vector: Array | None = None) -> list[float]:
        """Of every label how probable it is; they add up to 1, and are all the same where nothing is shared.

        Args:
            text: what has to be labelled.
            vector: of the text, where it is known already.
        """
        if self._sentences is None or self._vectors is None:
            return softmax([_SHARPNESS_TFIDF * each for each in tfidf(text, self._texts)])
        asked = self._sentences.vector(text) if vector is None else vector
        return softmax([
            0.0 if asked is None or each is None else _SHARPNESS_SENTENCES * float(each @ asked)
            for each in self._vectors
        ])  # fmt: skip


def softmax(scores: Sequence[float]) -> list[float]:
    """Scores as probabilities."""
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    total = sum(powers)
    return [each / total for each in powers]
