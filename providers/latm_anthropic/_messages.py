"""The Messages API: a request as arguments of the SDK, and a body as a reply."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import anthropic

from latm.plugin import Call, Message, Refused, Rejected, Reply, Request, Truncated, Unavailable, Usage
from latm.sdk import Body, is_list, plain, read_arguments, read_object, read_tokens
from latm_anthropic import AnthropicOptions

_CONTENT = "anthropic.content"
_CUT = {
    "max_tokens": "the reply was cut at the limit of output tokens",
    "model_context_window_exceeded": "the reply was cut where the model's context ended",
}


def write(model: str, request: Request, options: AnthropicOptions) -> dict[str, object]:
    """The SDK's arguments for a request.

    Raises:
        Rejected: a temperature, which the service does not have.
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
        _ask_for_json(arguments, request.response_schema, enforce=options.enforce_schema)
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


def _ask_for_json(arguments: dict[str, object], schema: Mapping[str, object], *, enforce: bool) -> None:
    """Have the service enforce a schema; where it cannot, say it in the prompt."""
    transform: Any = anthropic.transform_schema
    enforced: object = None
    if enforce:
        # The SDK asserts, and more, on schemas that it does not know.
        with contextlib.suppress(Exception):
            enforced = transform(_spelt_out(schema))
    if enforced is None:
        wish = f"Reply with JSON only, which fits this JSON Schema: {json.dumps(plain(schema))}"
        system = arguments.get("system")
        arguments["system"] = f"{system}\n\n{wish}" if system else wish
    else:
        arguments["output_config"] = {"format": {"type": "json_schema", "schema": enforced}}


def _spelt_out(schema: object) -> Any:
    """A schema in the SDK's narrower words: one type for each node, and a type wherever there is an enum."""
    if is_list(schema):
        return [_spelt_out(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    node = {name: _spelt_out(part) for name, part in read_object(cast("object", schema)).items()}
    kinds, values = node.get("type"), node.get("enum")
    if is_list(kinds):
        del node["type"]
        return {"anyOf": [{**node, "type": kind} for kind in kinds]}
    if is_list(values) and kinds is None and all(isinstance(value, str) for value in values):
        node["type"] = "string"
    return node


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
    counts = body.data.get("usage")
    if not isinstance(counts, Mapping) or "input_tokens" not in counts:
        found["anthropic.usage_missing"] = True  # zeros in Reply.usage are then not a count
    kinds = {block.get("type") for block in blocks}
    # Signed thoughts go back verbatim. A turn with calls cannot be handed in again without their results, so
    # only its text goes on.
    if kinds - {"text"} and "tool_use" not in kinds:
        found[_CONTENT] = [dict(block) for block in blocks]
    return found
