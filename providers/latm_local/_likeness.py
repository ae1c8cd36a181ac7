"""How alike texts are: TF-IDF and BM25 over the few texts of one request."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from latm_local._proving import tokens

Likeness: TypeAlias = Callable[[str, Sequence[str]], list[float]]
"""Of a question and texts: a figure for each text, higher where it is more alike."""

# The usual settings of BM25 (Robertson & Zaragoza 2009: k1 1.2 to 2, b 0.5 to 0.8).
_K1, _B = 1.2, 0.75


def tfidf(question: str, texts: Sequence[str]) -> list[float]:
    """The cosine of TF-IDF vectors of words and pairs of words, between 0 and 1."""
    documents = [_grams(text) for text in texts]
    rarity = _rarity([*documents, asked := _grams(question)])

    def weights(document: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
        found = {gram: (1 + math.log(count)) * rarity[gram] for gram, count in document.items()}
        length = math.sqrt(sum(weight * weight for weight in found.values()))
        return {gram: weight / length for gram, weight in found.items()} if length else {}

    wanted = weights(asked)
    return [
        sum(weight * wanted.get(gram, 0.0) for gram, weight in weights(document).items())
        for document in documents
    ]


def bm25(question: str, texts: Sequence[str]) -> list[float]:
    """The BM25 score of each text for the question's words, from 0 upwards."""
    documents = [Counter(tokens(text)) for text in texts]
    rarity = _rarity(documents)
    usual = sum(document.total() for document in documents) / len(documents) if documents else 0.0
    asked = set(tokens(question))

    def score(document: Counter[str]) -> float:
        length = _K1 * (1 - _B + _B * document.total() / usual) if usual else 0.0
        shared = asked & document.keys()
        return sum(rarity[word] * document[word] * (_K1 + 1) / (document[word] + length) for word in shared)

    return [score(document) for document in documents]


def _grams(text: str) -> Counter[tuple[str, ...]]:
    words = tokens(text)
    return Counter([*((word,) for word in words), *itertools.pairwise(words)])


def _rarity(documents: Sequence[Counter[str]] | Sequence[Counter[tuple[str, ...]]]) -> dict[object, float]:
    spread: Counter[object] = Counter(word for document in documents for word in document)
    total = len(documents)
    return {word: math.log(1 + (total - count + 0.5) / (count + 0.5)) for word, count in spread.items()}
