"""The wire formats of two services, on the loopback interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TypeAlias, final

from latm.plugin import Reply, Usage
from latm.testing._bodies import write_anthropic, write_openai
from latm.testing._loopback import HttpReply, LoopbackServer, RecordedRequest

__all__ = ["AnthropicServer", "Face", "HttpServer", "OpenAIServer", "Scripted", "ServerScript"]

Line: TypeAlias = "str | Reply | HttpReply"
ServerScript: TypeAlias = "Sequence[Line] | Callable[[RecordedRequest], Line]"
"""Replies in order, or a function that makes one of each request.

A `Reply` is written as the service would: ``finish_reason`` may be ``refusal``, or ``length`` for one that
was cut; the metadata of the service's own provider is written back to where it came from, and with
``PROVIDER.usage_missing`` among it the body tells no usage."""


class Scripted:
    """A script that answers requests, and the tokens that it handed out."""

    def __init__(self, script: ServerScript, write: Callable[[str, Reply], object]) -> None:
        self._script = script
        self._write = write
        self._lock = threading.Lock()
        self._asked = 0
        self.usage = Usage()

    def respond(self, request: RecordedRequest) -> HttpReply:
        """The response to a request of a model."""
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
        return HttpReply(body=self._write(request.path, line))


class Face:
    """What is seen of a loopback server."""

    _base = ""

    def __init__(self, http: LoopbackServer) -> None:
        self._http = http

    @property
    def base_url(self) -> str:
        """What to give a client."""
        return f"http://127.0.0.1:{self._http.port}{self._base}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """All that arrived, oldest first."""
        return self._http.requests

    @property
    def arrived(self) -> threading.Event:
        """Set when a request has arrived."""
        return self._http.arrived

    @property
    def open_connections(self) -> int:
        """How many connections clients have open; one that a client closes is soon no more among them."""
        return self._http.open_connections

    def wait_until_left(self, within_s: float = 5.0) -> bool:
        """Wait until no client is connected any more; False if one still is after that time."""
        return self._http.wait_until_left(within_s)

    def release(self) -> None:
        """Let every held response go on."""
        self._http.release()

    def _enter(self) -> None:
        self._http.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()


class _Service(Face):
    def __init__(self, script: ServerScript, write: Callable[[str, Reply], object]) -> None:
        self._scripted = Scripted(script, write)
        super().__init__(LoopbackServer(self._scripted.respond))

    @property
    def usage(self) -> Usage:
        """The tokens of all replies handed out, those of ``HttpReply`` apart."""
        return self._scripted.usage


@final
class HttpServer(Face):
    """A context manager: a server of any protocol over HTTP, on the loopback interface.

    Args:
        respond: makes the response of a request; called from many threads.
        port: where to listen; on a free port if 0.
    """

    def __init__(self, respond: Callable[[RecordedRequest], HttpReply], *, port: int = 0) -> None:
        super().__init__(LoopbackServer(respond, port=port))

    def __enter__(self) -> HttpServer:
        self._enter()
        return self


@final
class OpenAIServer(_Service):
    """A context manager: a server of chat completions and of the Responses API.

    Args:
        script: texts, replies or raw responses, in order or as a function of the request. Where it has
            ended, the server replies with status 400.
    """

    _base = "/v1"

    def __init__(self, script: ServerScript) -> None:
        super().__init__(script, write_openai)

    def __enter__(self) -> OpenAIServer:
        self._enter()
        return self


@final
class AnthropicServer(_Service):
    """A context manager: a server of the Messages API.

    Args:
        script: texts, replies or raw responses, in order or as a function of the request. Where it has
            ended, the server replies with status 400.
    """

    def __init__(self, script: ServerScript) -> None:
        super().__init__(script, write_anthropic)

    def __enter__(self) -> AnthropicServer:
        self._enter()
        return self
