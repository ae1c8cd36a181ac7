"""The Responses API: a request as arguments of the SDK, and a body as a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from latm.plugin import Call, Message, Refused, Rejected, Reply, Request, Truncated, Unavailable, Usage
from latm.sdk import Body, is_list, read_arguments, read_object, read_tokens
from latm_openai import OpenAIOptions
from latm_openai._chat import is_strict, system_text

_OUTPUT = "openai.output"


def write(model: str, request: Request, options: OpenAIOptions) -> dict[str, object]:
    """The SDK's arguments for a request.

    Raises:
        Rejected: stop texts, which this API does not have.
    """
    if request.stop:
        raise Rejected("stop: the Responses API has no stop texts; unset them, or choose api = 'chat'")
    turns: list[object] = []
    for turn in request.messages:
        turns += _turn(turn)
    # Nothing is kept at the service, so a reasoning model's thoughts come back encrypted, to be handed in.
    arguments: dict[str, object] = {
        "model": model,
        "input": turns,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    if (system := system_text(request, options)) is not None:
        arguments["instructions"] = system
    limit = options.max_output_tokens if request.max_output_tokens is None else request.max_output_tokens
    if limit is not None:
        arguments["max_output_tokens"] = limit
    if request.temperature is not None:
        arguments["temperature"] = request.temperature
    if request.functions:
        arguments["tools"] = [
            {
                "type": "function",
                "name": function.name,
                "description": function.description,
                "parameters": function.parameters,
                "strict": False,
            }
            for function in request.functions
        ]
    if request.response_schema is not None and options.enforce_schema:
        schema = request.response_schema
        form = {"type": "json_schema", "name": "reply", "schema": schema, "strict": is_strict(schema)}
        arguments["text"] = {"format": form}
    return arguments


def read(body: Body) -> Reply:
    """The reply of a body.

    Raises:
        Refused: the model or a filter declined.
        Truncated: the reply was cut at the limit.
        Unavailable: the body has not the shape of a reply, or tells of a failure.
    """
    data = body.data
    output = data.get("output")
    if not is_list(output):
        raise Unavailable("the reply has no output")
    items = [read_object(item) for item in output]
    parts = [part for item in items if item.get("type") == "message" for part in _parts(item)]
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    status = data.get("status")
    reply = Reply(
        text="".join(texts),
        usage=_usage(read_object(data.get("usage"))),
        model=str(data.get("model") or ""),
        finish_reason=status if isinstance(status, str) else None,
        metadata=_metadata(body, items),
    )
    refusals = [part["refusal"] for part in parts if isinstance(part.get("refusal"), str)]
    if refusals:
        raise Refused(f"the model declined: {refusals[0][:300]}", reply=reply)
    if status == "incomplete":
        why = read_object(data.get("incomplete_details")).get("reason")
        if why == "content_filter":
            raise Refused("the service's content filter withheld the reply", reply=reply)
        raise Truncated(f"the reply is incomplete: {why}", reply=reply)
    if status not in (None, "completed"):
        raise Unavailable(f"the reply's status is {str(status)[:40]!r}", reply=reply)
    calls = tuple(
        Call(
            str(item.get("name") or ""),
            read_arguments(item.get("arguments"), function=str(item.get("name")), reply=reply),
        )
        for item in items
        if item.get("type") == "function_call"
    )
    if not texts and not calls:
        raise Unavailable("the reply has neither text nor calls", reply=reply)
    return replace(reply, calls=calls)


def _turn(turn: Message) -> list[object]:
    kept = turn.metadata.get(_OUTPUT)
    if turn.role == "assistant" and is_list(kept):
        return kept
    return [{"role": turn.role, "content": turn.text}]


def _parts(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = item.get("content")
    return [read_object(part) for part in content] if is_list(content) else []


def _usage(counts: Mapping[str, Any]) -> Usage:
    # input_tokens includes what was read from the cache and what was written to it.
    details = read_object(counts.get("input_tokens_details"))
    read_, written = read_tokens(details, "cached_tokens"), read_tokens(details, "cache_write_tokens")
    return Usage(
        input=max(0, read_tokens(counts, "input_tokens") - read_ - written),
        cache_read=read_,
        cache_write=written,
        output=read_tokens(counts, "output_tokens"),
    )


def _metadata(body: Body, items: list[Mapping[str, Any]]) -> dict[str, object]:
    found: dict[str, object] = {}
    if body.data.get("id"):
        found["openai.id"] = body.data["id"]
    counts = body.data.get("usage")
    if not isinstance(counts, Mapping) or "input_tokens" not in counts:
        found["openai.usage_missing"] = True  # zeros in Reply.usage are then not a count
    kinds = {item.get("type") for item in items}
    # A turn with calls cannot be handed in again without their results, so only its text goes on.
    if "reasoning" in kinds and "function_call" not in kinds:
        found[_OUTPUT] = [dict(item) for item in items]
    return found
