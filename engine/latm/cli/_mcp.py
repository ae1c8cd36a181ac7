"""``latm mcp``."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
import typer

from latm._engine import AsyncEngine
from latm._rooms import Background
from latm.cli._say import note
from latm.cli._setting import ConfigOption, LibraryOption, build_config
from latm.config import Config
from latm.errors import ConfigError, LibraryError
from latm.library import missing_file

DEFAULT_HOST = "127.0.0.1"
_HIGHEST_PORT = 65_535


def mcp(
    http: Annotated[
        str | None,
        typer.Option(
            "--http",
            metavar="[HOST:]PORT",
            help=f"Serve over streamable HTTP instead, at {DEFAULT_HOST} unless HOST says otherwise.",
        ),
    ] = None,
    solve: Annotated[
        bool,
        typer.Option("--solve", help="Offer the whole engine too, as the tool solve. It asks models."),
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the library's tools to MCP clients: over standard input and output, or over HTTP.

    Calls run in the sandbox and ask no model. Ctrl-C ends it.

    Examples: latm mcp --library /srv/latm.db · latm mcp --http 8000
    """
    address = None if http is None else read_address(http)
    settings = build_config(config, library=library)
    if solve and not settings.filled:
        raise ConfigError("--solve needs models: fill the roles in [roles] of the configuration")
    if not solve and (absent := missing_file(settings.library.url)) is not None:
        # Clients start servers in folders of their own choice: an empty library there would explain nothing.
        raise LibraryError(
            f"{absent} is not there, seen from {Path.cwd()}: give its whole path by --library, or make a tool"
        )
    if address is None:
        anyio.run(_until_told, partial(_serve_stdio, settings, solve=solve))
    else:
        with suppress(KeyboardInterrupt):  # uvicorn raises it once more when all is closed
            anyio.run(partial(_serve_http, settings, *address, solve=solve))


def read_address(text: str) -> tuple[str, int]:
    """``[HOST:]PORT`` as host and port; an IPv6 address stands in brackets.

    Raises:
        ConfigError: it is no such thing.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT):
        raise ConfigError(f"must be PORT or HOST:PORT, such as 8000, and not {text!r}", where="--http")
    return host.removeprefix("[").removesuffix("]") or DEFAULT_HOST, int(port)


async def _serve_stdio(config: Config, *, solve: bool) -> None:
    from latm.serving import serve_stdio

    async with AsyncEngine(config) as engine:
        await _say_what_is_served(engine, solve=solve)
        await serve_stdio(engine, solve=solve)


async def _serve_http(config: Config, host: str, port: int, *, solve: bool) -> None:
    from latm.serving import serve_http

    async with AsyncEngine(config) as engine:
        await _say_what_is_served(engine, solve=solve)
        await serve_http(
            engine, host=host, port=port, solve=solve, on_ready=lambda url: _say_where(url, host=host)
        )


async def _say_what_is_served(engine: AsyncEngine, *, solve: bool) -> None:
    from latm.serving import offers

    offered, withheld = offers(await engine.library.list())
    for each in withheld:
        note(str(each), "yellow")
    whole = " and the engine as solve" if solve else ""
    note(f"{len(offered)} tools of {engine.store.url}{whole}")


def _say_where(url: str, *, host: str) -> None:
    from latm.serving import is_loopback

    note(f"serving at {url}")
    if not is_loopback(host):
        note("whoever reaches this address may call the tools: nobody is asked for a password", "yellow")


async def _until_told(work: Callable[[], Awaitable[None]]) -> None:
    """Do something until it ends or a signal asks to; cells and library are closed behind it."""
    with anyio.CancelScope() as scope:

        async def watch() -> None:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for _ in signals:
                    scope.cancel()

        async with Background() as tasks:
            tasks.start_soon(watch)
            await work()
