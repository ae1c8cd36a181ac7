"""scikit-learn and skops, which ship no types; importing this module imports them, which takes seconds."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from latm_local._cores import one_core

_BUCKETS = 2**16
Model: TypeAlias = Any
"""A pipeline of scikit-learn."""


def _module(name: str) -> Any:
    return importlib.import_module(name)


skops_io = _module("skops.io")
_text = _module("sklearn.feature_extraction.text")
_linear = _module("sklearn.linear_model")
_pipeline = _module("sklearn.pipeline")
_selection = _module("sklearn.model_selection")
_exceptions = _module("sklearn.exceptions")
_threshold = _module("sklearn.feature_selection").VarianceThreshold


def versions() -> dict[str, str]:
    """What a model's figures depend on."""
    names = ("sklearn", "skops", "numpy")
    return {{"sklearn": "scikit-learn"}.get(name, name): str(_module(name).__version__) for name in names}


def text_model() -> Model:
    """Untrained: words, pairs of words and the letters in words, by TF-IDF; then a logistic regression.

    Words are hashed and not listed: a model's file stays small, loads at once, and holds no word of the texts
    it was trained on.
    """
    parts = [
        ("words", _weighted(analyzer="word", ngram_range=(1, 2))),
        ("letters", _weighted(analyzer="char_wb", ngram_range=(3, 5))),
    ]
    return _pipeline.Pipeline([("features", _pipeline.FeatureUnion(parts)), ("labels", _regression(10.0))])


def vector_model() -> Model:
    """Untrained: a logistic regression on vectors of length 1."""
    return _pipeline.Pipeline([("labels", _regression(10.0))])


def fit(model: Model, rows: Any, labels: Sequence[str]) -> Model:
    """A copy of a model, trained.

    Raises:
        ValueError: nothing tells the rows apart.
    """
    fresh = _module("sklearn.base").clone(model)
    with one_core(), warnings.catch_warnings():
        warnings.simplefilter("ignore", _exceptions.ConvergenceWarning)
        return fresh.fit(rows, list(labels))


def left_out(model: Model, rows: Any, labels: Sequence[str], *, folds: int, seed: int) -> Any:
    """Of every row the probabilities by a model that was not trained on it; a column each label, sorted."""
    split = _selection.StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    found = np.zeros((len(labels), len(set(labels))))
    named = np.asarray(labels, dtype=object)
    for inside, outside in split.split(np.zeros(len(labels)), named):
        fitted = fit(model, _take(rows, inside), [str(labels[at]) for at in inside])
        found[outside] = fitted.predict_proba(_take(rows, outside))
    return found


def _take(rows: Any, places: Any) -> Any:
    return [rows[at] for at in places] if isinstance(rows, list) else rows[places]


def _weighted(**how: object) -> Model:
    return _pipeline.Pipeline([
        ("count", _text.HashingVectorizer(n_features=_BUCKETS, norm=None, alternate_sign=False, **how)),
        ("seen", _threshold()),
        ("weigh", _text.TfidfTransformer(sublinear_tf=True)),
    ])  # fmt: skip


def _regression(c: float) -> Model:
    return _linear.LogisticRegression(C=c, max_iter=1_000)
