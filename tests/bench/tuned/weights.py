"""How much the guess by the descriptions should count beside what was learned, and how sure both should be.

Chosen where wording is other than in training, and apart from all that is measured with: the templates of
``questions.toml``, and the fragments of the complaints' script, are split in halves; texts of the one half
are trained on, those of the other are asked about. Splits, sets and sizes count alike. The weight is what is
best in the mean of accuracies. For few samples the temperature is not the best in the mean of logarithms but
twice as high, since real texts differ by more than the halves of one script do.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.tuned.complaints import EXAMPLE
from bench.tuned.questions import halves, labels
from latm.tuner import TuningSpec

SIZES = (3, 5, 10, 20, 50)  # samples of a label
ASKED = 20  # texts of a label
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
TEMPERATURES = (0.18, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4)
_FORMER_WORTH = 10  # samples of a label that the guess weighed as much as, in the rule that this replaced
_CHOICE = re.compile(r"\{([^{}]*)\}")
Texts = list[tuple[str, str]]


def run(*, sentences: str = "", splits: int = 4, sizes: Sequence[int] = SIZES) -> Mapping[str, object]:
    """Measure each weight, print; gives the figures."""
    import numpy as np

    seen = _seen(sentences)
    accuracy = {weight: list[float]() for weight in (*WEIGHTS, "former")}
    loss = {each: list[float]() for each in TEMPERATURES}
    print("Weights of the guess: accuracy on texts of wording that was kept out of training")
    print(f"{'':26}" + "".join(f"{weight:>7}" for weight in accuracy))
    for name, make in (("dispatching", _dispatching), ("complaints", _complaints)):
        for size in sizes:
            rows = [_split(make(split, size), accuracy, size, loss, seen) for split in range(splits)]
            means = np.mean(rows, axis=0)
            print(f"{name:14}{size:>4} a label" + "".join(f"{mean:7.3f}" for mean in means))
            for weight, mean in zip(accuracy, means, strict=True):
                accuracy[weight].append(float(mean))
    means = {weight: float(np.mean(each)) for weight, each in accuracy.items()}
    print(f"{'mean':26}" + "".join(f"{mean:7.3f}" for mean in means.values()))
    losses = {each: float(np.mean(values)) for each, values in loss.items() if values}
    print("Temperatures with 3 and 5 samples of a label, the logarithmic loss at the weight of 0.4: "
          + ", ".join(f"{each}: {value:.2f}" for each, value in losses.items()))  # fmt: skip
    return {"accuracy": means, "loss": losses}


def _seen(sentences: str) -> Any:
    from latm_local._sentences import SentenceModel

    return SentenceModel.load(Path(sentences)) if sentences else None


def _split(
    data: tuple[Texts, Texts, Mapping[str, str]],
    weights: Mapping[Any, object],
    size: int,
    loss: dict[float, list[float]],
    sentences: Any,
) -> list[float]:
    """The accuracy with each weight on one split."""
    import numpy as np

    from latm_local._learning import _FEWEST_LEFT_OUT, _GUESS, _columns, _mixed, learn

    train, ask, cards = data
    classifier = learn(
        [text for text, _ in train], [label for _, label in train], cards, sentences=sentences
    ).classifier
    vectors = None if sentences is None else np.stack([sentences.vector(text) for text, _ in ask])
    rows = [text for text, _ in ask] if vectors is None else vectors
    told = _columns(classifier.model.predict_proba(rows), classifier.model.classes_, len(cards))
    guessed = np.asarray([
        classifier.zero_shot.probabilities(text, None if vectors is None else vectors[at])
        for at, (text, _) in enumerate(ask)
    ])  # fmt: skip
    right = np.asarray([classifier.labels.index(label) for _, label in ask])
    if size * len(cards) < 2 * _FEWEST_LEFT_OUT:
        for each in TEMPERATURES:
            probable = _mixed(told, guessed, _GUESS, each)[np.arange(len(right)), right]
            loss[each].append(-float(np.log(probable + 1e-6).mean()))
    former = _FORMER_WORTH / (_FORMER_WORTH + size)
    shares = [former if weight == "former" else float(weight) for weight in weights]
    return [float((_mixed(told, guessed, share, 1.0).argmax(axis=1) == right).mean()) for share in shares]


def _dispatching(split: int, size: int) -> tuple[Texts, Texts, Mapping[str, str]]:
    return (*halves(size, ASKED, seed=split), labels())


def _complaints(split: int, size: int) -> tuple[Texts, Texts, Mapping[str, str]]:
    chance = random.Random(f"{split} {size}")
    tree = tomllib.loads((EXAMPLE / "fragments.toml").read_text(encoding="utf-8"))["labels"]
    found: tuple[Texts, Texts] = ([], [])
    for label, own in tree.items():
        mixed = {kind: chance.sample(those, len(those)) for kind, those in own.items()}
        for half, (texts, count) in enumerate(zip(found, (size, ASKED), strict=True)):
            those = {kind: parts[half::2] for kind, parts in mixed.items()}
            for at in range(count):
                story = those["situations"][at % len(those["situations"])]
                text = f"{story} {chance.choice(those['details'])} {chance.choice(those['wishes'])}"
                texts.append((_CHOICE.sub(lambda found: chance.choice(found[1].split("|")), text), label))
    return (*found, TuningSpec.load(EXAMPLE / "complaints.toml").labels)
