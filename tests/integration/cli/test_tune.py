"""``latm tune`` as a user types it, with samples of his own and the tuner ``local``."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from latm.cli._app import app

SPEC = """
about = "a note of a neighbour"
question = "Which pet is it about?"
[labels]
cat = "Felines of any age."
dog = "Canines of any age."
"""
SYLLABLES = ("ba", "do", "ki", "lu", "me", "no", "ra", "si", "tu", "ve", "wo", "za")
WORDS = [one + two + three for one in SYLLABLES for two in SYLLABLES for three in ("lam", "ner", "pos")]
SIGNS = {
    "cat": ("purring", "meowing", "whiskers", "a saucer of milk"),
    "dog": ("barking", "fetching", "a leash", "growling"),
}


def notes(seed: int, count: int) -> list[dict[str, str]]:
    """Notes in no language, but for two signs of the pet each."""
    chance = random.Random(seed)
    found: list[dict[str, str]] = []
    for number in range(count):
        label = ("cat", "dog")[number % 2]
        words = chance.sample(WORDS, 8)
        for sign in chance.sample(SIGNS[label], 2):
            words.insert(chance.randrange(len(words)), sign)
        found.append({"text": " ".join(words) + ".", "label": label})
    return found


def written(path: Path, lines: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a tuning, its samples and a set to measure with."""
    (tmp_path / "pets.toml").write_text(SPEC)
    written(tmp_path / "data/pets/train.jsonl", notes(1, 40))
    written(tmp_path / "real.jsonl", notes(2, 60))
    return tmp_path


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs the command in that folder and in this process: to start one for each takes most of the time."""
    monkeypatch.chdir(place)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, arguments)

    return run


class Links(HTMLParser):
    """What a page asks for from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            str(value) for name, value in attrs if name in {"src", "href"} and "#" not in str(value)
        ]


def test_a_file_that_was_just_written_can_be_read(
    latm: Any, here: Callable[..., Any], tmp_path: Path
) -> None:
    made = latm("tune", "new", "shop.toml")
    assert (made.returncode, made.stdout) == (0, "shop.toml\n")
    assert "latm tune synthesise shop.toml" in made.stderr
    again = here("tune", "new", "shop.toml")
    assert (again.exit_code, again.stderr) == (
        2,
        "latm: shop.toml: is there already: change it, or choose another name\n",
    )
    own = here("tune", "new", "own.toml", "-l", 'a "b"=With "quotes" and \\.', "-l", "c")
    assert own.exit_code == 0
    for file in ("shop.toml", "own.toml"):
        written(tmp_path / f"data/{Path(file).stem}/train.jsonl", [])
        looked = here("tune", "review", file)
        assert "holds no sample" in looked.stderr, looked.stderr
    alone = here("tune", "new", "one.toml", "-l", "a")
    assert (alone.exit_code, alone.stderr) == (
        2,
        "latm: --label: one label alone: there is nothing to tell apart\n",
    )


def test_from_samples_to_a_comparison(here: Callable[..., Any], place: Path) -> None:
    looked = here("tune", "review", "pets.toml", "--data", "real.jsonl", "--html", "review.html")
    assert looked.exit_code == 0, looked.stdout
    assert "Training may go on." in looked.stdout
    trained = here("tune", "train", "pets.toml", "--samples", "20")
    assert trained.exit_code == 0, trained.stderr
    assert trained.stdout.startswith("local:tuned/pets-")
    assert "tuned of local:zero-shot on 20 samples" in trained.stderr
    assert here("tune", "train", "pets.toml").exit_code == 0

    compared = here("tune", "compare", "pets.toml", "-d", "real.jsonl", "--html", "comparison.html")
    assert compared.exit_code == 0, compared.stderr
    assert "tuned (40) is better than base on real.jsonl, n = 60" in compared.stdout
    assert all(len(line) <= 80 for line in compared.stdout.splitlines())
    assert "promote pets.toml --role dispatcher lets it choose tools" in compared.stderr
    for page in ("review.html", "comparison.html"):
        links = Links()
        links.feed((place / page).read_text())
        assert links.found == []

    status = json.loads(here("tune", "status", "--json").stdout)
    assert [job["samples"] for job in status["jobs"]] == [40, 20]
    other = here("tune", "status", "pest")
    assert (other.exit_code, other.stdout) == (0, "")
    assert other.stderr == "there is no training job of 'pest'. Did you mean 'pets'?\n"
    said = here("tune", "label", "pets.toml", "All night barking and growling, and a leash")
    assert (said.exit_code, said.stdout) == (0, "dog\n")
    refused = here("tune", "promote", "pets.toml", "--role", "user")
    assert (refused.exit_code, "only picks labels" in refused.stderr) == (2, True)


def test_json_says_the_same(here: Callable[..., Any], place: Path) -> None:
    review = json.loads(here("tune", "review", "pets.toml", "--json").stdout)
    assert review["may_train"] is True
    model = json.loads(here("tune", "train", "pets.toml", "--json").stdout)
    assert (model["samples"], model["cost_usd"]) == (40, "0")
    compared = json.loads(here("tune", "compare", "pets.toml", "-d", "real.jsonl", "--json").stdout)
    assert compared["comparison"]["shown"] is True
    assert compared["number"] == 1
    gone = json.loads(here("tune", "delete", model["model"], "--json").stdout)
    assert gone["model"] == model["model"]
    again = here("tune", "compare", "pets.toml", "-d", "real.jsonl")
    assert (again.exit_code, again.stderr) == (
        2,
        "latm: no model was tuned of local:zero-shot for 'pets': train one (latm tune train)\n",
    )


def test_a_review_with_errors_ends_with_1_and_stops_the_training(
    here: Callable[..., Any], place: Path
) -> None:
    lines = notes(1, 40)
    written(place / "data/pets/train.jsonl", [*lines, {**lines[0], "label": "dog"}])
    looked = here("tune", "review", "pets.toml")
    assert looked.exit_code == 1
    assert "Training may not go on: mend the errors first." in looked.stdout
    trained = here("tune", "train", "pets.toml")
    assert trained.exit_code == 2
    assert "contradiction: line 1, line 41" in trained.stderr
    mended = here("tune", "review", "pets.toml", "--fix", "drop")
    assert mended.exit_code == 0, mended.stdout
    assert len((place / "data/pets/dropped.jsonl").read_text().splitlines()) == 2
    assert here("tune", "train", "pets.toml").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("review", "none.toml"), 2, "none.toml: no such file; latm tune new none.toml writes one"),
        (("review", "pets.toml", "--fix", "mend"), 2, "--fix: must be drop or rewrite, not 'mend'"),
        (("compare", "pets.toml"), 2, "there are no samples to measure with"),
        (("compare", "pets.toml", "-d", "none.jsonl"), 2, "none.jsonl: cannot be read: No such file"),
        (("train", "pets.toml", "--tuner", "locl"), 2, "no plugin offers the tuner 'locl'"),
        (("train", "pets.toml", "--tuner", "anthropic"), 2, "Anthropic's API has no fine-tuning"),
        (("train", "pets.toml", "--samples", "50"), 2, "there are 40 samples, 50 are asked for"),
        (("train", "pets.toml", "--tuner", "openai", "--base", "openai:m"), 3, "OPENAI_API_KEY"),
        (("demote", "usr"), 2, "no such role: 'usr'. Did you mean 'user'?"),
        (("demote", "user"), 2, "no model was promoted to the role 'user'"),
        (("cancel", "pets"), 2, "there is no training job of 'pets'"),
        (("delete", "local:tuned/none"), 2, "no model 'local:tuned/none' was tuned here"),
        (("synthesise", "pets.toml"), 2, "roles.maker: no model fills the role"),
        (("label", "pets.toml", ""), 2, "text: is empty"),
    ],
)
def test_a_mistake_is_named(here: Callable[..., Any], arguments: Any, code: int, message: str) -> None:
    ran = here("tune", *arguments)
    assert (ran.exit_code, message in ran.stderr) == (code, True), ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
