"""The transports of the MCP server; needs the extra ``mcp``."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, cast, final

import anyio
import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server

from latm.errors import ConfigError
from latm.serving._public import is_loopback
from latm.serving._stdin import Lines, private_stdin

PATH = "/mcp"
_CLOSING_S = 1  # for replies that are under way when an HTTP server is to end


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
        # Of an address that others reach, too, nobody here knows by which names they do.
        app = server.streamable_http_app(
            streamable_http_path=PATH, host="127.0.0.1" if is_loopback(host) else host
        )
        running = _Server(
            uvicorn.Config(
                app,
                log_config=None,  # what it says goes where the application's logging sends it
                access_log=False,
                timeout_graceful_shutdown=_CLOSING_S,
            )
        )
        if on_ready is not None:
            shown = f"[{host}]" if ":" in host else host
            on_ready(f"http://{shown}:{listening.getsockname()[1]}{PATH}")
        await running.serve(sockets=[listening])


@final
class _Server(uvicorn.Server):
    """Ends in order at a signal, and lets whoever runs it end in order too.

    Its own one would raise the signal once more when it has ended, before cells and library are closed.
    """

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
        raise ConfigError(f"cannot listen at {host}:{port}: {reason}", where="http") from None
