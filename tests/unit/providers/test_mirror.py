"""What the loopback servers write and read is the inverse of what the providers read and write."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm.errors import Refused, Truncated
from latm.plugin import Call, Function, Message, Reply, Request, Usage
from latm.sdk import Body
from latm.testing import RecordedRequest, read_request
from latm.testing._bodies import write_anthropic, write_openai
from latm_anthropic import AnthropicOptions, _messages
from latm_openai import OpenAIOptions, _chat, _responses

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
values = st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists, max_leaves=4)
objects = st.dictionaries(names, values, max_size=3)
counts = st.integers(0, 10**7)
usages = st.builds(Usage, counts, counts, counts, counts)
thoughts = st.fixed_dictionaries({"type": st.just("reasoning"), "encrypted_content": texts})


def schema_of(properties):
    return {"type": "object", "properties": {name: {"type": "string"} for name in properties}}


functions = st.builds(
    Function, name=names, description=texts, parameters=st.lists(names, max_size=3).map(schema_of)
)
replies = st.builds(
    Reply,
    text=texts,
    usage=usages,
    model=names,
    calls=st.lists(st.builds(Call, names, objects), max_size=3).map(tuple),
)
turns = st.lists(st.tuples(texts, texts), max_size=3).map(
    lambda pairs: tuple(
        turn for said, back in pairs for turn in (Message("user", said), Message("assistant", back))
    )
)
requests = st.builds(
    lambda before, last, **rest: Request(messages=(*before, Message("user", last)), **rest),
    turns,
    texts,
    system=st.none() | texts,
    max_output_tokens=st.none() | st.integers(1, 10**6),
    temperature=st.none() | st.floats(0, 2),
    stop=st.lists(texts, max_size=3).map(tuple),
    functions=st.lists(functions, max_size=3).map(tuple),
    response_schema=st.none() | st.just(schema_of(["a"])),
)


def recorded(path: str, arguments) -> RecordedRequest:
    return RecordedRequest("POST", f"{path}?x=1", {}, json.loads(json.dumps(arguments)))


def parsed(path: str, write, reply: Reply) -> Body:
    return Body(json.loads(json.dumps(write(path, reply))), {})


@given(requests)
def test_a_chat_request_comes_back(request):
    sent = _chat.write("m", request, OpenAIOptions())
    assert read_request(recorded("/v1/chat/completions", sent)) == request


@given(requests)
def test_a_request_of_the_responses_api_comes_back(request):
    request = replace(request, stop=())
    sent = _responses.write("m", request, OpenAIOptions())
    assert read_request(recorded("/v1/responses", sent)) == request


@given(requests)
def test_a_messages_request_comes_back(request):
    request = replace(request, temperature=None, response_schema=None)
    sent = _messages.write("m", request, AnthropicOptions())
    assert read_request(recorded("/v1/messages", sent)) == replace(
        request, max_output_tokens=request.max_output_tokens or 8192
    )


def test_a_messages_request_s_schema_comes_back_in_the_sdk_s_words():
    schema = {"type": "object", "properties": {"decision": {"enum": ["a", "none"]}}, "required": ["decision"]}
    request = Request(messages=(Message("user", "hello"),), response_schema=schema)
    back = read_request(recorded("/v1/messages", _messages.write("m", request, AnthropicOptions())))
    assert back.response_schema["properties"]["decision"]["enum"] == ["a", "none"]


@given(texts, st.lists(thoughts, min_size=1, max_size=2))
def test_thoughts_that_were_handed_in_come_back_with_their_turn(text, thought):
    spoken = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    kept = Message("assistant", text, metadata={"openai.output": [*thought, spoken]})
    asked = (Message("user", "a"), kept, Message("user", "b"))
    sent = _responses.write("m", Request(messages=asked), OpenAIOptions())
    assert read_request(recorded("/v1/responses", sent)).messages == asked
    sent = _responses.write("m", Request(messages=asked[:2]), OpenAIOptions())
    assert read_request(recorded("/v1/responses", sent)).messages == asked[:2]
    block = {"type": "text", "text": text}
    signed = Message("assistant", text, metadata={"anthropic.content": [{"type": "thinking"}, block]})
    asked = (Message("user", "a"), signed, Message("user", "b"))
    sent = _messages.write("m", Request(messages=asked), AnthropicOptions())
    assert read_request(recorded("/v1/messages", sent)).messages == asked


def test_what_is_of_no_known_protocol_is_said():
    with pytest.raises(ValueError, match=r"/v1/embeddings: expected \.\.\./chat/completions"):
        read_request(RecordedRequest("POST", "/v1/embeddings", {}, {}))


def core(reply: Reply) -> tuple[object, ...]:
    return reply.text, reply.usage, reply.model, reply.calls


WIRES = {
    "chat": ("/v1/chat/completions", write_openai, _chat.read),
    "responses": ("/v1/responses", write_openai, _responses.read),
    "messages": ("/v1/messages", write_anthropic, _messages.read),
}
every_wire = pytest.mark.parametrize("wire", WIRES)


@every_wire
@given(reply=replies)
def test_a_reply_comes_back(wire, reply):
    path, write, read = WIRES[wire]
    if wire == "messages" and not reply.text and not reply.calls:
        return  # the service has no way to say nothing
    assert core(read(parsed(path, write, reply))) == core(reply)


@every_wire
@given(text=texts, usage=usages)
def test_a_refusal_and_a_cut_come_back_with_their_usage(wire, text, usage):
    path, write, read = WIRES[wire]
    for reason, kind in (("refusal", Refused), ("length", Truncated), ("max_tokens", Truncated)):
        reply = Reply(text=text, usage=usage, model="m", finish_reason=reason)
        with pytest.raises(kind) as caught:
            read(parsed(path, write, reply))
        assert caught.value.reply.usage == usage


@pytest.mark.parametrize(
    ("wire", "metadata"),
    [
        ("chat", {"openai.id": "c1", "openai.message": {"reasoning_content": "hm"}}),
        ("responses", {"openai.id": "r1", "openai.output": [
            {"type": "reasoning", "encrypted_content": "x"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
        ]}),
        ("messages", {"anthropic.id": "m1", "anthropic.content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "hi"},
        ]}),
        ("chat", {"openai.id": "c1", "openai.usage_missing": True}),
        ("responses", {"openai.id": "r1", "openai.usage_missing": True}),
        ("messages", {"anthropic.id": "m1", "anthropic.usage_missing": True}),
    ],
)  # fmt: skip
def test_metadata_come_back(wire, metadata):
    path, write, read = WIRES[wire]
    reply = Reply(text="hi", usage=Usage(), model="m", metadata=metadata)
    assert read(parsed(path, write, reply)).metadata == metadata
