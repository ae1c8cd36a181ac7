"""The service and the batch of docs/embedding.md, written to files as they stand there, and run."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from fastapi.testclient import TestClient

from adding import Models, serving
from docs_blocks import blocks
from latm import Config, Engine
from latm.testing import HttpReply, OpenAIServer, openai_error

pytestmark = pytest.mark.docker


def files(repo: Path, folder: Path) -> None:
    """Write the page's programs."""
    found = [each for each in blocks(repo / "docs" / "embedding.md", "python") if each.title.endswith(".py")]
    assert [each.title for each in found] == ["app.py", "batch.py"]
    for each in found:
        (folder / each.title).write_text(each.code, encoding="utf-8")


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def folder(
    repo: Path, tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, OpenAIServer]]:
    """A folder with the programs, a configuration, and a library with one tool; and who answers."""
    files(repo, tmp_path)
    monkeypatch.chdir(tmp_path)
    with serving(tmp_path, models) as server:
        yield tmp_path, server


def service(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location("app_of_the_page", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app


def test_the_service_answers_and_learns_what_is_right(folder: tuple[Path, OpenAIServer]) -> None:
    with TestClient(service(folder[0])) as client:
        tool = client.post("/answers", json={"text": "What do 5 and 6 add up to?"}).json()
        assert (tool["text"], tool["route"]) == ("11", "tool")
        model = client.post("/answers", json={"text": "How old is one who is 7?"}).json()
        assert (model["text"], model["route"]) == ("7", "model")
        assert client.post("/feedback", json={"run": tool["run"], "correct": "12"}).status_code == 204
        assert client.post("/feedback", json={"run": "ask-0", "correct": True}).status_code == 404
        for text in ("", " \n", "x" * 20_001):
            assert client.post("/answers", json={"text": text}).status_code == 422
    with Engine(Config.load("latm.toml")) as engine:
        (audit,) = engine.library.audits(engine.library.get("adding"))
        assert (audit.question, audit.answer, audit.other) == ("What do 5 and 6 add up to?", "11", "12")
        assert (audit.agreed, audit.source) == (False, "feedback")


def test_the_service_streams_in_order(folder: tuple[Path, OpenAIServer], models: Models) -> None:
    models.odd["late"] = openai_error(400, "no such thing")
    asked = [{"text": f"What do {number} and 1 add up to?"} for number in range(6)]
    with TestClient(service(folder[0])) as client:
        whole = client.post("/answers/stream", json=asked)
        assert whole.headers["content-type"] == "application/jsonl"
        assert [json.loads(line)["text"] for line in whole.text.splitlines()] == list("123456")
        broken = client.post("/answers/stream", json=[asked[0], {"text": "Why so late?"}, asked[1]])
        first, last = map(json.loads, broken.text.splitlines())
        assert first["text"] == "1"
        assert "no such thing" in last["error"]


def test_the_service_says_when_a_model_does_not_deliver(
    folder: tuple[Path, OpenAIServer], models: Models
) -> None:
    models.odd["closed"] = openai_error(400, "no such thing")
    with TestClient(service(folder[0])) as client:
        refused = client.post("/answers", json={"text": "Is it closed?"})
        assert refused.status_code == 503
        assert "no such thing" in refused.json()["detail"]
        assert client.post("/answers", json={"text": "What do 1 and 1 add up to?"}).json()["text"] == "2"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_client_that_goes_away_ends_its_stream(
    folder: tuple[Path, OpenAIServer], models: Models
) -> None:
    models.odd["slow"] = HttpReply(body={}, hold=True)
    app = service(folder[0])
    body = json.dumps([{"text": "What do 1 and 1 add up to?"}, {"text": "Is it slow?"}]).encode()
    got_line = anyio.Event()
    sent = [{"type": "http.request", "body": body, "more_body": False}]
    lines: list[bytes] = []

    async def receive() -> dict[str, object]:
        if sent:
            return sent.pop()
        await got_line.wait()
        assert await anyio.to_thread.run_sync(models.met.wait, 20)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message.get("body"):
            lines.append(message["body"])
            got_line.set()

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/answers/stream",
        "raw_path": b"/answers/stream",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "server": ("test", 80),
        "client": ("test", 1),
    }
    with anyio.fail_after(60):
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)
    (line,) = lines
    assert json.loads(line)["text"] == "2"


def run_batch(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "batch.py", "in.jsonl", "out.jsonl"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_batch_goes_on_where_it_stopped(folder: tuple[Path, OpenAIServer], models: Models) -> None:
    place, _ = folder
    texts = [f"What do {number} and 1 add up to?" for number in range(30)]
    texts[20] = "What is 20 and one?"
    (place / "in.jsonl").write_text("".join(json.dumps({"question": text}) + "\n" for text in texts))
    models.odd["20 and one"] = openai_error(400, "no such thing")
    stopped = run_batch(place)
    assert stopped.returncode == 1, stopped.stderr
    assert "question 21 was not answered" in stopped.stderr
    assert "20 answered" in stopped.stderr
    models.odd.clear()
    done = run_batch(place)
    assert (done.returncode, "30 answered" in done.stderr) == (0, True), done.stderr
    answers = [json.loads(line) for line in (place / "out.jsonl").read_text().splitlines()]
    assert [answer["text"] for answer in answers] == [str(n + 1) if n != 20 else "20" for n in range(30)]
    assert {answer["route"] for answer in answers[:20]} == {"tool"}
    assert answers[20]["route"] == "model"
