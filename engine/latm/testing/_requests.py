"""Requests as the services get them, read back: the inverse of what the providers write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from latm.plugin import Function, Message, Request
from latm.sdk import is_list, read_object, text_of
from latm.testing._loopback import RecordedRequest

__all__ = ["read_request"]

_OF_A_TURN = frozenset({"role", "content", "refusal", "tool_calls"})


def read_request(recorded: RecordedRequest) -> Request:
    """The request that a provider was given, from what it sent to a service.

    With it one script plays a model in process and behind a loopback server alike. What the wire does not
    carry is lost: ``timeout_s``, and a schema that was put into the prompt. A schema that Anthropic's SDK has
    put into its own words comes back in those.

    Args:
        recorded: as a loopback server got it: chat completions, the Responses API or the Messages API.

    Raises:
        ValueError: the path is of none of the three.
    """
    path = recorded.path.partition("?")[0]
    body = read_object(recorded.body)
    if path.endswith("/chat/completions"):
        return _chat(body)
    if path.endswith("/responses"):
        return _responses(body)
    if path.endswith("/messages"):
        return _messages(body)
    raise ValueError(
        f"{recorded.path}: expected .../chat/completions, .../responses or .../messages at the end"
    )


def _chat(body: Mapping[str, Any]) -> Request:
    turns = [read_object(turn) for turn in body["messages"]]
    systems = [turn for turn in turns if turn["role"] in {"system", "developer"}]
    form = read_object(read_object(body.get("response_format")).get("json_schema"))
    stop = body.get("stop")
    return Request(
        messages=tuple(_chat_turn(turn) for turn in turns if turn not in systems),
        system=text_of(systems[0].get("content")) if systems else None,
        max_output_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
        temperature=body.get("temperature"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        functions=_functions((read_object(tool.get("function")) for tool in _tools(body)), "parameters"),
        response_schema=form.get("schema"),
    )


def _chat_turn(turn: Mapping[str, Any]) -> Message:
    more = {name: held for name, held in turn.items() if name not in _OF_A_TURN}
    metadata = {"openai.message": more} if more else {}
    return Message(turn["role"], text_of(turn.get("content")) or "", metadata=metadata)


def _responses(body: Mapping[str, Any]) -> Request:
    form = read_object(read_object(body.get("text")).get("format"))
    asked = body["input"]
    turns = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    return Request(
        messages=tuple(_items(read_object(turn) for turn in turns)),
        system=body.get("instructions"),
        max_output_tokens=body.get("max_output_tokens"),
        temperature=body.get("temperature"),
        functions=_functions(_tools(body), "parameters"),
        response_schema=form.get("schema"),
    )


def _items(items: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
    """Turns; what stood in one reply's output stands in a row, and is one turn."""
    output: list[Mapping[str, Any]] = []
    for item in items:
        if "type" in item and item.get("role") != "user":
            output.append(item)
            continue
        if output:
            yield _output(output)
            output = []
        yield Message(item["role"], text_of(item.get("content")) or "")
    if output:
        yield _output(output)


def _output(items: list[Mapping[str, Any]]) -> Message:
    texts = [text_of(item.get("content")) or "" for item in items if item.get("type") == "message"]
    return Message("assistant", "".join(texts), metadata={"openai.output": [dict(item) for item in items]})


def _messages(body: Mapping[str, Any]) -> Request:
    form = read_object(read_object(body.get("output_config")).get("format"))
    return Request(
        messages=tuple(_messages_turn(read_object(turn)) for turn in body["messages"]),
        system=text_of(body.get("system")),
        max_output_tokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        stop=tuple(body.get("stop_sequences", ())),
        functions=_functions(_tools(body), "input_schema"),
        response_schema=form.get("schema"),
    )


def _messages_turn(turn: Mapping[str, Any]) -> Message:
    content = turn.get("content")
    metadata = {"anthropic.content": content} if is_list(content) and turn["role"] == "assistant" else {}
    return Message(turn["role"], text_of(content) or "", metadata=metadata)


def _tools(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [read_object(tool) for tool in body.get("tools", ())]


def _functions(tools: Iterable[Mapping[str, Any]], parameters: str) -> tuple[Function, ...]:
    return tuple(
        Function(
            name=tool["name"],
            description=tool.get("description") or "",
            parameters=read_object(tool.get(parameters)),
        )
        for tool in tools
    )
