"""What is Anthropic's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from latm._plugins import ModelRef, Plugins, create_backend
from latm.errors import BackendError, Rejected, Truncated
from latm.plugin import Call, Function, Message, Reply, Request, Usage
from latm.testing import AnthropicServer, HttpReply

pytestmark = pytest.mark.anyio
HELLO = Request(messages=(Message("user", "hello"),))


async def exchange(reply, request=HELLO, **options: object):
    """The reply to a request, or the error, and what the server saw of it."""
    with AnthropicServer([reply]) as server:
        backend = create_backend(
            Plugins.load(),
            ModelRef("anthropic", "claude-x"),
            {"base_url": server.base_url, **options},
            "sk-test",
        )
        try:
            return await backend.complete(request), server.requests[0]
        except BackendError as error:
            return error, server.requests[0] if server.requests else None
        finally:
            await backend.aclose()


def message(content, **more: object):
    """A body of the Messages API."""
    return HttpReply(
        body={
            "id": "msg_7",
            "model": "claude-x-1",
            "content": content,
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 2},
            **more,
        },
        headers={"request-id": "req_7"},
    )


async def test_every_setting_of_a_request_is_written():
    request = replace(
        HELLO,
        system="Be brief.",
        max_output_tokens=9,
        stop=("END",),
        functions=(Function(name="f", description="d"),),
        response_schema={"type": "object", "properties": {"tool": {"enum": ["a"]}}, "required": ["tool"]},
    )
    _, seen = await exchange("hi", request)
    assert seen.path == "/v1/messages"
    schema = seen.body.pop("output_config")["format"]["schema"]
    assert schema["properties"]["tool"]["enum"] == ["a"]
    assert schema["additionalProperties"] is False
    assert seen.body == {
        "model": "claude-x",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hello"}],
        "system": "Be brief.",
        "stop_sequences": ["END"],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}}],
    }


async def test_the_bound_that_the_service_demands_has_a_default():
    _, seen = await exchange("hi")
    assert seen.body["max_tokens"] == 8192
    _, seen = await exchange("hi", max_output_tokens=77)
    assert seen.body["max_tokens"] == 77


async def test_a_large_bound_does_not_make_the_sdk_insist_on_streaming():
    reply, seen = await exchange("hi", replace(HELLO, max_output_tokens=200_000))
    assert reply.text == "hi"
    assert seen.body["max_tokens"] == 200_000


async def test_a_temperature_is_refused_by_name_before_any_call():
    error, seen = await exchange("hi", replace(HELLO, temperature=0.3))
    assert type(error) is Rejected
    assert "temperature" in str(error)
    assert seen is None


async def test_a_choice_between_types_is_enforced():
    # The SDK's own translation fails on a list of types with an AssertionError.
    schema = {"type": "object", "properties": {"task": {"type": ["string", "null"]}}, "required": ["task"]}
    _, seen = await exchange("hi", replace(HELLO, response_schema=schema))
    sent = seen.body["output_config"]["format"]["schema"]
    assert sent["properties"]["task"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}


@pytest.mark.parametrize("system", [None, "Be brief."])
async def test_a_schema_that_cannot_be_enforced_goes_into_the_prompt(system):
    schema = {"type": "no such type"}
    reply, seen = await exchange("hi", replace(HELLO, system=system, response_schema=schema))
    assert reply.text == "hi"
    assert "output_config" not in seen.body
    assert seen.body["system"].startswith(system or "Reply with JSON only")
    assert '{"type": "no such type"}' in seen.body["system"]


async def test_texts_are_joined_and_calls_kept():
    calls = (Call("f", {"a": [1]}),)
    reply, _ = await exchange(Reply(text="so", calls=calls, usage=Usage(), model="m"))
    assert (reply.text, reply.calls, reply.finish_reason) == ("so", calls, "tool_use")
    assert "anthropic.content" not in reply.metadata


async def test_signed_thoughts_go_back_verbatim():
    thought = {"type": "thinking", "thinking": "hm", "signature": "EqQB/x=="}
    spoken = {"type": "text", "text": "hi", "citations": None}
    reply, _ = await exchange(message([thought, spoken]))
    assert reply.text == "hi"
    assert reply.metadata["anthropic.id"] == "msg_7"
    assert reply.metadata["anthropic.request_id"] == "req_7"
    turns = (
        *HELLO.messages,
        Message("assistant", reply.text, metadata=reply.metadata),
        Message("user", "go on"),
    )
    _, seen = await exchange("done", Request(messages=turns))
    assert seen.body["messages"][1] == {"role": "assistant", "content": [thought, spoken]}


async def test_a_foreign_turn_goes_on_as_text():
    turn = Message("assistant", "hi", metadata={"openai.output": [{"type": "reasoning"}]})
    _, seen = await exchange("done", Request(messages=(*HELLO.messages, turn, *HELLO.messages)))
    assert seen.body["messages"][1] == {"role": "assistant", "content": "hi"}


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
async def test_a_cut_reply_is_truncated(reason):
    error, _ = await exchange(message([{"type": "text", "text": "once"}], stop_reason=reason))
    assert type(error) is Truncated
    assert error.reply.text == "once"


async def test_missing_usage_is_said():
    reply, _ = await exchange(message([{"type": "text", "text": "hi"}], usage=None))
    assert reply.usage == Usage()
    assert reply.metadata["anthropic.usage_missing"] is True
