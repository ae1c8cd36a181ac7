"""An inverted index with BM25 weights, in memory.

No library does this here: bm25s and scikit-learn need NumPy and have to index everything anew when one tool
changes, rank-bm25 goes through all documents at every question. What is needed is small: postings, and a
query that looks at few of them.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable
from typing import final

from latm.dispatcher._words import words

# The usual settings of BM25 (Robertson & Zaragoza 2009: k1 1.2 to 2, b 0.5 to 0.8). Lengths are measured
# against a usual tool's, a constant, so that no tool's weights change when another one comes or goes.
_K1, _B, _USUAL_LENGTH = 1.2, 0.75, 60
_SCALE = 100  # weights are kept as small whole numbers, which Python holds once for all
# Postings of one query that may bring in new documents, and how many documents are looked at further after
# that. Of 10,000 tools, 1,500 to 12,000 postings find the same ones and take 0.5 to 1.9 ms
# (tests/bench/dispatching.py).
_ROOM, _KEPT = 3_000, 100
_FEW = 20  # in a smaller library "in more than half of them" says nothing about a word
_FEWEST = 4  # words of a text at least: by one word alone nothing is near
_OTHERS = 20  # tasks that are imagined beside the known ones, so that one tool alone can be near and far too


@final
class Index:
    """Documents by key, found by their words. Not safe for several threads at once."""

    def __init__(self) -> None:
        self._postings: dict[str, dict[str, int]] = {}
        self._documents: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._documents)

    def put(self, key: str, fields: Iterable[tuple[str, int]]) -> None:
        """Add a document, or replace the one with this key.

        Args:
            key: its name.
            fields: texts, each with the number of times that its words count.
        """
        self.drop(key)
        counts: Counter[str] = Counter()
        for text, times in fields:
            for word in words(text):
                counts[word] += times
        length = _K1 * (1 - _B + _B * counts.total() / _USUAL_LENGTH)
        for word, count in counts.items():
            weight = round(_SCALE * count * (_K1 + 1) / (count + length))
            self._postings.setdefault(word, {})[key] = weight
        self._documents[key] = tuple(counts)

    def drop(self, key: str) -> None:
        """Remove a document, if it is there."""
        for word in self._documents.pop(key, ()):
            postings = self._postings[word]
            del postings[key]
            if not postings:
                del self._postings[word]

    def best(self, text: str, limit: int) -> list[tuple[str, float]]:
        """The documents that share the most telling words with a text, best first.

        Args:
            text: what is asked.
            limit: how many at most.

        Returns:
            Keys with scores between 0 and 1: the share of what the text says, rare words counting more, that
            stands in the document. A document that shares no telling word is not among them.
        """
        asked = set(words(text))
        scores = self._scores(asked)
        unheard = self._rarity("")
        whole = sum(self._rarity(word) for word in asked) + unheard * max(0, _FEWEST - len(asked))
        chosen = heapq.nsmallest(limit, scores.items(), key=lambda item: (-item[1], item[0]))
        return [(key, score / (whole * _SCALE * (_K1 + 1))) for key, score in chosen]

    def _scores(self, asked: set[str]) -> dict[str, float]:
        # Rare words first: what shares none of them is no candidate by the frequent ones alone.
        known = sorted((word for word in asked if word in self._postings), key=self._spread)
        scores: dict[str, float] = {}
        room = _ROOM
        for word in known:
            rarity = self._rarity(word)
            if not rarity:
                continue
            postings = self._postings[word]
            if scores and len(postings) > room:
                if len(scores) > _KEPT:
                    scores = dict(heapq.nlargest(_KEPT, scores.items(), key=lambda item: item[1]))
                for key in scores.keys() & postings.keys():
                    scores[key] += rarity * postings[key]
                continue
            room -= len(postings)
            for key, weight in postings.items():
                scores[key] = scores.get(key, 0.0) + rarity * weight
        return scores

    def _spread(self, word: str) -> tuple[int, str]:
        return len(self._postings.get(word, ())), word

    def _rarity(self, word: str) -> float:
        """The weight of a word; 0 where it stands in most documents and tells none of them apart."""
        total, having = len(self._documents), len(self._postings.get(word, ()))
        if total >= _FEW and having * 2 > total:
            return 0.0
        return math.log(1 + (total + _OTHERS - having + 0.5) / (having + 0.5))
