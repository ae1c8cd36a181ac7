"""Tests of a plugin and of an application, with what latm ships for them."""

from __future__ import annotations

import anyio
import plugins

from latm import Config, Engine
from latm.plugin import Message, Reply, Request, Unavailable, Usage
from latm.testing import (
    HttpReply,
    HttpServer,
    OpenAIServer,
    RecordedRequest,
    Report,
    Scenario,
    ScriptedBackend,
    check_provider,
    openai_error,
    read_request,
    scripted_provider,
)


def script(request: Request) -> Reply:
    text = "none" if request.response_schema else request.messages[-1].text
    return Reply(text=text, usage=Usage(), model="scripted")


def model(recorded: RecordedRequest) -> Reply | HttpReply:
    return script(read_request(recorded)) if recorded.method == "POST" else openai_error(400)


async def judge() -> Report:
    (spec,) = plugins.latm_providers()
    down = Scenario(model="m", options={"status": 503}, expect=Unavailable, retry_after=3.0)
    return await check_provider(spec, {"plain": Scenario(model="m", echo=True), "down": down})


def test_the_provider() -> None:
    report = anyio.run(judge)
    assert report.passed, str(report)


def test_the_application() -> None:
    roles = {"maker": "toy:any", "user": "toy:any", "dispatcher": "toy:any"}
    toy = scripted_provider("toy", {"any": script})
    with Engine(Config(roles=roles, library="sqlite://"), plugins={"toy": toy}) as engine:
        assert engine.solve("hello").text == "hello"


def test_the_parts() -> None:
    backend = ScriptedBackend(["first"])
    reply = anyio.run(backend.complete, Request(messages=(Message("user", "hello"),)))
    assert (reply.text, len(backend.requests)) == ("first", 1)
    with OpenAIServer(model) as service, HttpServer(lambda request: HttpReply(body=request.path)) as other:
        print(service.base_url, service.usage, other.requests)
