"""The provider in all the situations that a service can put it into, played on this machine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import anyio
import pytest

import latm_example
from latm import Config, Engine
from latm.plugin import (
    BackendError,
    Call,
    Function,
    Message,
    Refused,
    Rejected,
    Reply,
    Request,
    Throttled,
    Truncated,
    Unauthorized,
    Unavailable,
    Usage,
)
from latm.testing import (
    HttpReply,
    OpenAIServer,
    RecordedRequest,
    Report,
    Scenario,
    check_provider,
    openai_error,
    read_request,
)

KEY = "key-0123456789"
USAGE = Usage(input=7, cache_read=2, output=3)
SORT = Function(name="sort", parameters={"type": "object", "properties": {"words": {"type": "array"}}})
CALLS = (Call("sort", {"words": ["b", "a"]}),)
(SPEC,) = latm_example.latm_providers()

HELLO = Request(messages=(Message("user", "hello"),))

Line = str | Reply | HttpReply


def ended(reason: str, *, calls: tuple[Call, ...] = ()) -> Reply:
    return Reply(
        text="" if calls else "Once upon", usage=USAGE, model="small", finish_reason=reason, calls=calls
    )


def situations(stack: ExitStack) -> dict[str, Scenario]:
    """One server for each: what it does, and what must come of it."""

    def at(
        script: Callable[[RecordedRequest], Line] | Line,
        *,
        expect: type[BackendError] | None = None,
        usage: Usage | None = None,
        retry_after: float | None = None,
        functions: tuple[Function, ...] = (),
        calls: tuple[Call, ...] | None = None,
        echo: bool = False,
        silent: bool = False,
    ) -> Scenario:
        server = stack.enter_context(OpenAIServer(script if callable(script) else lambda _: script))
        return Scenario(
            model="small",
            options={"base_url": server.base_url},
            request=Request(messages=(Message("user", "Say something."),), functions=functions),
            expect=expect,
            usage=usage,
            retry_after=retry_after,
            calls=calls,
            echo=echo,
            silent=silent,
            served=lambda: len(server.requests),
            connections=lambda: server.open_connections,
        )

    wait = openai_error(429, retry_after="7")
    return {
        "plain": at(lambda asked: read_request(asked).messages[-1].text, echo=True),
        "tokens": at(ended("stop"), usage=USAGE),
        "a call": at(ended("tool_calls", calls=CALLS), functions=(SORT,), calls=CALLS, usage=USAGE),
        "a wrong request": at(openai_error(400), expect=Rejected),
        "a wrong key": at(openai_error(401, f"{KEY} is not known"), expect=Unauthorized),
        "out of credit": at(openai_error(429, code="insufficient_quota"), expect=Unauthorized),
        "too many requests": at(wait, expect=Throttled, retry_after=7.0),
        "down": at(openai_error(503), expect=Unavailable),
        "a proxy's page": at(openai_error(502), expect=Unavailable),
        "a login page": at(HttpReply(body="<html>"), expect=Unavailable),
        "an empty reply": at(HttpReply(body={"choices": []}), expect=Unavailable),
        "a broken connection": at(HttpReply(body="{}" * 50, sent=9, reset=True), expect=Unavailable),
        "cut": at(ended("length"), expect=Truncated, usage=USAGE),
        "refused": at(ended("refusal"), expect=Refused, usage=USAGE),
        "silent": at(HttpReply(hold=True), silent=True),
    }


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_provider_conforms(loop: str) -> None:
    async def judge() -> Report:
        module = "latm_example" if loop == "asyncio" else None  # in fresh processes once, that takes longer
        with ExitStack() as stack:
            return await check_provider(SPEC, situations(stack), module=module, sdk="httpx2")

    report = anyio.run(judge, backend=loop)
    assert report.passed, str(report)


def complete(request: Request, base_url: str) -> Reply:
    """What the provider makes of one request."""

    async def ask() -> Reply:
        backend = SPEC.create("small", {"api_key": KEY, "base_url": base_url})
        try:
            return await backend.complete(request)
        finally:
            await backend.aclose()

    return anyio.run(ask)


def test_all_that_a_request_holds_is_sent() -> None:
    asked = Request(
        messages=(Message("user", "one"), Message("assistant", "two"), Message("user", "three")),
        system="Be brief.",
        max_output_tokens=99,
        temperature=0.5,
        stop=("END",),
        functions=(SORT,),
        response_schema={"type": "object", "properties": {}},
    )
    with OpenAIServer(["hello"]) as server:
        complete(asked, server.base_url)
    (recorded,) = server.requests
    assert recorded.headers["authorization"] == f"Bearer {KEY}"
    assert read_request(recorded) == asked


def test_the_service_may_quote_the_key_but_an_error_does_not() -> None:
    with (
        OpenAIServer(lambda _: openai_error(401, f"the key {KEY} is not known")) as server,
        pytest.raises(Unauthorized, match=r"HTTP 401: the key \*\*\* is not known"),
    ):
        complete(HELLO, server.base_url)


def test_where_nobody_listens_nothing_was_sent_so_nothing_is_owed() -> None:
    with OpenAIServer(["hello"]) as server:
        url = server.base_url
    with pytest.raises(Unavailable, match=r"no connection to 127\.0\.0\.1:\d+, ") as caught:
        complete(HELLO, url)
    assert not caught.value.sent


def test_an_engine_answers_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def model(recorded: RecordedRequest) -> str:
        return "none" if read_request(recorded).response_schema else "Nairobi"

    monkeypatch.setenv(latm_example.KEY_ENV, KEY)
    with OpenAIServer(model) as server:
        config = Config(
            roles={"maker": "example:small", "user": "example:small", "dispatcher": "example:small"},
            providers={"example": {"base_url": server.base_url}},
            library="sqlite://",
        )
        with Engine(config) as engine:
            answer = engine.solve("What is the capital of Kenya?")
            assert (answer.text, answer.route) == ("Nairobi", "model")
            assert engine.ledger.total().usage == server.usage
