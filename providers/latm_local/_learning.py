"""Train a classifier of texts on few samples, and let it say how sure it is.

A logistic regression on the samples is mixed with a guess by the labels' descriptions. With few samples the
guess is the better of the two. It needs no smaller weight with more of them: the regression is surer then, so
that it counts for more. How sure the mixture is gets corrected by samples that were left out in training,
where there are enough to leave some out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

from latm_local import _scikit
from latm_local._labels import LONGEST
from latm_local._quick import Quick
from latm_local._zero_shot import ZeroShot

if TYPE_CHECKING:
    from latm_local._sentences import SentenceModel

_GUESS = 0.4
"""Weight of the guess: the best where wording is other than in training (tests/bench/tuning.py --weights).

Samples left out in training cannot choose it: worded as the others are, they get their label at any weight.
"""
_UNMEASURED = 0.5  # the temperature where none can be left out; chosen there, on the cautious side
_FOLDS = 5
_FEWEST_LEFT_OUT = 24  # samples; of fewer the figures say nothing
_FLOOR = 1e-6  # of a probability, so that its logarithm is finite
# 0.25 to 4. Samples left out ask for less still, and are worded as the others are: real texts do not.
_TEMPERATURES = tuple(math.exp(step / 10) for step in range(-14, 15))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A trained classifier.

    Attributes:
        model: the regression; its classes are places in `ZeroShot.labels`, as text.
        zero_shot: the guess by the descriptions.
        sentences: what turns a text into the vector that the regression takes; it takes texts where None.
        weight: of the guess; the regression's is 1 minus this.
        temperature: what all logarithms are divided by; above 1 it makes less sure.
    """

    model: _scikit.Model
    zero_shot: ZeroShot
    sentences: SentenceModel | None
    weight: float
    temperature: float
    _quick: Quick | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Have a quick way at hand where the regression takes texts."""
        object.__setattr__(self, "_quick", Quick(self.model) if self.sentences is None else None)

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the probabilities."""
        return self.zero_shot.labels

    def probabilities(self, text: str) -> list[float]:
        """Of every label how probable it is; they add up to 1."""
        text = _clean(text)
        vector = None
        if self.sentences is None:
            assert self._quick is not None
            told = self._quick(text)
        else:
            vector = self.sentences.vector(text)
            rows = _rows(self.sentences, [text]) if vector is None else vector[None, :]
            told = self.model.predict_proba(rows)
        told = _columns(told, self.model.classes_, len(self.labels))
        guessed = np.asarray([self.zero_shot.probabilities(text, vector)])
        return [float(each) for each in _mixed(told, guessed, self.weight, self.temperature)[0]]


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of the training.

    Attributes:
        classifier: ready to work.
        left_out: the share of left-out samples that got their label, and None where none could be left out.
            They are worded as the others are, so it flatters.
    """

    classifier: Classifier
    left_out: float | None


def learn(
    texts: Sequence[str],
    labels: Sequence[str],
    cards: Mapping[str, str],
    *,
    seed: int = 0,
    sentences: SentenceModel | None = None,
) -> Learned:
    """Train; takes seconds, and the same comes of the same.

    Args:
        texts: of the samples.
        labels: of the samples, each one of the cards; every card has a sample.
        cards: labels with their descriptions.
        seed: decides which samples are left out together.
        sentences: what makes vectors of texts; TF-IDF does where None.

    Raises:
        ValueError: nothing tells the texts apart.
    """
    texts = [_clean(text) for text in texts]
    zero_shot = ZeroShot(cards, sentences)
    places = {label: str(place) for place, label in enumerate(zero_shot.labels)}
    targets = [places[label] for label in labels]
    rows: Any = texts if sentences is None else _rows(sentences, texts)
    untrained = _scikit.text_model() if sentences is None else _scikit.vector_model()
    model = _scikit.fit(untrained, rows, targets)
    temperature, right = _UNMEASURED, None
    fewest = min(Counter(targets).values())
    if fewest > 1 and len(texts) >= _FEWEST_LEFT_OUT:
        told = _scikit.left_out(untrained, rows, targets, folds=min(_FOLDS, fewest), seed=seed)
        told = _columns(told, sorted(set(targets)), len(cards))
        vectors = [None] * len(texts) if sentences is None else rows
        guessed = np.asarray([zero_shot.probabilities(*each) for each in zip(texts, vectors, strict=True)])
        known = np.asarray([int(target) for target in targets])
        temperature = _temperature(told, guessed, _GUESS, known)
        right = float((_mixed(told, guessed, _GUESS, 1.0).argmax(axis=1) == known).mean())
    return Learned(
        Classifier(
            model=model, zero_shot=zero_shot, sentences=sentences, weight=_GUESS, temperature=temperature
        ),
        right,
    )


def _mixed(told: Any, guessed: Any, weight: float, temperature: float) -> Any:
    """The geometric mean of two tables of probabilities, a row each text, made as sure as it may be."""
    scores = (1 - weight) * np.log(told + _FLOOR) + weight * np.log(guessed + _FLOOR)
    powers = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def _temperature(told: Any, guessed: Any, weight: float, known: Any) -> float:
    """The temperature at which left-out samples get most of the probability (Guo et al. 2017, 1706.04599)."""

    def loss(temperature: float) -> float:
        probable = _mixed(told, guessed, weight, temperature)[np.arange(len(known)), known]
        return -float(np.log(probable + _FLOOR).mean())

    return min(_TEMPERATURES, key=loss)


def _columns(told: Any, classes: Any, count: int) -> Any:
    """Probabilities with a column for each label in its place, whatever the order of the classes."""
    found = np.zeros((len(told), count))
    found[:, [int(each) for each in classes]] = told
    return found


def _rows(sentences: SentenceModel, texts: Sequence[str]) -> Any:
    found = [sentences.vector(text) for text in texts]
    size = next((len(each) for each in found if each is not None), 1)
    return np.stack([np.zeros(size, np.float32) if each is None else each for each in found])


def _clean(text: str) -> str:
    """What is Unicode of it: lone surrogates may stand in any text, and nothing here takes them."""
    return text[:LONGEST].encode("utf-8", "replace").decode("utf-8")
