"""What the service wants to read, and what it writes: requests and replies as JSON, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from latm.plugin import Call, Refused, Reply, Request, Truncated, Unavailable, Usage
from latm.sdk import is_list, plain, read_arguments, read_object, read_tokens, text_of
from latm_example import ExampleOptions

__all__ = ["read", "write"]


def write(model: str, request: Request, options: ExampleOptions) -> dict[str, object]:
    """The body of a request.

    All that a request may hold is looked at. Were there something that the service has not, this would raise
    ``Rejected("stop: the service has no such thing; unset it")`` instead of leaving it out.
    """
    messages: list[object] = [{"role": turn.role, "content": turn.text} for turn in request.messages]
    if request.system is not None:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, object] = {"model": model, "messages": messages}
    limit = options.max_output_tokens if request.max_output_tokens is None else request.max_output_tokens
    if limit is not None:
        body["max_tokens"] = limit
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.stop:
        body["stop"] = list(request.stop)
    if request.functions:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": function.name,
                    "description": function.description,
                    "parameters": plain(function.parameters),
                },
            }
            for function in request.functions
        ]
    if request.response_schema is not None:
        form = {"name": "reply", "schema": plain(request.response_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return body


def read(data: Mapping[str, Any], *, model: str) -> Reply:
    """The reply that a body holds.

    Args:
        data: the body.
        model: what was asked, in case that the service does not say what answered.

    Raises:
        Refused: the service withheld the reply.
        Truncated: the reply was cut at the limit of tokens.
        Unavailable: this is no reply. Like the other two it carries what was paid for.
    """
    choices = data.get("choices")
    choice = read_object(choices[0] if is_list(choices) and choices else None)
    message = read_object(choice.get("message"))
    text = text_of(message.get("content"))
    reason = str(choice.get("finish_reason") or "")
    reply = Reply(
        text=text or "",
        usage=_usage(read_object(data.get("usage"))),
        model=str(data.get("model") or model),
        finish_reason=reason or None,
        metadata={"example.id": data["id"]} if isinstance(data.get("id"), str) else {},
    )
    if reason == "content_filter" or message.get("refusal"):
        raise Refused("the service withheld the reply", reply=reply)
    if reason == "length":
        raise Truncated("the reply was cut at the limit of tokens", reply=reply)
    calls = _calls(message, reply)
    if text is None and not calls:
        raise Unavailable("the reply has neither text nor calls", reply=reply)
    return replace(reply, calls=calls)


def _usage(counts: Mapping[str, Any]) -> Usage:
    # The four buckets share no token; in this protocol the count of the prompt includes what was cached.
    cached = read_tokens(read_object(counts.get("prompt_tokens_details")), "cached_tokens")
    return Usage(
        input=max(0, read_tokens(counts, "prompt_tokens") - cached),
        cache_read=cached,
        output=read_tokens(counts, "completion_tokens"),
    )


def _calls(message: Mapping[str, Any], reply: Reply) -> tuple[Call, ...]:
    made = message.get("tool_calls")
    functions = [read_object(read_object(call).get("function")) for call in (made if is_list(made) else [])]
    return tuple(
        Call(name, read_arguments(function.get("arguments"), function=name, reply=reply))
        for function in functions
        for name in [str(function.get("name") or "")]
    )
