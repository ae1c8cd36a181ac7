"""The published experiment as one command, by the real SDK against a service of OpenAI's shape."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from commanding import command
from latm.library import Library
from latm.plugin import Reply
from latm.testing import TuningServer
from latm.testing._loopback import RecordedRequest
from latm.testing._requests import read_request

from .test_complaints import EXAMPLE, backend

KEY = "sk-never-to-be-seen"
PRICES = """
[prices."openai:strong"]
input = "10"
output = "30"
[prices."openai:small"]
input = "1"
output = "2"
training = "8"
[prices."openai:ft:small:*"]
input = "3"
output = "6"
"""


def answer(recorded: RecordedRequest) -> Reply | str:
    """The maker's texts; the base model takes every complaint for one about a card."""
    request = read_request(recorded)
    return "card lending" if request.response_schema is None else anyio.run(backend().complete, request)


@pytest.fixture
def service() -> Iterator[TuningServer]:
    with TuningServer(answer) as server:
        yield server


@pytest.fixture
def shop(tmp_path: Path, service: TuningServer) -> Path:
    return furnished(tmp_path, service)


def furnished(folder: Path, service: TuningServer) -> Path:
    for name in ("complaints.toml", "validation.jsonl"):
        shutil.copy(EXAMPLE / name, folder)
    spec = folder / "complaints.toml"
    # Looked at without a pause, since nothing at this service takes time.
    spec.write_text(spec.read_text().replace('tuner = "local"', 'tuner = "openai"\npoll_s = 0.001'))
    (folder / "latm.toml").write_text(
        f'[providers.openai]\nbase_url = "{service.base_url}"\n{PRICES}\n[budget]\nusd = "5"\n'
    )
    return folder


def latm(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return command(place, *arguments, environment={"OPENAI_API_KEY": KEY})


RUN = (
    "tune", "run", "complaints.toml", "--maker", "openai:strong", "--base", "openai:small",
    "--tuner", "openai", "--samples", "15", "--data", "validation.jsonl", "--json",
)  # fmt: skip


@dataclass(frozen=True)
class Bought:
    """The whole run, which nobody has to pay for twice."""

    shop: Path
    service: TuningServer
    printed: str
    told: str


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bought]:
    with TuningServer(answer) as service:
        shop = furnished(tmp_path_factory.mktemp("shop"), service)
        ran = latm(shop, *RUN)
        assert ran.returncode == 0, ran.stderr
        yield Bought(shop, service, ran.stdout, ran.stderr)


def test_fifteen_texts_are_written_tuned_on_and_a_hundred_compared(bought: Bought) -> None:
    shop, service = bought.shop, bought.service
    done = json.loads(bought.printed)

    assert done["written"]["train"]["samples"] == 15
    assert len((shop / "data/complaints/train.jsonl").read_text().splitlines()) == 15
    assert (done["model"]["samples"], done["model"]["base"]) == (15, "openai:small")
    (job,) = service.jobs
    (training_file, held_out_file) = service.files
    lines = service.content(str(training_file["id"])).decode().splitlines()
    assert len(lines) == 15
    assert len(service.content(str(held_out_file["id"])).decode().splitlines()) == 60

    scores = {(each["set"], each["contender"]): each for each in done["compared"]["comparison"]["scores"]}
    real = {name: score for (set_, name), score in scores.items() if set_ == "validation.jsonl"}
    assert {name: score["n"] for name, score in real.items()} == dict.fromkeys(real, 100)
    assert set(real) == {"majority", "zero-shot", "base", "tuned (15)"}
    assert real["base"]["accuracy"] == 0.12, "it says card lending to all"
    assert real["tuned (15)"]["right"] > real["base"]["right"]
    assert done["compared"]["comparison"]["shown"] is True

    # Everything that the service counted is in the ledger and in the journal, and nothing else.
    trained = job["trained_tokens"]
    assert done["model"]["trained_tokens"] == trained
    assert done["spent"]["usage"]["input"] == service.usage.input + trained
    assert done["spent"]["usage"]["output"] == service.usage.output
    library = Library(f"sqlite:///{shop / 'latm.db'}")
    spent = library.spent()
    library.close()
    assert (spent.usage.input, spent.usage.output) == (service.usage.input + trained, service.usage.output)
    assert str(spent.cost_usd) == done["spent"]["cost_usd"]
    assert KEY not in bought.printed + bought.told
    assert KEY.encode() not in (shop / "latm.db").read_bytes()


def test_asked_for_again_it_pays_for_nothing(bought: Bought) -> None:
    service = bought.service
    before, jobs, files = service.usage, service.jobs, service.files
    again = latm(bought.shop, *RUN)
    assert again.returncode == 0, again.stderr
    assert (service.usage, service.jobs, service.files) == (before, jobs, files)
    done = json.loads(again.stdout)
    assert done["spent"]["calls"] == 0
    assert done["compared"]["comparison"]["shown"] is True


def test_a_budget_that_does_not_allow_the_training_stops_it_before_anything_is_uploaded(
    shop: Path, service: TuningServer
) -> None:
    (shop / "latm.toml").write_text(
        (shop / "latm.toml")
        .read_text()
        .replace('usd = "5"', 'usd = "5"\nroles = { tuner = { usd = "0.01" } }')
    )
    ran = latm(shop, *RUN)
    assert ran.returncode == 5, ran.stderr
    assert service.files == []
    assert (shop / "data/complaints/train.jsonl").is_file(), "what was written is kept"


def test_no_model_of_a_provider_without_tuning_is_begun_with(shop: Path, service: TuningServer) -> None:
    ran = latm(shop, *RUN[:5], "--tuner", "anthropic", "--base", "anthropic:claude-haiku", "--samples", "15")
    assert ran.returncode == 2
    assert "Anthropic's API has no fine-tuning" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert service.usage.total == 0
