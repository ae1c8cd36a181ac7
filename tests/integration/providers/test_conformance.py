"""The shipped conformance checks: the built-ins pass them, and each kind of fault is found by them."""

from __future__ import annotations

import http.client
import json
import logging
import threading
from contextlib import ExitStack

import anyio
import anyio.lowlevel
import pytest

from latm import cassettes
from latm._plugins import Plugins
from latm.cassettes import Exchange
from latm.errors import Refused, Rejected, Throttled, Truncated, Unauthorized, Unavailable
from latm.plugin import Message, ProviderSpec, Reply, Request, Usage, read_options
from latm.testing import AnthropicServer, HttpReply, OpenAIServer, Scenario, check_provider

pytestmark = pytest.mark.anyio


def echo(request):
    return (request.body.get("messages") or request.body["input"])[-1]["content"]


def always(line):
    return lambda _request: line


def scenarios(stack: ExitStack, server_kind, options) -> dict[str, Scenario]:
    """One server for each situation."""
    cut = "max_tokens" if server_kind is AnthropicServer else "length"
    usage = Usage(1, 2, 3, 4)

    def at(script, **more: object) -> Scenario:
        server = stack.enter_context(server_kind(script))
        return Scenario(
            model="m",
            options={"base_url": server.base_url, **options},
            served=lambda: len(server.requests),
            **more,
        )

    def status(code, **headers: object):
        return always(HttpReply(status=code, body={"error": {"message": "no"}}, headers=headers))

    return {
        "plain": at(echo, echo=True),
        "usage": at(always(Reply(text="x", usage=usage, model="m")), usage=usage),
        "wrong request": at(status(400), expect=Rejected),
        "wrong key": at(status(401), expect=Unauthorized),
        "throttled": at(status(429, **{"Retry-After": "3"}), expect=Throttled, retry_after=3.0),
        "down": at(status(500), expect=Unavailable),
        "a login page": at(always(HttpReply(body="<html>")), expect=Unavailable),
        "cut": at(always(Reply(text="x", usage=usage, model="m", finish_reason=cut)), expect=Truncated),
        "silent": at(always(HttpReply(hold=True)), silent=True),
    }


@pytest.mark.parametrize(
    ("name", "server", "options"),
    [
        ("openai", OpenAIServer, {}),
        ("openai", OpenAIServer, {"api": "responses"}),
        ("anthropic", AnthropicServer, {}),
    ],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_the_built_ins_over_sdks_pass(name, server, options):
    with ExitStack() as stack:
        report = await check_provider(Plugins.load().provider(name), scenarios(stack, server, options))
    assert report.passed, str(report)
    assert len(report.checks) >= 18


async def test_replay_passes(tmp_path):
    path = tmp_path / "c.jsonl"
    question = Request(messages=(Message("user", "hello"),))
    for _ in range(20):
        cassettes.append(path, Exchange(question, Reply(text="hi", usage=Usage(1, 0, 0, 1), model="m")))
    other = Request(messages=(Message("user", "unheard of"),))
    report = await check_provider(
        Plugins.load().provider("replay"),
        {
            "plain": Scenario(model=str(path), request=question, usage=Usage(1, 0, 0, 1)),
            "unknown": Scenario(model=str(path), request=other, expect=Rejected),
        },
    )
    assert report.passed, str(report)


class Faulty:
    """A backend with one fault of many."""

    def __init__(self, fault, options) -> None:
        self.fault = fault
        self.key = options.get("api_key")

    def __repr__(self) -> str:
        return f"<Faulty {self.key}>" if self.fault == "repr" else "<Faulty>"

    async def complete(self, request):  # noqa: C901 - one case for each fault
        text = request.messages[-1].text
        match self.fault:
            case "prints":
                print("hello")  # noqa: T201 - the fault
            case "logs":
                logging.getLogger("faulty").debug("key %s", self.key)
            case "tells":
                raise Unavailable(f"bad key {self.key}")
            case "raises":
                raise KeyError("x")
            case "returns text":
                return text
            case "nameless":
                return Reply(text=text, usage=Usage(), model="")
            case "bare metadata":
                return Reply(text=text, usage=Usage(), model="m", metadata={"id": 1})
            case "odd metadata":
                return Reply(text=text, usage=Usage(), model="m", metadata={"a.b": b""})
            case "mixes":
                self.last = text
                await anyio.lowlevel.checkpoint()
                return Reply(text=self.last, usage=Usage(), model="m")
            case "never ends":
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(1.5)
        return Reply(text=text, usage=Usage(), model="m")

    async def aclose(self):
        if self.fault == "closes once":
            self.fault = "closed"
        elif self.fault == "closed":
            raise RuntimeError("closed already")


FAULTS = {
    "prints": "nothing is printed",
    "logs": "the key is in no log",
    "repr": "the key is in no repr",
    "tells": "the key is in no repr",
    "raises": "raised KeyError",
    "returns text": "returned a str",
    "nameless": "names no model",
    "bare metadata": "'id' does not begin",
    "odd metadata": "is a bytes",
    "mixes": "got the reply",
    "closes once": "aclose() may be called twice",
    "any option": "unknown option",
    "counts": "2 requests for one call",
    "never ends": "cancelling returns within",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_is_found(fault):
    from dataclasses import make_dataclass

    options_of = make_dataclass("Options", [("api_key", "str | None", None)], frozen=True)

    def create(model, options):
        if fault != "any option":
            read_options(options_of, options, where="providers.faulty")
        return Faulty(model, options)

    counter = iter(range(0, 1000, 2))
    plain = Scenario(model=fault, echo=True, served=(lambda: next(counter)) if fault == "counts" else None)
    arranged = {"plain": plain}
    if fault == "never ends":
        arranged["silent"] = Scenario(model=fault, silent=True)
        arranged["plain"] = Scenario(model="", echo=True)
    spec = ProviderSpec(name="faulty", create=create, key_env="FAULTY_KEY")
    report = await check_provider(spec, arranged)
    assert not report.passed
    assert FAULTS[fault] in str(report)
    assert "canary" not in str(report)


async def test_wrong_expectations_are_said():
    def create(model, options):
        return Faulty(model, options)

    spec = ProviderSpec(name="faulty", create=create)
    report = await check_provider(
        spec,
        {
            "plain": Scenario(model=""),
            "an error": Scenario(model="", expect=Refused),
            "other usage": Scenario(model="", usage=Usage(1)),
            "another error": Scenario(model="tells", expect=Rejected),
        },
    )
    text = str(report)
    assert "FAIL an error: Refused: expected Refused, got a reply" in text
    assert "FAIL other usage: a reply: usage is" in text
    assert "FAIL another error: Rejected: got Unavailable" in text
    with pytest.raises(ValueError, match="plain"):
        await check_provider(spec, {})


def test_nothing_of_a_server_is_left_when_it_is_closed():
    before = set(threading.enumerate())
    with OpenAIServer(["hi"]) as server:
        # A client that stays connected: its thread must not be waited for in vain, nor left behind.
        connection = http.client.HTTPConnection(server.base_url.split("/")[2])
        connection.request("POST", "/v1/chat/completions", body=json.dumps({"model": "m"}))
        assert connection.getresponse().read()
    connection.close()
    assert set(threading.enumerate()) - before == set()
