"""How the local tuner weighs what it learned against the descriptions, and how it uses the machine."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("skops")
np = pytest.importorskip("numpy")
pools = pytest.importorskip("threadpoolctl")

from sklearn.base import BaseEstimator  # noqa: E402 - the extra may be absent

from latm_local import _scikit  # noqa: E402
from latm_local._learning import Learned, learn  # noqa: E402
from latm_local._quick import Quick  # noqa: E402
from latm_local._sentences import SentenceModel  # noqa: E402
from unit.providers import test_local_sentences as tiny  # noqa: E402

PETS: Mapping[str, str] = {"pets": "Cats, dogs and other animals.", "houses": "Roofs, doors and rooms."}
WORDS = ["old", "new", "red", "blue", "small", "large", "grey", "green"]


def learned(each: int, sentences: SentenceModel | None = None) -> Learned:
    texts = [
        text.format(WORDS[at % len(WORDS)], at)
        for at in range(each)
        for text in ("the {} tail wags {} times", "the {} wall cracked {} times")
    ]
    return learn(texts, list(PETS) * each, PETS, sentences=sentences)


def test_the_descriptions_weigh_as_much_however_many_samples_there_are() -> None:
    few, many = learned(3).classifier, learned(60).classifier
    assert few.weight == many.weight
    assert few.probabilities("cats and dogs and other animals, a wall")[0] > 0.5
    assert many.probabilities("cats and dogs and other animals, a wall")[1] > 0.5, "surer by its samples"


def test_of_few_samples_it_is_neither_timid_nor_sure() -> None:
    few = learned(3)
    assert few.left_out is None
    assert 0.75 < few.classifier.probabilities("a tail")[0] < 0.95


THREE = {**PETS, "cars": "Wheels and engines."}


@cache
def fitted(classes: int) -> Any:
    names = list(THREE)[:classes]
    texts = [f"{label} {word} {number}" for label in names for number, word in enumerate(WORDS)]
    return _scikit.fit(_scikit.text_model(), texts, [str(at) for at in range(classes) for _ in WORDS])


@settings(max_examples=40)
@given(
    text=st.one_of(
        st.text(), st.lists(st.sampled_from([*THREE, *WORDS, "1", "Old", "redred"])).map(" ".join)
    ),
    classes=st.sampled_from([2, 3]),
)
def test_one_text_gets_what_scikit_learn_says_of_a_table(text: str, classes: int) -> None:
    model = fitted(classes)
    text = text.encode("utf-8", "replace").decode()
    np.testing.assert_allclose(Quick(model)(text), model.predict_proba([text]), rtol=1e-9, atol=1e-12)


def threads() -> list[int]:
    return [each["num_threads"] for each in pools.threadpool_info() if each["user_api"] == "blas"]


class Recorder(BaseEstimator):  # type: ignore[misc]  # ships no types
    """Notes how many threads it is given."""

    def fit(self, rows: Any, labels: Any) -> Any:
        self.threads_ = set(threads())
        return self


def test_a_training_keeps_to_a_core() -> None:
    before = threads()
    assert _scikit.fit(Recorder(), [], []).threads_ <= {1}
    assert threads() == before


def test_after_trainings_at_once_the_other_cores_are_given_back() -> None:
    before = threads()
    fitted: list[Any] = []
    at_once = [
        threading.Thread(target=lambda: fitted.extend(_scikit.fit(Recorder(), [], []) for _ in range(20)))
        for _ in range(4)
    ]
    for each in at_once:
        each.start()
    for each in at_once:
        each.join()
    assert len(fitted) == 80
    assert threads() == before


def sentence_model(folder: Path) -> SentenceModel:
    files: dict[str, object] = {
        "modules.json": tiny.BERT,
        "config.json": tiny.CONFIG,
        "1_Pooling/config.json": tiny.MEAN,
    }
    return SentenceModel.load(tiny.write(folder, files, tiny.weights(1)))


def test_a_sentence_takes_one_core(tmp_path: Path) -> None:
    model, seen, asked = sentence_model(tmp_path / "sentences"), list[int](), list[Any]()

    def tokens(ids: Any) -> Any:
        asked.append(ids)
        seen.extend(threads())
        return model.tokens(ids)

    dataclasses.replace(model, tokens=tokens).vector("sort the words")
    assert asked
    assert set(seen) <= {1}


def test_each_text_is_made_a_vector_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = sentence_model(tmp_path / "sentences")
    asked: list[str] = []
    real = SentenceModel.vector

    def vector(self: SentenceModel, text: str) -> Any:
        asked.append(text)
        return real(self, text)

    monkeypatch.setattr(SentenceModel, "vector", vector)
    assert learned(20, sentences).left_out is not None
    assert len(asked) == 40 + len(PETS)
