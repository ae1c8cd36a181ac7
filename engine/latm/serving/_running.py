"""The transports of the MCP server; needs the extra ``mcp``."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, cast, final

import anyio
import uvicorn
from anyio.abc import TaskStatus
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latm.errors import ConfigError
from latm.serving._public import is_loopback
from latm.serving._stdin import Lines, private_stdin

PATH = "/mcp"
_CLOSING_S = 1  # for the last words of replies when an HTTP server ends


async def over_stdio(server: Server[Any]) -> None:
    """Serve one client over standard input and output, until it goes."""
    try:
        with private_stdin() as descriptor:
            stdin = cast("anyio.AsyncFile[str]", Lines(descriptor))  # nothing but its lines is asked for
            async with stdio_server(stdin=stdin) as (reader, writer):
                await server.run(reader, writer, server.create_initialization_options())
    except* BrokenPipeError:
        pass  # it went without waiting for a reply


async def over_http(
    server: Server[Any], *, host: str, port: int, on_ready: Callable[[str], None] | None
) -> None:
    """Serve any number of clients over streamable HTTP, until a signal comes.

    Raises:
        ConfigError: it cannot listen there.
    """
    with _listening(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        security = _local(shown) if is_loopback(host) else None
        app: ASGIApp = server.streamable_http_app(
            streamable_http_path=PATH, transport_security=security, host=host
        )
        sessions = _Sessions(server, app if security else _without_pages(app))
        config = uvicorn.Config(
            sessions,
            lifespan="off",
            log_config=None,  # what it says goes where the application's logging sends it
            access_log=False,
            timeout_graceful_shutdown=_CLOSING_S,
        )
        if on_ready is not None:
            on_ready(f"http://{shown}:{listening.getsockname()[1]}{PATH}")
        async with anyio.create_task_group() as tasks:
            await tasks.start(sessions.run)
            await _Server(config, sessions).serve(sockets=[listening])


def _local(shown: str) -> TransportSecuritySettings:
    """Requests to this machine by its own names alone, and of pages of its own; at port 80 they name none."""
    names = {"127.0.0.1", "localhost", "[::1]", shown}
    hosts = [each for name in sorted(names) for each in (name, f"{name}:*")]
    return TransportSecuritySettings(
        allowed_hosts=hosts, allowed_origins=[f"http://{each}" for each in hosts]
    )


def _without_pages(app: ASGIApp) -> ASGIApp:
    """An application that answers no page.

    Of an address that others reach nobody here knows by which names they do, so that a page of any site may
    have the name of its own resolve to it. But browsers tell of the page that asks, and none is served here.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "origin" in Headers(scope=scope):
            await PlainTextResponse("pages are not answered", 403)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer


@final
class _Sessions:
    """An application that ends the sessions of all clients before their connections are waited for.

    A client may hold a stream open as long as it likes, and would keep the server from ending.
    """

    def __init__(self, server: Server[Any], app: ASGIApp) -> None:
        self._server = server
        self._app = app
        self._ending = anyio.Event()
        self._ended = anyio.Event()
        self._requests: set[anyio.CancelScope] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless the server ends first."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        with anyio.CancelScope() as request:
            self._requests.add(request)
            try:
                await self._app(scope, receive, sending)
            finally:
                self._requests.discard(request)
        if request.cancelled_caught and not begun:
            await PlainTextResponse("the server is ending", 503)(scope, receive, send)

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Keep the sessions until they are to end."""
        try:
            async with self._server.session_manager.run():
                task_status.started()
                await self._ending.wait()
        finally:
            self._ended.set()

    async def end(self) -> None:
        """End the sessions, and with them what they are waiting for."""
        self._ending.set()
        await self._ended.wait()
        for request in tuple(self._requests):
            request.cancel()


@final
class _Server(uvicorn.Server):
    """Ends in order at a signal, and lets whoever runs it end in order too.

    Its own one would raise the signal once more when it has ended, before cells and library are closed.
    """

    def __init__(self, config: uvicorn.Config, sessions: _Sessions) -> None:
        super().__init__(config)
        self._sessions = sessions

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._sessions.end()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        reason = reason.partition(" (while ")[0]  # behind which the address is said again
        raise ConfigError(f"cannot listen at {host}:{port}: {reason}") from None
