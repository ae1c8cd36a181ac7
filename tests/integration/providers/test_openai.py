"""What is OpenAI's own: both of its protocols, and the ways of compatible servers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from latm._plugins import ModelRef, Plugins, create_backend
from latm.errors import Refused, Rejected, Throttled, Unauthorized, Unavailable
from latm.plugin import Function, Message, Request, Usage
from latm.testing import HttpReply, OpenAIServer, openai_error

pytestmark = pytest.mark.anyio
HELLO = Request(messages=(Message("user", "hello"),))
STRICT = {
    "type": "object",
    "properties": {"tool": {"enum": ["a", "b"]}, "more": {"type": "array", "items": {"type": "string"}}},
    "required": ["tool", "more"],
    "additionalProperties": False,
}
LOOSE = {"type": "object", "properties": {"tool": {"type": "string"}}}


async def exchange(reply, request=HELLO, **options: object):
    """The reply to a request, or the error, and what the server saw of it."""
    with OpenAIServer([reply]) as server:
        backend = create_backend(
            Plugins.load(), ModelRef("openai", "gpt-x"), {"base_url": server.base_url, **options}, "sk-test"
        )
        try:
            return await backend.complete(request), server.requests[0]
        except (Refused, Rejected, Throttled, Unauthorized, Unavailable) as error:
            return error, server.requests[0] if server.requests else None
        finally:
            await backend.aclose()


def chat(message, **more: object):
    """A body of chat completions."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop", **more}
    return HttpReply(body={"id": "c1", "model": "gpt-x-1", "choices": [choice]})


async def test_every_setting_of_a_request_is_written_for_chat():
    request = replace(
        HELLO, system="Be brief.", max_output_tokens=9, temperature=0.3, stop=("END",), response_schema=STRICT
    )
    _, seen = await exchange("hi", request)
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {
        "model": "gpt-x",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
        "max_completion_tokens": 9,
        "temperature": 0.3,
        "stop": ["END"],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": STRICT, "strict": True},
        },
    }


async def test_every_setting_of_a_request_is_written_for_responses():
    request = replace(
        HELLO,
        system="Be brief.",
        max_output_tokens=9,
        temperature=0.3,
        response_schema=LOOSE,
        functions=(Function(name="f", description="d"),),
    )
    _, seen = await exchange("hi", request, api="responses")
    assert seen.path == "/v1/responses"
    assert seen.body == {
        "model": "gpt-x",
        "input": [{"role": "user", "content": "hello"}],
        "instructions": "Be brief.",
        "max_output_tokens": 9,
        "temperature": 0.3,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "text": {"format": {"type": "json_schema", "name": "reply", "schema": LOOSE, "strict": False}},
        "tools": [
            {
                "type": "function",
                "name": "f",
                "description": "d",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            }
        ],
    }


async def test_what_is_unset_is_not_sent():
    _, seen = await exchange("hi")
    assert set(seen.body) == {"model", "messages"}
    _, seen = await exchange("hi", api="responses")
    assert set(seen.body) == {"model", "input", "store", "include"}


async def test_the_bound_of_a_reply_has_the_name_and_default_that_the_options_say():
    _, seen = await exchange("hi", max_tokens_field="max_tokens", max_output_tokens=7)
    assert seen.body["max_tokens"] == 7
    _, seen = await exchange("hi", replace(HELLO, max_output_tokens=3), max_output_tokens=7)
    assert seen.body["max_completion_tokens"] == 3


async def test_responses_have_no_stop_texts_and_say_so_before_any_call():
    error, seen = await exchange("hi", replace(HELLO, stop=("x",)), api="responses")
    assert type(error) is Rejected
    assert "stop" in str(error)
    assert seen is None


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (STRICT, True),
        (LOOSE, False),
        ({**STRICT, "properties": {"a": LOOSE}, "required": ["a"]}, False),
        ({"anyOf": [STRICT, LOOSE]}, False),
        ({"enum": ["properties"]}, True),
        ({**STRICT, "required": ["tool"]}, False),
    ],
)  # fmt: skip
def test_strict_mode_is_only_asked_for_where_a_schema_keeps_its_rules(schema, strict):
    from latm_openai._chat import is_strict

    assert is_strict(schema) is strict


async def test_a_list_of_parts_is_text_too():
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}, {"type": "image"}, None]
    reply, _ = await exchange(chat({"content": parts}))
    assert reply.text == "one two"


async def test_missing_usage_is_said_and_nonsense_is_not_counted():
    reply, _ = await exchange(chat({"content": "hi"}))
    assert reply.usage == Usage()
    assert reply.metadata["openai.usage_missing"] is True
    body = chat({"content": "hi"}).body
    counts = {"prompt_tokens": 3, "completion_tokens": -4, "prompt_tokens_details": {"cached_tokens": 9}}
    reply, _ = await exchange(HttpReply(body={**body, "usage": counts}))
    assert reply.usage == Usage(input=0, cache_read=9)
    assert "openai.usage_missing" not in reply.metadata


async def test_what_is_not_ours_to_read_is_carried_verbatim():
    reply, _ = await exchange(chat({"content": "hi", "reasoning_content": "hm", "annotations": []}))
    assert reply.metadata["openai.message"] == {"reasoning_content": "hm"}
    assert reply.metadata["openai.id"] == "c1"


@pytest.mark.parametrize("arguments", ["{", "[1]", 3, None, '{"a": 1, "a": 2}'])
async def test_arguments_that_cannot_be_read_are_unavailable_and_paid(arguments):
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    error, _ = await exchange(chat({"content": None, "tool_calls": [call]}))
    assert type(error) is Unavailable
    assert "'f'" in str(error)
    assert error.reply is not None


async def test_arguments_may_be_an_object_or_empty():
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "g", "arguments": ""}}]
    reply, _ = await exchange(chat({"content": None, "tool_calls": calls}))
    assert [dict(call.arguments) for call in reply.calls] == [{"a": 1}, {}]


async def test_a_filter_s_refusal_is_refused():
    error, _ = await exchange(chat({"content": ""}, finish_reason="content_filter"))
    assert type(error) is Refused


@pytest.mark.parametrize(("code", "kind"), [(429, Throttled), (401, Unauthorized), ("x", Unavailable)])
async def test_an_error_within_a_success_is_its_error(code, kind):
    error, _ = await exchange(HttpReply(body={"error": {"code": code, "message": "upstream"}}))
    assert type(error) is kind
    assert "upstream" in str(error)


async def test_an_empty_account_is_not_waited_for():
    body = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
    error, _ = await exchange(HttpReply(status=429, body=body))
    assert type(error) is Unauthorized


async def test_milliseconds_are_read_too():
    headers = {"Retry-After-Ms": "250", "Retry-After": "1"}
    error, _ = await exchange(HttpReply(status=429, body={}, headers=headers))
    assert error.retry_after == 0.25


async def test_a_reasoning_model_s_thoughts_go_on_with_the_conversation():
    thought = {"type": "reasoning", "id": "rs_1", "encrypted_content": "0xABC", "summary": []}
    spoken = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
    body = {"id": "r1", "model": "m", "status": "completed", "output": [thought, spoken]}
    reply, _ = await exchange(HttpReply(body=body), api="responses")
    assert reply.text == "hi"
    turns = (
        *HELLO.messages,
        Message("assistant", reply.text, metadata=reply.metadata),
        Message("user", "go on"),
    )
    _, seen = await exchange("done", Request(messages=turns), api="responses")
    assert seen.body["input"][1:3] == [thought, spoken]
    # Another protocol, or another provider, takes the text alone.
    _, seen = await exchange("done", Request(messages=turns))
    assert seen.body["messages"][1] == {"role": "assistant", "content": "hi"}


async def test_what_a_server_wants_to_see_again_is_carried_with_its_turn():
    details = [{"type": "reasoning.encrypted", "data": "0xABC"}]
    kept = {"reasoning_details": details, "reasoning_content": "hm", "other": 1}
    reply, _ = await exchange(chat({"content": "hi", **kept}))
    turns = (
        *HELLO.messages,
        Message("assistant", reply.text, metadata=reply.metadata),
        Message("user", "go on", metadata=reply.metadata),
    )
    go_on = Request(messages=turns)
    _, seen = await exchange("done", go_on, carry=["reasoning_details", "absent"])
    assert seen.body["messages"][1:] == [
        {"role": "assistant", "content": "hi", "reasoning_details": details},
        {"role": "user", "content": "go on"},
    ]
    # Unasked, nothing is sent that a server might not know.
    _, seen = await exchange("done", go_on)
    assert seen.body["messages"][1] == {"role": "assistant", "content": "hi"}


@pytest.mark.parametrize(
    ("options", "status", "text", "hint"),
    [
        ({}, 404, "This is not a chat model; v1/chat/completions has it not.", "api = 'responses'"),
        ({}, 400, "Only v1/responses has this model.", "api = 'responses'"),
        ({}, 400, "Parameter 'max_completion_tokens' is not supported", "max_tokens_field = 'max_tokens'"),
        (
            {"max_tokens_field": "max_tokens"},
            400,
            "Parameter 'max_tokens' is not supported",
            "max_tokens_field = 'max_completion_tokens'",
        ),
        ({}, 400, "Nothing of the kind.", None),
        ({"api": "responses"}, 400, "v1/responses rejects it", None),
    ],
)
async def test_what_an_option_would_mend_says_the_option(options, status, text, hint):
    error, _ = await exchange(openai_error(status, text), **options)
    assert type(error) is Rejected
    assert error.status == status
    assert str(error).endswith(f"{text}; set {hint}" if hint else text)


async def test_a_response_that_failed_is_unavailable():
    body = {"status": "failed", "output": [], "error": None}
    error, _ = await exchange(HttpReply(body=body), api="responses")
    assert type(error) is Unavailable
    filtered = {"status": "incomplete", "output": [], "incomplete_details": {"reason": "content_filter"}}
    error, _ = await exchange(HttpReply(body=filtered), api="responses")
    assert type(error) is Refused
