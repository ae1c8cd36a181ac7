"""Replies as the services write them: the inverse of what the providers read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from latm.plugin import Reply
from latm.sdk import is_list, plain, read_object

__all__ = ["write_anthropic", "write_openai"]

# What a script may say of any service, in each one's own words.
_CUT = frozenset({"length", "max_tokens", "incomplete"})
_DONE = frozenset({"stop", "end_turn", "completed"})
_REFUSAL = "refusal"


def write_openai(path: str, reply: Reply) -> dict[str, Any]:
    """A body of the Responses API or of chat completions, as the request's path wants it."""
    return _responses(reply) if path.partition("?")[0].endswith("/responses") else _chat(reply)


def write_anthropic(_path: str, reply: Reply) -> dict[str, Any]:
    """A body of the Messages API."""
    reason = _word(reply, done="end_turn", cut="max_tokens", called="tool_use")
    content: list[Any] = [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{at}", "name": call.name, "input": plain(call.arguments)}
        for at, call in enumerate(reply.calls)
    ]
    usage = {
        "input_tokens": reply.usage.input,
        "cache_read_input_tokens": reply.usage.cache_read,
        "cache_creation_input_tokens": reply.usage.cache_write,
        "output_tokens": reply.usage.output,
    }
    return {
        "id": reply.metadata.get("anthropic.id", "msg_1"),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": _kept(reply, "anthropic.content") or content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": None if _uncounted(reply) else usage,
    }


def _chat(reply: Reply) -> dict[str, Any]:
    calls = [
        {
            "id": f"call_{at}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(plain(call.arguments))},
        }
        for at, call in enumerate(reply.calls)
    ]
    refused = reply.finish_reason == _REFUSAL
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if refused else reply.text or (None if calls else ""),
        "refusal": (reply.text or "no") if refused else None,
    }
    if calls:
        message["tool_calls"] = calls
    message |= plain(read_object(reply.metadata.get("openai.message")))
    reason = "stop" if refused else _word(reply, done="stop", cut="length", called="tool_calls")
    return {
        "id": reply.metadata.get("openai.id", "chatcmpl-1"),
        "object": "chat.completion",
        "created": 1,
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": _openai_usage(reply, "prompt_tokens", "completion_tokens"),
    }


def _responses(reply: Reply) -> dict[str, Any]:
    output: list[Any] = [
        {
            "type": "function_call",
            "id": f"fc_{at}",
            "call_id": f"call_{at}",
            "name": call.name,
            "arguments": json.dumps(plain(call.arguments)),
            "status": "completed",
        }
        for at, call in enumerate(reply.calls)
    ]
    if reply.finish_reason == _REFUSAL:
        output.append(_message({"type": "refusal", "refusal": reply.text or "no"}))
    elif reply.text or not output:
        output.append(_message({"type": "output_text", "text": reply.text, "annotations": []}))
    cut = reply.finish_reason in _CUT
    return {
        "id": reply.metadata.get("openai.id", "resp_1"),
        "object": "response",
        "created_at": 1,
        "model": reply.model,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": _kept(reply, "openai.output") or output,
        "usage": _openai_usage(reply, "input_tokens", "output_tokens"),
    }


def _message(part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def _openai_usage(reply: Reply, asked: str, answered: str) -> dict[str, Any] | None:
    """The counts in the words of one of the two protocols; what was asked includes what was cached."""
    if _uncounted(reply):
        return None
    usage = reply.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        asked: prompt,
        answered: usage.output,
        "total_tokens": prompt + usage.output,
        f"{asked}_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        f"{answered}_details": {"reasoning_tokens": 0},
    }


def _word(reply: Reply, *, done: str, cut: str, called: str) -> str:
    """The service's own word for why a reply ended; one that is no one's goes out as it is."""
    said = reply.finish_reason
    if said in _CUT:
        return cut
    if said is None or said in _DONE:
        return called if reply.calls else done
    return said


def _kept(reply: Reply, key: str) -> list[Any] | None:
    kept = reply.metadata.get(key)
    return plain(kept) if is_list(kept) else None


def _uncounted(reply: Reply) -> bool:
    return any(key.endswith(".usage_missing") for key in reply.metadata)
