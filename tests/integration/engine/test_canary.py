"""No key is ever found where it has no business: every place is searched for one that stands out."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from latm import Config, Engine, Example, LatmError
from latm.plugin import hookimpl
from latm.testing import AnthropicServer, HttpReply, OpenAIServer, RecordedRequest

KEYS = {name: f"sk-canary-{name}-0123456789" for name in ("table", "hook", "environment", "header")}
CANARY = "sk-canary"


def seen(request: RecordedRequest) -> str:
    """The key of a request, as a service has it."""
    return request.headers.get("authorization") or request.headers["x-api-key"]


def echo(request: RecordedRequest) -> HttpReply:
    """Fails in another way at each request, with the key and all headers in the text."""
    told = f"bad key {seen(request)} of {dict(request.headers)}"
    number = int(request.headers.get("x-number", 0))
    ways = [
        HttpReply(status=401, body={"error": {"message": told}}),
        HttpReply(status=500, body=told, headers={"retry-after": "0"}),
        # Not in the header: the HTTP library itself logs response headers at DEBUG.
        HttpReply(status=307, body=told, headers={"location": "http://127.0.0.1:1/elsewhere"}),
        HttpReply(body=told),
        HttpReply(body={"error": {"message": told, "code": 400}}),
        HttpReply(reset=True),
        HttpReply(body={"choices": told}),
    ]
    return ways[number]


class Vault:
    """Hands keys over, and fails with one in its text where it has none."""

    @hookimpl
    def latm_secret(self, provider: str, env: str) -> str | None:
        if provider == "anthropic":
            return KEYS["hook"]
        raise RuntimeError(f"no key but {KEYS['hook']}")


@pytest.fixture
def texts(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """All that was logged, at every level, and printed."""
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2", "latm"):
        caplog.set_level(logging.DEBUG, logger=name)

    def read() -> list[str]:
        printed = capfd.readouterr()
        logged = [f"{each.getMessage()} {each.args!r} {each.__dict__!r}" for each in caplog.records]
        assert logged, "nothing was logged, so that nothing was searched"
        return [*logged, printed.out, printed.err]

    return read


@pytest.mark.parametrize(
    ("where", "number"),
    [
        # Each way in which a service tells a key again, for one place of the key; for the others by turns.
        pytest.param(where, way, marks=pytest.mark.soak if number and way % 3 != number else ())
        for number, where in enumerate(("table", "hook", "environment"))
        for way in range(7)
    ],
)
def test_no_key_is_found_anywhere(
    tmp_path: Path, texts: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, where: str, number: int
) -> None:
    found: list[str] = []

    def listen(name: str, fields: Mapping[str, object]) -> None:
        found.append(f"{name} {dict(fields)!r}")

    monkeypatch.setenv("OPENAI_API_KEY", KEYS["environment"])
    server = AnthropicServer if where == "hook" else OpenAIServer
    provider = "anthropic" if where == "hook" else "openai"
    with server(echo) as served, server(["Answer: 7"] * 9) as kind:
        table: dict[str, Any] = {
            "base_url": served.base_url,
            "headers": {"X-Secret": KEYS["header"], "X-Number": str(number)},
            **({"api_key": KEYS["table"]} if where == "table" else {}),
        }
        key_env = {} if where == "table" else {"key_env": "OPENAI_API_KEY"}
        alias = {**table, "use": provider, "base_url": kind.base_url, **key_env}
        config = Config(
            roles={
                role: {"model": f"{name}:m", "record": str(tmp_path / f"{role}.jsonl")}
                for role, name in (
                    ("maker", provider),
                    ("dispatcher", provider),
                    ("fallback", "kind"),
                    ("user", "kind"),
                )
            },
            providers={provider: table, "kind": alias},
            library=f"sqlite:///{tmp_path / 'latm.db'}",
            retry={"attempts": 2, "total_s": 5.0},
            events={"content": True},
        )
        found.append(repr(config))
        with Engine(config, plugins={"vault": Vault()}, on_event=listen) as engine:
            found.append(f"{engine!r} {vars(engine)!r} {engine.ledger!r}")
            for work in (
                lambda: engine.make("t", [Example(f"q{n}", "a") for n in range(6)]),
                lambda: engine.solve("q"),
                lambda: engine.use("t", "q"),
            ):
                try:
                    found.append(repr(work()))
                except LatmError as error:
                    found.append("".join(traceback.format_exception(error)))
                    found.append(repr(vars(error)))
            found.append(f"{engine.ledger.entries()!r} {engine.library.journal()!r}")
        assert all(CANARY in seen(each) for each in (*served.requests, *kind.requests))
        assert served.requests
    found += texts()
    assert [text[:400] for text in found if CANARY in text] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 1
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []
