"""Ctrl-C amid a tuning: one line says how to go on, and the same command does go on, without paying again."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.cli.terminals import Nursery, nursery
from integration.cli.test_tune import SPEC, notes, written
from latm.testing import HttpReply, RecordedRequest, TuningServer

INTERRUPTED = 130
TUNED = ("--tuner", "openai", "--base", "openai:m")
STATES = ("validating_files", "running", "running", "succeeded")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("nursery")) as found:
        yield found


class Hold:
    """Holds requests with a text in them until it is opened."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, request: RecordedRequest) -> HttpReply | None:
        if self.text in f"{request.method} {request.path} {request.body!r}":
            self.reached.set()
            assert self.opened.wait(60)
        return None


@contextmanager
def service(folder: Path, hold: Hold, reply: str = "cat") -> Generator[TuningServer, None, None]:
    """A service that tunes, and a folder with a tuning of one of its models."""
    (folder / "pets.toml").write_text(SPEC)
    written(folder / "data/pets/train.jsonl", notes(1, 40))
    written(folder / "real.jsonl", notes(2, 12))
    with TuningServer(lambda _: reply, plan=STATES, before=hold) as server:
        (folder / "latm.toml").write_text(
            '[roles]\nmaker = "openai:m"\n'
            f'[providers.openai]\nbase_url = "{server.base_url}"\napi_key = "sk-x"\n'
        )
        try:
            yield server
        finally:
            hold.opened.set()


def interrupted(commands: Nursery, folder: Path, hold: Hold, *arguments: str) -> str:
    """What a command says that is interrupted while a request of it is held."""
    with commands.latm(folder, "tune", *arguments) as terminal:
        assert hold.reached.wait(60)
        terminal.press("\x03")
        code = terminal.end()
    hold.opened.set()
    assert code == INTERRUPTED, terminal.text
    assert "Traceback" not in terminal.text
    return terminal.text.splitlines()[-1]


@pytest.mark.parametrize(
    "held",
    [pytest.param("GET /v1/fine_tuning/jobs/", marks=pytest.mark.soak), "POST /v1/fine_tuning/jobs"],
)
def test_a_training(commands: Nursery, tmp_path: Path, held: str) -> None:
    hold = Hold(held)
    with service(tmp_path, hold) as server:
        said = interrupted(commands, tmp_path, hold, "train", "pets.toml", *TUNED)
        code, again = commands.run(tmp_path, "tune", "train", "pets.toml", *TUNED)

    assert said == (
        "latm: interrupted; the same command goes on with the training, or follows the job that is under way"
    )
    assert (code, len(server.jobs), len(server.models)) == (0, 1, 1), again.text


def test_a_comparison(commands: Nursery, tmp_path: Path) -> None:
    hold = Hold(notes(2, 12)[-1]["text"])
    with service(tmp_path, hold) as server:
        trained, _ = commands.run(tmp_path, "tune", "train", "pets.toml", *TUNED)
        before = len(server.requests)
        compare = ("compare", "pets.toml", "-d", "real.jsonl", "--concurrency", "1", *TUNED)
        said = interrupted(commands, tmp_path, hold, *compare)
        status, listed = commands.run(tmp_path, "tune", "status", "--json")
        code, again = commands.run(tmp_path, "tune", *compare, "--json")
        asked = [json.dumps(each.body) for each in server.requests[before:]]

    assert trained == 0
    assert said == (
        "latm: interrupted; the replies so far are kept; the same command asks for the others alone"
    )
    assert (status, '"status": "succeeded"' in listed.text) == (0, True), listed.text
    assert code == 0, again.text
    assert '"number": 1' in again.text, "what was interrupted is no comparison"
    assert len(asked) == 2 * 12 + 1, "only what was held is asked once more"


def test_a_review_that_has_texts_rewritten(commands: Nursery, tmp_path: Path) -> None:
    reply = json.dumps({"texts": [{"number": 1, "text": "It was purring on my sofa all day long."}]})
    hold = Hold("Canines")
    with service(tmp_path, hold, reply) as server:
        (tmp_path / "pets.toml").write_text("samples = 40\nwords = [1, 99]\n" + SPEC)
        lines = notes(1, 40)
        train = written(tmp_path / "data/pets/train.jsonl", [*lines, {**lines[0], "label": "dog"}])
        said = interrupted(commands, tmp_path, hold, "review", "pets.toml", "--fix", "rewrite")
        left, aside = texts_of(train), texts_of(tmp_path / "data/pets/dropped.jsonl")
        code, again = commands.run(tmp_path, "tune", "synthesise", "pets.toml")

    assert said == (
        "latm: interrupted; what was paid for is in the journal of the library; latm tune synthesise "
        "pets.toml has texts written for those that were dropped by then"
    )
    assert sorted(left + aside) == sorted([*(each["text"] for each in lines), lines[0]["text"]])
    assert code == 0, again.text
    assert len(texts_of(train)) == 40, again.text
    assert server.requests != []


def test_a_review_alone(commands: Nursery, tmp_path: Path) -> None:
    with service(tmp_path, Hold("nothing")) as server:
        written(tmp_path / "data/pets/train.jsonl", notes(1, 400))
        with commands.latm(tmp_path, "tune", "review", "pets.toml", "-d", "real.jsonl") as terminal:
            terminal.until("working")
            terminal.press("\x03")
            code = terminal.end()

    assert (code, server.requests) == (INTERRUPTED, []), terminal.text
    assert terminal.text.splitlines()[-1] == (
        "latm: interrupted; nothing is left half done; the same command begins afresh"
    )


def texts_of(file: Path) -> list[str]:
    return [json.loads(line)["text"] for line in file.read_text().splitlines()]
