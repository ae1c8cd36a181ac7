"""The official client in both eras of the protocol, and by both transports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from integration.mcp.conftest import command


@asynccontextmanager
async def over_http(
    url: str, heard: Callable[[object], None] = lambda _: None
) -> AsyncGenerator[ClientSession]:
    """A session of the handshake protocol."""
    async with (
        streamable_http_client(url) as streams,
        ClientSession(streams[0], streams[1], message_handler=_hearing(heard)) as session,
    ):
        await session.initialize()
        yield session


@asynccontextmanager
async def over_stdio(
    folder: str, heard: Callable[[object], None] = lambda _: None
) -> AsyncGenerator[ClientSession]:
    """A session with a server of its own, whose end it waits for."""
    program, *arguments = command("mcp")
    server = StdioServerParameters(command=program, args=arguments, cwd=folder)
    async with (
        stdio_client(server) as (reader, writer),
        ClientSession(reader, writer, message_handler=_hearing(heard)) as session,
    ):
        await session.initialize()
        yield session


def _hearing(heard: Callable[[object], None]) -> Any:
    async def handler(message: object) -> None:
        heard(message)

    return handler


async def call(
    client: ClientSession | Client, name: str, arguments: Mapping[str, Any]
) -> tuple[bool, str, Mapping[str, Any] | None]:
    """Whether a call failed, its text and its data."""
    result = await client.call_tool(name, dict(arguments))
    assert isinstance(result, types.CallToolResult)
    first = result.content[0]
    assert isinstance(first, types.TextContent)
    return bool(result.is_error), first.text, result.structured_content
