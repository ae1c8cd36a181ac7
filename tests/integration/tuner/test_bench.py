"""The benchmark of the local tuner: its questions are no copies, and it runs on a tiny size."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("skops")

from bench import tuning
from bench.tuned import weights
from bench.tuned.dispatching import FOREIGN, NEAR_MISSES, PARAPHRASES, REAL, TOOLS
from bench.tuned.questions import NONE, halves, labels, questions

SHARED = 4  # words in a row


def grams(text: str) -> set[tuple[str, ...]]:
    """Words in a row; digits and symbols are data, and part them."""
    parts = re.split(r"[^\w\s']|\d", text.casefold())
    found = [re.findall(r"[^\W\d_]+", part) for part in parts]
    return {gram for words in found for gram in zip(*(words[at:] for at in range(SHARED)), strict=False)}


def written() -> list[tuple[str, str]]:
    return questions(60, none=120, look_alikes=True) + questions(60, none=60, look_alikes=False, seed=1)


def test_no_question_shares_wording_with_what_is_measured_with() -> None:
    demonstrations = [each.question for kind in TOOLS for each in kind.demonstrations]
    measured = [*FOREIGN, *demonstrations, *(text for _, text in (*PARAPHRASES, *NEAR_MISSES))]
    known = set[tuple[str, ...]]().union(*map(grams, measured))
    assert not [text for text, _ in written() if grams(text) & known]


def test_no_question_shares_wording_with_the_papers(paper: Path) -> None:
    known = {
        gram
        for name in REAL.values()
        for each in json.loads((paper / f"{name}.json").read_text())["examples"]
        for gram in grams(each["input"])
    }
    assert not [text for text, _ in written() if grams(text) & known]


def test_the_questions_are_as_many_as_asked_for_and_of_the_tools_that_there_are() -> None:
    made = questions(50, none=100, look_alikes=True)
    assert Counter(label for _, label in made) == {**dict.fromkeys(labels(), 50), NONE: 100}
    assert len({text for text, _ in made}) == len(made)
    assert not [text for text, _ in made if re.search(r"\{[a-z_|]+\}", text)], "every gap is filled"
    assert {kind.name for kind, _ in PARAPHRASES} == set(labels()) - {NONE}
    assert questions(5, none=5, look_alikes=True) == questions(5, none=5, look_alikes=True)


def test_halves_share_no_question() -> None:
    train, ask = halves(20, 20)
    assert not set(train) & set(ask)
    assert Counter(label for _, label in train) == Counter(label for _, label in ask)


def test_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    asked = ["--sizes", "3", "--texts", "12", "--questions", "2", "--json", str(figures)]
    assert tuning.main(asked) == 0
    told = capsys.readouterr().out
    assert "Where it does not help: " in told
    assert f"python tests/bench/tuning.py {' '.join(asked)}" in told
    rows = json.loads(figures.read_text())["dispatching"]["rows"]
    assert rows["local:tfidf"]["counts"]["near miss"][0] == 0
    assert rows["tuned 3 always chooses"]["counts"]["paraphrase"][0] > 0


def test_the_weight_that_is_used_is_among_the_best_on_texts_of_other_wording() -> None:
    means = weights.run(splits=1, sizes=(5,))["accuracy"]
    from latm_local._learning import _GUESS

    assert means[_GUESS] > means["former"]  # type: ignore[index]
    assert means[_GUESS] > max(means[0.0], means[1.0])  # type: ignore[index]
