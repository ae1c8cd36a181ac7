"""What holds for every service, through its real SDK against a server on the loopback interface."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from email.utils import formatdate
from time import time
from types import MappingProxyType

import anyio
import pytest

from latm._plugins import ModelRef, Plugins, create_backend
from latm.errors import (
    ConfigError,
    Refused,
    Rejected,
    Throttled,
    Timeout,
    Truncated,
    Unauthorized,
    Unavailable,
)
from latm.plugin import Call, Function, Message, Reply, Usage
from latm.testing import HttpReply

pytestmark = pytest.mark.anyio
CANARY = "sk-canary-0123456789"
# What depends on the loop is in the conformance checks, which run on both.
both_loops = pytest.mark.parametrize(
    "anyio_backend", ["asyncio", pytest.param("trio", marks=pytest.mark.soak)]
)


@pytest.fixture
def hello(wire):
    from latm.plugin import Request

    return Request(messages=(Message("user", "hello"),))


@both_loops
async def test_a_reply_has_text_model_and_usage_in_buckets_that_share_none(wire, hello):
    usage = Usage(input=11, cache_read=5, cache_write=3, output=7)
    with wire.server([Reply(text="hi", usage=usage, model="served-model")]) as server:
        async with wire.backend(server) as backend:
            reply = await backend.complete(hello)
        assert server.usage == usage
    assert (reply.text, reply.usage, reply.model, reply.calls) == ("hi", usage, "served-model", ())
    assert reply.finish_reason in ("stop", "end_turn", "completed")
    assert all(key.startswith(f"{wire.provider}.") for key in reply.metadata)
    assert len(server.requests) == 1
    assert CANARY in str(dict(server.requests[0].headers))


async def test_a_function_is_offered_and_its_call_read(wire, hello):
    function = Function(
        name="sort", description="Sorts.", parameters={"type": "object", "properties": {"words": {}}}
    )
    calls = (Call("sort", {"words": ["b", "a"]}), Call("sort", {}))
    with wire.server([Reply(text="", calls=calls, usage=Usage(), model="")]) as server:
        async with wire.backend(server) as backend:
            reply = await backend.complete(replace(hello, functions=(function,)))
    assert reply.calls == calls
    assert reply.text == ""
    (tool,) = server.requests[0].body["tools"]
    assert "sort" in json.dumps(tool)
    assert function.parameters in (
        tool.get("input_schema"),
        tool.get("parameters"),
        tool.get("function", {}).get("parameters"),
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected), (401, Unauthorized), (402, Unauthorized), (403, Unauthorized), (404, Rejected),
        (408, Timeout), (409, Unavailable), (413, Rejected), (422, Rejected), (429, Throttled),
        (500, Unavailable), (502, Unavailable), (503, Unavailable), (529, Throttled),
    ],
)  # fmt: skip
async def test_each_status_is_its_error_after_one_request(wire, status, kind):
    error = await wire.failure([wire.refusal(status)])
    assert type(error) is kind
    assert error.status == status
    assert "the service says no" in str(error)
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b'"no"', b"[]", b'{"error": "no"}', b"{"])
async def test_an_error_without_the_service_s_shape_is_still_its_error(wire, body):
    error = await wire.failure([HttpReply(status=503, body=body)])
    assert type(error) is Unavailable
    assert error.status == 503


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", None), ("junk", None), ("86400000", 86400000.0), (None, None)],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_in_seconds_is_handed_on(wire, status, header, seconds):
    headers = {} if header is None else {"retry_after": header}
    error = await wire.failure([wire.refusal(status, **headers)])
    assert error.retry_after == seconds


async def test_retry_after_as_a_date_is_handed_on_in_seconds(wire):
    error = await wire.failure([wire.refusal(429, retry_after=formatdate(time() + 60, usegmt=True))])
    assert 50 < error.retry_after <= 60


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>login</html>", "not JSON"),
        (b"", "it is empty"),
        (b'{"id": "x", "choi', "not JSON"),
        (b"null", "NoneType instead of an object"),
        (b"[1]", "list instead of an object"),
        (b"{}", "the reply has no "),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"model": "a", "model": "b"}', "'model' stands twice"),
        (b"[" * 50_000, "nested too deeply"),
        (b"\xff\xfe\x00", "the reply cannot be read"),
        (b'{"choices": [], "content": {}, "output": 3}', "the reply has no "),
        (b'{"choices": [null], "content": [null], "output": [null]}', "neither text nor calls"),
        (b'{"choices": [{"message": {"content": null}}], "content": [], "output": []}', "neither text nor"),
        (b'{"choices": {"a": 1}, "content": null, "output": null}', "the reply has no "),
        (b'{"error": {"message": "out of memory"}}', "out of memory"),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
async def test_a_success_that_cannot_be_read_is_unavailable(wire, body, says, kind):
    error = await wire.failure([HttpReply(body=body, headers={"Content-Type": kind})])
    assert type(error) is Unavailable
    assert says in str(error)


@both_loops
async def test_a_body_that_ends_early_is_unavailable(wire):
    error = await wire.failure([HttpReply(body=b'{"x": 1}' + b" " * 100, sent=20)])
    assert type(error) is Unavailable


@both_loops
async def test_a_connection_that_is_reset_is_unavailable(wire):
    error = await wire.failure([HttpReply(reset=True)])
    assert type(error) is Unavailable


@both_loops
async def test_a_refused_connection_is_unavailable(wire, hello):
    with wire.server([]) as server:
        gone = server
    async with wire.backend(gone) as backend:
        with pytest.raises(Unavailable, match="no connection"):
            await backend.complete(hello)


@both_loops
@pytest.mark.parametrize("sent", [None, 3])
async def test_a_service_that_falls_silent_is_a_timeout(wire, hello, sent):
    with wire.server([HttpReply(body=b'{"x": 1}', hold=True, sent=sent)]) as server:
        async with wire.backend(server) as backend:
            with pytest.raises(Timeout, match=r"no reply (within 0\.3 s|in time)"):
                await backend.complete(replace(hello, timeout_s=0.3))
        async with wire.backend(server, timeout_s=0.0001) as backend:
            with pytest.raises(Timeout):
                await backend.complete(hello)


@both_loops
async def test_cancelling_returns_at_once(wire, hello):
    with wire.server([HttpReply(hold=True)]) as server:
        async with wire.backend(server) as backend, anyio.create_task_group() as group:
            group.start_soon(backend.complete, hello)
            await anyio.to_thread.run_sync(server.arrived.wait)
            started = anyio.current_time()
            group.cancel_scope.cancel()
        assert anyio.current_time() - started < 1.0


@both_loops
async def test_a_redirect_is_not_followed_and_the_key_stays_here(wire):
    with wire.server(["stolen"]) as elsewhere:
        place = f"{elsewhere.base_url}/v1?key=1"
        error = await wire.failure([HttpReply(status=307, headers={"Location": place})])
        assert elsewhere.requests == []
    assert type(error) is Rejected
    assert "set base_url" in str(error)


@both_loops
@pytest.mark.parametrize("status", [200, 500])
async def test_a_compressed_body_is_refused_unread(wire, status):
    bomb = gzip.compress(b"0" * 50_000_000)
    headers = {"Content-Encoding": "gzip"}
    error = await wire.failure([HttpReply(status=status, body=bomb, headers=headers)])
    assert type(error) is Unavailable
    assert "compressed (gzip)" in str(error)


async def test_nothing_compressed_is_asked_for(wire, hello):
    with wire.server(["hi"]) as server:
        async with wire.backend(server) as backend:
            await backend.complete(hello)
    assert server.requests[0].headers["accept-encoding"] == "identity"


@both_loops
async def test_an_endless_body_is_cut_off(wire, monkeypatch):
    monkeypatch.setattr("latm.sdk.MAX_BODY_BYTES", 1000)
    # The rest never comes: who waits for it waits for the timeout.
    error = await wire.failure([HttpReply(body=b" " * 4_000_000, sent=2_000_000, hold=True)])
    assert type(error) is Unavailable
    assert "more than 1000 bytes" in str(error)


async def test_a_cut_reply_is_truncated_and_its_tokens_are_counted(wire):
    reason = "max_tokens" if wire.provider == "anthropic" else "length"
    cut = Reply(text="once upon", usage=Usage(input=2, output=9), model="m", finish_reason=reason)
    error = await wire.failure([cut])
    assert type(error) is Truncated
    assert error.reply.text == "once upon"
    assert error.reply.usage == Usage(input=2, output=9)


@pytest.mark.parametrize(
    "script",
    [
        [HttpReply(status=401, body=f'{{"error": {{"message": "no such key: {CANARY}"}}}}')],
        [HttpReply(status=400, body=f"<b>{CANARY}</b>")],
        [HttpReply(body=f"<b>{CANARY}</b>")],
        [HttpReply(body=f'{{"error": "{CANARY}"}}')],
        [HttpReply(status=302, headers={"Location": f"http://x/{CANARY}"})],
        [HttpReply(reset=True)],
    ],
)
async def test_the_key_is_in_nothing_that_an_error_shows(wire, script):
    from traceback import format_exception

    error = await wire.failure(script)
    assert CANARY not in "".join([str(error), repr(error), *format_exception(error)])


@pytest.mark.parametrize("key", ["sk-canary 0123456789", "sk-canary\x00", "sk-canäry"])
async def test_a_key_that_no_header_can_carry_is_named_without_being_shown(wire, key):
    with pytest.raises(Unauthorized, match=f"{wire.provider.upper()}_API_KEY") as caught:
        create_backend(Plugins.load(), ModelRef(wire.provider, "m"), wire.options, key)
    assert "can" not in str(caught.value).replace("can ", "")


async def test_a_line_break_behind_a_key_is_dropped(wire, hello):
    with wire.server(["hi"]) as server:
        options = {"base_url": server.base_url, **wire.options}
        backend = create_backend(Plugins.load(), ModelRef(wire.provider, "m"), options, CANARY + "\n")
        await backend.complete(hello)
        await backend.aclose()


async def test_the_backend_does_not_show_the_key(wire):
    with wire.server([]) as server:
        async with wire.backend(server) as backend:
            assert CANARY not in repr(backend)
            assert CANARY not in repr(vars(backend))


@both_loops
async def test_closing_twice_is_allowed(wire):
    with wire.server([]) as server:
        async with wire.backend(server) as backend:
            await backend.aclose()


@pytest.mark.parametrize("option", ["base_ulr", "timeout", "temperature"])
async def test_an_unknown_option_is_an_error_before_any_call(wire, option):
    with pytest.raises(ConfigError, match=f"providers.{wire.provider}: unknown option '{option}'"):
        create_backend(Plugins.load(), ModelRef(wire.provider, "m"), {option: "x"}, CANARY)


async def test_a_missing_key_is_named_even_where_the_provider_is_used_alone(wire):
    with pytest.raises(Unauthorized, match=f"{wire.provider.upper()}_API_KEY"):
        Plugins.load().provider(wire.provider).create("m", wire.options)


async def test_a_server_of_one_s_own_needs_no_key(wire, hello):
    with wire.server(["hi"]) as server:
        options = {"base_url": server.base_url, "use": wire.provider, **wire.options}
        backend = create_backend(Plugins.load(), ModelRef("mine", "m"), options)
        assert (await backend.complete(hello)).text == "hi"
        await backend.aclose()


async def test_an_alias_does_not_send_the_other_provider_s_key(wire, hello, monkeypatch):
    monkeypatch.setenv(f"{wire.provider.upper()}_API_KEY", CANARY)
    with wire.server(["hi"]) as server:
        options = {"base_url": server.base_url, "use": wire.provider, **wire.options}
        backend = create_backend(Plugins.load(), ModelRef("mine", "m"), options)
        await backend.complete(hello)
        await backend.aclose()
        assert CANARY not in str(dict(server.requests[0].headers))


@both_loops
async def test_many_at_once_each_get_their_own(wire):
    def echo(request):
        turns = request.body.get("messages") or request.body["input"]
        return turns[-1]["content"]

    from latm.plugin import Request

    replies = {}

    async def ask(backend, text):
        replies[text] = (await backend.complete(Request(messages=(Message("user", text),)))).text

    with wire.server(echo) as server:
        async with wire.backend(server) as backend, anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(ask, backend, f"question {number}")
    assert replies == {text: text for text in replies}
    assert len(replies) == 20


async def test_a_refusal_is_refused(wire, hello):
    bodies = {
        "openai": {
            "choices": [{"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"}],
            "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "I can't."}]}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "input_tokens": 3, "output_tokens": 2},
        },
        "anthropic": {
            "content": [],
            "stop_reason": "refusal",
            "usage": {"input_tokens": 3, "output_tokens": 2},
        },
    }
    error = await wire.failure([HttpReply(body=bodies[wire.provider])], hello)
    assert type(error) is Refused
    assert error.reply.usage == Usage(input=3, output=2)


@pytest.mark.parametrize("system", [None, "Be brief."])
async def test_a_schema_is_advice_where_the_options_say_so(wire, hello, system):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    with wire.server(["{}"]) as server:
        async with wire.backend(server, enforce_schema=False) as backend:
            await backend.complete(replace(hello, system=system, response_schema=schema))
    body = server.requests[0].body
    assert not {"response_format", "text", "output_config"} & body.keys()
    said = body.get("system") or body.get("instructions") or body["messages"][0]["content"]
    assert said.startswith(system or "Reply with JSON only")
    assert json.dumps(schema) in said


@pytest.mark.parametrize("enforce", [True, False])
async def test_schemas_that_are_read_only_are_written_all_the_same(wire, hello, enforce):
    schema = MappingProxyType({"type": "object", "properties": MappingProxyType({"a": {"type": "integer"}})})
    function = Function(name="f", parameters=schema)
    with wire.server(["{}"]) as server:
        async with wire.backend(server, enforce_schema=enforce) as backend:
            await backend.complete(replace(hello, response_schema=schema, functions=(function,)))
    assert '"integer"' in json.dumps(server.requests[0].body["tools"])


@both_loops
async def test_a_request_that_no_sdk_can_write_is_rejected_and_nothing_is_sent(wire, hello):
    with wire.server([]) as server:
        async with wire.backend(server) as backend:
            with pytest.raises(Rejected, match="the request cannot be made"):
                await backend.complete(
                    replace(hello, functions=(Function(name="f", parameters={"a": object()}),))
                )
            await backend.aclose()
            with pytest.raises(Unavailable, match="closed"):
                await backend.complete(hello)
        assert server.requests == []


async def test_a_server_that_does_not_name_the_model_means_the_one_that_was_asked_for(wire, hello):
    body = {
        "choices": [{"message": {"content": "hi"}}],
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}],
        "content": [{"type": "text", "text": "hi"}],
    }
    with wire.server([HttpReply(body=body)]) as server:
        async with wire.backend(server) as backend:
            assert (await backend.complete(hello)).model == "some-model"
