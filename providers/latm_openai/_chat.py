"""Chat completions: a request as arguments of the SDK, and a body as a reply."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from latm.plugin import Call, Message, Refused, Reply, Request, Truncated, Unavailable, Usage
from latm.sdk import Body, is_list, plain, read_arguments, read_object, read_tokens, text_of
from latm_openai import OpenAIOptions

_MESSAGE = "openai.message"
# Parts of a message that the reply's own fields already hold.
_KNOWN = frozenset({"role", "content", "refusal", "tool_calls"})


def write(model: str, request: Request, options: OpenAIOptions) -> dict[str, object]:
    """The SDK's arguments for a request."""
    messages = [_turn(turn, options.carry) for turn in request.messages]
    if (system := system_text(request, options)) is not None:
        messages.insert(0, {"role": "system", "content": system})
    arguments: dict[str, object] = {"model": model, "messages": messages}
    limit = options.max_output_tokens if request.max_output_tokens is None else request.max_output_tokens
    if limit is not None:
        arguments[options.max_tokens_field] = limit
    if request.temperature is not None:
        arguments["temperature"] = request.temperature
    if request.stop:
        arguments["stop"] = list(request.stop)
    if request.functions:
        arguments["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": function.name,
                    "description": function.description,
                    "parameters": function.parameters,
                },
            }
            for function in request.functions
        ]
    if request.response_schema is not None and options.enforce_schema:
        schema = request.response_schema
        form = {"name": "reply", "schema": schema, "strict": is_strict(schema)}
        arguments["response_format"] = {"type": "json_schema", "json_schema": form}
    return arguments


def read(body: Body) -> Reply:
    """The reply of a body.

    Raises:
        Refused: the model or a filter declined.
        Truncated: the reply was cut at the limit.
        Unavailable: the body has not the shape of a reply.
    """
    choices = body.data.get("choices")
    if not is_list(choices) or not choices:
        raise Unavailable("the reply has no choices")
    choice = read_object(choices[0])
    message = read_object(choice.get("message"))
    text = text_of(message.get("content"))
    reason = choice.get("finish_reason")
    reply = Reply(
        text=text or "",
        usage=_usage(read_object(body.data.get("usage"))),
        model=str(body.data.get("model") or ""),
        finish_reason=reason if isinstance(reason, str) else None,
        metadata=_metadata(body, message),
    )
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        raise Refused(f"the model declined: {refusal[:300]}", reply=reply)
    if reason == "content_filter":
        raise Refused("the service's content filter withheld the reply", reply=reply)
    if reason == "length":
        raise Truncated("the reply was cut at the limit of output tokens", reply=reply)
    calls = tuple(_calls(message, reply))
    if text is None and not calls:
        raise Unavailable("the reply has neither text nor calls", reply=reply)
    return replace(reply, calls=calls)


def _turn(turn: Message, carry: tuple[str, ...]) -> dict[str, object]:
    kept = read_object(turn.metadata.get(_MESSAGE) if turn.role == "assistant" else None)
    return {"role": turn.role, "content": turn.text, **{name: kept[name] for name in carry if name in kept}}


def system_text(request: Request, options: OpenAIOptions) -> str | None:
    """The system prompt, with the schema in it where it is not to be enforced."""
    if request.response_schema is None or options.enforce_schema:
        return request.system
    wish = f"Reply with JSON only, which fits this JSON Schema: {json.dumps(plain(request.response_schema))}"
    return f"{request.system}\n\n{wish}" if request.system else wish


def is_strict(schema: object) -> bool:
    """Whether a schema keeps the rules of strict mode: all properties required, no others allowed.

    A schema that does not would be refused outright, so it goes along as advice instead.
    """
    if is_list(schema):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    node = cast("Mapping[str, Any]", schema)
    if node.get("type") == "object" or "properties" in node:
        properties = read_object(node.get("properties"))
        required = cast("list[object]", node.get("required") or [])
        if node.get("additionalProperties") is not False or set(required) != set(properties):
            return False
        return all(is_strict(part) for part in properties.values())
    return all(is_strict(part) for name, part in node.items() if name not in ("enum", "const", "default"))


def _calls(message: Mapping[str, Any], reply: Reply) -> Iterator[Call]:
    calls = message.get("tool_calls")
    for call in calls if is_list(calls) else []:
        function = read_object(read_object(call).get("function"))
        name = str(function.get("name") or "")
        yield Call(name, read_arguments(function.get("arguments"), function=name, reply=reply))


def _usage(counts: Mapping[str, Any]) -> Usage:
    # prompt_tokens includes what was read from the cache and what was written to it.
    details = read_object(counts.get("prompt_tokens_details"))
    read_, written = read_tokens(details, "cached_tokens"), read_tokens(details, "cache_write_tokens")
    return Usage(
        input=max(0, read_tokens(counts, "prompt_tokens") - read_ - written),
        cache_read=read_,
        cache_write=written,
        output=read_tokens(counts, "completion_tokens"),
    )


def _metadata(body: Body, message: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, object] = {}
    if body.data.get("id"):
        found["openai.id"] = body.data["id"]
    if body.headers.get("x-request-id"):
        found["openai.request_id"] = body.headers["x-request-id"]
    counts = body.data.get("usage")
    if not isinstance(counts, Mapping) or "prompt_tokens" not in counts:
        found["openai.usage_missing"] = True  # zeros in Reply.usage are then not a count
    more = {name: held for name, held in message.items() if name not in _KNOWN and held not in (None, [], {})}
    if more:
        found[_MESSAGE] = more
    return found
