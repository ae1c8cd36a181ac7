"""The Messages API: a request as arguments of the SDK, and a body as a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anthropic

from latm.plugin import Call, Message, Refused, Rejected, Reply, Request, Truncated, Unavailable, Usage
from latm.sdk import Body, is_list, read_arguments, read_object, read_tokens
from latm_anthropic import AnthropicOptions

_CONTENT = "anthropic.content"
_CUT = {
    "max_tokens": "the reply was cut at the limit of output tokens",
    "model_context_window_exceeded": "the reply was cut where the model's context ended",
}


def write(model: str, request: Request, options: AnthropicOptions) -> dict[str, object]:
    """The SDK's arguments for a request.

    Raises:
        Rejected: a temperature, which the service does not have; or a schema that it cannot enforce.
    """
    if request.temperature is not None:
        raise Rejected(
            f"temperature: the service has no such setting (asked for {request.temperature:g}); unset it"
        )
    limit = options.max_output_tokens if request.max_output_tokens is None else request.max_output_tokens
    arguments: dict[str, object] = {
        "model": model,
        "max_tokens": limit,
        "messages": [{"role": turn.role, "content": _content(turn)} for turn in request.messages],
    }
    if request.system is not None:
        arguments["system"] = request.system
    if request.stop:
        arguments["stop_sequences"] = list(request.stop)
    if request.functions:
        arguments["tools"] = [
            {
                "name": function.name,
                "description": function.description,
                "input_schema": function.parameters,
            }
            for function in request.functions
        ]
    if request.response_schema is not None:
        arguments["output_config"] = {"format": {"type": "json_schema", "schema": _schema(request)}}
    return arguments


def read(body: Body) -> Reply:
    """The reply of a body.

    Raises:
        Refused: the model declined.
        Truncated: the reply was cut.
        Unavailable: the body has not the shape of a reply.
    """
    content = body.data.get("content")
    if not is_list(content):
        raise Unavailable("the reply has no content")
    blocks = [read_object(block) for block in content]
    texts = [block.get("text") for block in blocks if block.get("type") == "text"]
    reason = body.data.get("stop_reason")
    reply = Reply(
        text="".join(text for text in texts if isinstance(text, str)),
        usage=_usage(read_object(body.data.get("usage"))),
        model=str(body.data.get("model") or ""),
        finish_reason=reason if isinstance(reason, str) else None,
        metadata=_metadata(body, blocks),
    )
    if reason == "refusal":
        raise Refused("the model declined to answer", reply=reply)
    if isinstance(reason, str) and reason in _CUT:
        raise Truncated(_CUT[reason], reply=reply)
    calls = tuple(
        Call(
            str(block.get("name") or ""),
            read_arguments(block.get("input"), function=str(block.get("name")), reply=reply),
        )
        for block in blocks
        if block.get("type") == "tool_use"
    )
    if not calls and not any(isinstance(text, str) for text in texts):
        raise Unavailable("the reply has neither text nor calls", reply=reply)
    return replace(reply, calls=calls)


def _content(turn: Message) -> object:
    kept = turn.metadata.get(_CONTENT)
    return kept if turn.role == "assistant" and is_list(kept) else turn.text


def _schema(request: Request) -> object:
    """The schema as the service can enforce it: what it cannot becomes part of the descriptions."""
    transform: Any = anthropic.transform_schema
    problem = ""
    try:
        return transform(dict(request.response_schema or {}))
    except (TypeError, ValueError, KeyError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise Rejected(f"response_schema: the service cannot enforce it: {problem}")


def _usage(counts: Mapping[str, Any]) -> Usage:
    return Usage(
        input=read_tokens(counts, "input_tokens"),
        cache_read=read_tokens(counts, "cache_read_input_tokens"),
        cache_write=read_tokens(counts, "cache_creation_input_tokens"),
        output=read_tokens(counts, "output_tokens"),
    )


def _metadata(body: Body, blocks: list[Mapping[str, Any]]) -> dict[str, object]:
    found: dict[str, object] = {}
    if body.data.get("id"):
        found["anthropic.id"] = body.data["id"]
    if body.headers.get("request-id"):
        found["anthropic.request_id"] = body.headers["request-id"]
    if not isinstance(body.data.get("usage"), Mapping):
        found["anthropic.usage_missing"] = True  # zeros in Reply.usage are then not a count
    kinds = {block.get("type") for block in blocks}
    # Signed thoughts go back verbatim. A turn with calls cannot be handed in again without their results, so
    # only its text goes on.
    if kinds - {"text"} and "tool_use" not in kinds:
        found[_CONTENT] = [dict(block) for block in blocks]
    return found
