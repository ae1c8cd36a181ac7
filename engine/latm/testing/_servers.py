"""The wire formats of two services, on the loopback interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeAlias, final

from latm.plugin import Reply, Usage
from latm.testing._loopback import HttpReply, LoopbackServer, RecordedRequest

__all__ = ["AnthropicServer", "OpenAIServer", "ServerScript"]

Line: TypeAlias = "str | Reply | HttpReply"
ServerScript: TypeAlias = "Sequence[Line] | Callable[[RecordedRequest], Line]"
"""Replies in order, or a function that makes one of each request."""


class _Scripted:
    """A script behind a loopback server, and the tokens that it handed out."""

    def __init__(self, script: ServerScript, write: Callable[[RecordedRequest, Reply], object]) -> None:
        self._script = script
        self._write = write
        self._lock = threading.Lock()
        self._asked = 0
        self.usage = Usage()
        self.http = LoopbackServer(self._respond)

    def _respond(self, request: RecordedRequest) -> HttpReply:
        with self._lock:
            position = self._asked
            self._asked += 1
        if callable(self._script):
            line = self._script(request)
        elif position < len(self._script):
            line = self._script[position]
        else:
            message = f"the script has {len(self._script)} replies; {position + 1} were asked for"
            return HttpReply(status=400, body={"error": {"type": "script_ended", "message": message}})
        if isinstance(line, HttpReply):
            return line
        if isinstance(line, str):
            usage = Usage(input=len(json.dumps(request.body).split()), output=len(line.split()))
            line = Reply(text=line, usage=usage, model="")
        if not line.model:
            line = replace(line, model=str(request.body.get("model")))
        with self._lock:
            self.usage += line.usage
        return HttpReply(body=self._write(request, line))


class _Face:
    _base = ""

    def __init__(self, script: ServerScript, write: Callable[[RecordedRequest, Reply], object]) -> None:
        self._scripted = _Scripted(script, write)

    @property
    def base_url(self) -> str:
        """What to give a client."""
        return f"http://127.0.0.1:{self._scripted.http.port}{self._base}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """All that arrived, oldest first."""
        return self._scripted.http.requests

    @property
    def usage(self) -> Usage:
        """The tokens of all replies handed out, those of ``HttpReply`` apart."""
        return self._scripted.usage

    @property
    def arrived(self) -> threading.Event:
        """Set when a request has arrived."""
        return self._scripted.http.arrived

    def release(self) -> None:
        """Let every held response go on."""
        self._scripted.http.release()

    def _enter(self) -> None:
        self._scripted.http.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scripted.http.close()


@final
class OpenAIServer(_Face):
    """A context manager: a server of chat completions and of the Responses API.

    Args:
        script: texts, replies or raw responses, in order or as a function of the request. Where it has
            ended, the server replies with status 400.
    """

    _base = "/v1"

    def __init__(self, script: ServerScript) -> None:
        super().__init__(script, _write_openai)

    def __enter__(self) -> OpenAIServer:
        self._enter()
        return self


@final
class AnthropicServer(_Face):
    """A context manager: a server of the Messages API.

    Args:
        script: texts, replies or raw responses, in order or as a function of the request. Where it has
            ended, the server replies with status 400.
    """

    def __init__(self, script: ServerScript) -> None:
        super().__init__(script, _write_anthropic)

    def __enter__(self) -> AnthropicServer:
        self._enter()
        return self


def _write_openai(request: RecordedRequest, reply: Reply) -> object:
    return _responses(reply) if request.path.partition("?")[0].endswith("/responses") else _chat(reply)


def _chat(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    calls = [
        {
            "id": f"call_{at}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for at, call in enumerate(reply.calls)
    ]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": reply.text or (None if calls else ""),
        "refusal": None,
    }
    if calls:
        message["tool_calls"] = calls
    reason = reply.finish_reason or ("tool_calls" if calls else "stop")
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": usage.output,
            "total_tokens": prompt + usage.output,
            "prompt_tokens_details": {
                "cached_tokens": usage.cache_read,
                "cache_write_tokens": usage.cache_write,
            },
        },
    }


def _responses(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    output: list[dict[str, Any]] = [
        {
            "type": "function_call",
            "id": f"fc_{at}",
            "call_id": f"call_{at}",
            "name": call.name,
            "arguments": json.dumps(call.arguments),
            "status": "completed",
        }
        for at, call in enumerate(reply.calls)
    ]
    if reply.text or not output:
        content: list[Any] = [{"type": "output_text", "text": reply.text, "annotations": []}]
        output.append(
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
        )
    cut = reply.finish_reason in ("length", "incomplete")
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": reply.model,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": output,
        "usage": {
            "input_tokens": prompt,
            "output_tokens": usage.output,
            "total_tokens": prompt + usage.output,
            "input_tokens_details": {
                "cached_tokens": usage.cache_read,
                "cache_write_tokens": usage.cache_write,
            },
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _write_anthropic(request: RecordedRequest, reply: Reply) -> object:  # noqa: ARG001 - one signature for all
    content: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{at}", "name": call.name, "input": dict(call.arguments)}
        for at, call in enumerate(reply.calls)
    ]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": reply.finish_reason or ("tool_use" if reply.calls else "end_turn"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": reply.usage.input,
            "cache_read_input_tokens": reply.usage.cache_read,
            "cache_creation_input_tokens": reply.usage.cache_write,
            "output_tokens": reply.usage.output,
        },
    }
