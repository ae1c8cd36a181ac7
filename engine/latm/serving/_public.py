"""What applications call to serve an engine's tools over MCP."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from latm._engine import AsyncEngine
from latm._tables import seconds
from latm.errors import MissingDependency

if TYPE_CHECKING:
    from mcp.server import Server

POLL_S = 1.0
"""Seconds between two looks at a library's mark of changes; one look is one small query."""


def mcp_server(engine: AsyncEngine, *, solve: bool = False, poll_s: float = POLL_S) -> Server[None]:
    """An MCP server with the tools of an engine's library, for any transport of the package ``mcp``.

    To mount it in an application of your own, give ``server.streamable_http_app()`` to Starlette or FastAPI
    and enter its lifespan with yours::

        async with AsyncEngine(config) as engine:
            server = mcp_server(engine)
            app = server.streamable_http_app()

    Offered is every tool that serves and was verified as one call by literal arguments; see `offers`. What
    another process makes, retires or rolls back is announced to the clients.

    Args:
        engine: open; it stays the caller's, who closes it after the server has ended.
        solve: whether the engine itself is offered too, as the tool ``solve``: it asks models and costs
            money, within the budgets of the configuration.
        poll_s: seconds between two looks at the library's mark of changes.

    Raises:
        MissingDependency: the extra ``mcp`` is not installed.
        ConfigError: the engine is not open, or `poll_s` is not above 0.
    """
    seconds(poll_s=poll_s)
    with _needed():
        from latm.serving._server import build
    return build(engine, solve=solve, poll_s=poll_s)


async def serve_stdio(engine: AsyncEngine, *, solve: bool = False, poll_s: float = POLL_S) -> None:
    """Serve one client over this process's standard input and output, until it goes away.

    Meanwhile what others write to standard output goes to standard error.

    Args:
        engine: open; it stays the caller's.
        solve: see `mcp_server`.
        poll_s: see `mcp_server`.

    Raises:
        MissingDependency: the extra ``mcp`` is not installed.
        ConfigError: see `mcp_server`.
    """
    server = mcp_server(engine, solve=solve, poll_s=poll_s)
    from latm.serving._running import over_stdio

    await over_stdio(server)


async def serve_http(
    engine: AsyncEngine,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    solve: bool = False,
    poll_s: float = POLL_S,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve clients over streamable HTTP at the path ``/mcp``, on asyncio, until SIGINT or SIGTERM.

    There is no authentication: whoever reaches the address may call. At a loopback address requests are
    refused that a page of another machine makes, and elsewhere those of any page.

    Args:
        engine: open; it stays the caller's.
        host: address to listen at.
        port: 0 takes a free one.
        solve: see `mcp_server`.
        poll_s: see `mcp_server`.
        on_ready: told of the server's URL once clients can connect.

    Raises:
        MissingDependency: the extra ``mcp`` is not installed.
        ConfigError: it cannot listen there; see `mcp_server`.
    """
    server = mcp_server(engine, solve=solve, poll_s=poll_s)
    from latm.serving._running import over_http

    await over_http(server, host=host, port=port, on_ready=on_ready)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches what listens at an address or host name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _needed() -> Generator[None, None, None]:
    try:
        yield
    except ModuleNotFoundError as error:
        # Its records are a package of their own, which nobody installs by name.
        module = "mcp" if error.name == "mcp_types" else str(error.name)
        raise MissingDependency("serving over MCP", module=module, extra="mcp") from None
