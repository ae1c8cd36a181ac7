"""The service and the batch of docs/embedding.md, written to files as they stand there, and run."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from fastapi.testclient import TestClient

from latm import Config, Demonstration, Engine, Provenance, Tool
from latm.library import Library
from latm.plugin import Usage
from latm.testing import HttpReply, OpenAIServer, RecordedRequest, openai_error, read_request

pytestmark = pytest.mark.docker

ROLES = ("maker", "user", "dispatcher", "fallback")
SOURCE = "def total(numbers: list[int]) -> int:\n    '''Add numbers up.'''\n    return sum(numbers)\n"
TOOL = Tool(
    name="adding",
    version=1,
    source=SOURCE,
    function="total",
    demonstrations=(Demonstration("What do 3 and 4 add up to?", "total([3, 4])"),),
    call_style="call",
    answer_type="number",
    provenance=Provenance(
        protocol="strict",
        maker="openai:maker",
        run="make-1",
        examples_sha256="0" * 64,
        source_sha256="0" * 64,
        usage=Usage(),
        cost_usd=None,
        seconds=0.0,
        created="2026-11-01T00:00:00Z",
    ),
)


def files(repo: Path, folder: Path) -> None:
    """Write the page's programs."""
    text = (repo / "docs" / "embedding.md").read_text(encoding="utf-8")
    found = re.findall(r'^```python title="(\S+)"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in found] == ["app.py", "batch.py"]
    for name, code in found:
        (folder / name).write_text(code, encoding="utf-8")


class Models:
    """All roles behind one server; each request names its model.

    Attributes:
        odd: what a question with this word in it gets instead of the strong model's answer.
        met: set once one of them was asked.
    """

    def __init__(self) -> None:
        self.odd: dict[str, HttpReply] = {}
        self.met = threading.Event()

    def __call__(self, recorded: RecordedRequest) -> str | HttpReply:
        request = read_request(recorded)
        question = request.messages[-1].text
        numbers = [int(each) for each in re.findall(r"\d+", question)]
        match recorded.body["model"]:
            case "dispatcher":
                fits = "add up" in question
                return json.dumps({"decision": "adding" if fits else "none", "task": None})
            case "user":
                return f"```python\ntotal({numbers})\n```"
            case "fallback":
                odd = next((reply for word, reply in self.odd.items() if word in question), None)
                if odd is None:
                    return f"Answer: {sum(numbers)}"
                self.met.set()
                return odd
            case _:
                return "no function of mine"


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
    library = Library("sqlite:///latm.db")
    library.add(TOOL)
    library.close()
    with OpenAIServer(models) as server:
        roles = "".join(f'{role} = "openai:{role}"\n' for role in ROLES)
        table = f'[providers.openai]\nbase_url = "{server.base_url}"\napi_key = "k"\n'
        (tmp_path / "latm.toml").write_text(f"[roles]\n{roles}{table}[auditing]\nfirst = 0\nshare = 0\n")
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
