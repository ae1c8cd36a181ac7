"""The shipped conformance checks: the built-ins pass every one of them."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import ExitStack

import pytest

from integration.providers.wires import WIRES, Wire
from latm import cassettes
from latm._plugins import Plugins
from latm.cassettes import Exchange
from latm.errors import Refused, Rejected, Throttled, Truncated, Unauthorized, Unavailable
from latm.plugin import Call, Function, Message, Reply, Request, Usage
from latm.testing import HttpReply, OpenAIServer, Scenario, check_provider, read_request

pytestmark = pytest.mark.anyio
FUNCTION = Function(name="sort", parameters={"type": "object", "properties": {"words": {"type": "array"}}})
CALLS = (Call("sort", {"words": ["b", "a"]}),)
THOUGHTS = {
    "chat": {"openai.message": {"reasoning_details": [{"type": "reasoning.encrypted", "data": "0xABC"}]}},
    "responses": {"openai.output": [
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "0xABC", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
    ]},
    "messages": {"anthropic.content": [
        {"type": "thinking", "thinking": "hm", "signature": "0xABC"}, {"type": "text", "text": "hi"},
    ]},
}  # fmt: skip


def echo(recorded):
    return read_request(recorded).messages[-1].text


def call_what_is_offered(recorded):
    (function,) = read_request(recorded).functions
    return Reply(text="", calls=(Call(function.name, {"words": ["b", "a"]}),), usage=Usage(1), model="m")


def always(line):
    return lambda _request: line


def scenarios(stack: ExitStack, wire: Wire, protocol: str) -> dict[str, Scenario]:
    """One server for each situation."""
    usage = Usage(1, 2, 3, 4)
    options = {**wire.options, **({"carry": ["reasoning_details"]} if protocol == "chat" else {})}

    def at(script, **more: object) -> Scenario:
        server = stack.enter_context(wire.server(script))
        return Scenario(
            model="m",
            options={"base_url": server.base_url, **options},
            served=lambda: len(server.requests),
            connections=lambda: server.open_connections,
            carried=(lambda: "0xABC" in str(server.requests[-1].body)) if more.pop("again", 0) else None,
            **more,
        )

    def status(code, **headers: str):
        return always(wire.refusal(code, **headers))

    def ended(reason):
        return always(Reply(text="x", usage=usage, model="m", finish_reason=reason))

    asked = Request(messages=(Message("user", "sort b a"),), functions=(FUNCTION,))
    thoughtful = Reply(text="hi", usage=usage, model="m", metadata=THOUGHTS[protocol])
    return {
        "plain": at(echo, echo=True),
        "usage": at(always(Reply(text="x", usage=usage, model="m")), usage=usage),
        "a call": at(call_what_is_offered, request=asked, calls=CALLS),
        "thoughts": at(always(thoughtful), again=True),
        "wrong request": at(status(400), expect=Rejected),
        "wrong key": at(status(401), expect=Unauthorized),
        "throttled": at(status(429, retry_after="3"), expect=Throttled, retry_after=3.0),
        "down": at(status(500), expect=Unavailable),
        "a gateway's page": at(status(502), expect=Unavailable),
        "overloaded": at(status(529), expect=Throttled),
        "a login page": at(always(HttpReply(body="<html>")), expect=Unavailable),
        "cut": at(ended("length"), expect=Truncated, usage=usage),
        "refused": at(ended("refusal"), expect=Refused, usage=usage),
        "broken off": at(always(HttpReply(body="{}" * 50, sent=9, reset=True)), expect=Unavailable),
        "silent": at(always(HttpReply(hold=True)), silent=True),
    }


@pytest.mark.parametrize("protocol", WIRES)
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_the_built_ins_over_sdks_pass(protocol):
    wire = WIRES[protocol]
    with ExitStack() as stack:
        spec = Plugins.load().provider(wire.provider)
        report = await check_provider(spec, scenarios(stack, wire, protocol))
    assert report.passed, str(report)
    assert len(report.checks) == 30, str(report)
    assert [each for each in report.left_out if "module=" not in each] == []


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_the_built_ins_over_sdks_pass_in_fresh_processes(provider):
    wire = next(each for each in WIRES.values() if each.provider == provider)
    with wire.server(echo) as server:
        report = await check_provider(
            Plugins.load().provider(provider),
            {"plain": Scenario(model="m", options={"base_url": server.base_url})},
            module=f"latm_{provider}",
            sdk=provider,
        )
    assert report.passed, str(report)
    assert f"without {provider} there is MissingDependency with a pip line" in str(report)


async def test_replay_passes(tmp_path):
    path = tmp_path / "c.jsonl"
    question = Request(messages=(Message("user", "hello"),))
    for _ in range(30):
        cassettes.append(path, Exchange(question, Reply(text="hi", usage=Usage(1, 0, 0, 1), model="m")))
    other = Request(messages=(Message("user", "unheard of"),))
    report = await check_provider(
        Plugins.load().provider("replay"),
        {
            "plain": Scenario(
                model=str(path), options={"match": "order"}, request=question, usage=Usage(1, 0, 0, 1)
            ),
            "unknown": Scenario(model=str(path), request=other, expect=Rejected),
        },
        module="latm_replay",
    )
    assert report.passed, str(report)


def test_nothing_of_a_server_is_left_when_it_is_closed():
    before = set(threading.enumerate())
    with OpenAIServer(["hi"]) as server:
        # A client that stays connected: its thread must not be waited for in vain, nor left behind.
        connection = http.client.HTTPConnection(server.base_url.split("/")[2])
        connection.request("POST", "/v1/chat/completions", body=json.dumps({"model": "m"}))
        assert connection.getresponse().read()
    connection.close()
    assert set(threading.enumerate()) - before == set()
