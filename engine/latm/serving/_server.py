"""The MCP server of an engine; needs the extra ``mcp``."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, TypeAlias, final

import anyio
import mcp_types as types
from mcp.server import NotificationOptions, Server, ServerRequestContext
from mcp.server.models import InitializationOptions
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.shared.exceptions import MCPError

from latm._engine import AsyncEngine
from latm._rooms import Background
from latm._threads import in_thread
from latm.errors import LatmError, LibraryError, nearest
from latm.serving._listing import Listed, Listing
from latm.serving._results import answered, called, refused
from latm.serving._schemas import SOLVE, SOLVE_TOOL, mcp_tool
from latm_sandbox import SandboxError

Context: TypeAlias = ServerRequestContext[Any, Any]


_PAGE = 200  # tools of one reply to tools/list
_INSTRUCTIONS = (
    "Each tool is a function that a language model wrote and that was verified on known answers before it "
    "was taken in. A call runs in an isolated sandbox and asks no model. A result is an error where the "
    "arguments do not fit, where the function says that it cannot answer, or where it ran into a limit."
)

logger = logging.getLogger("latm.mcp")


class LatmServer(Server[None]):
    """A server that says at every handshake that its tools change; by itself the package never says so."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """The options, with changes of the tools announced unless the caller says otherwise."""
        return super().create_initialization_options(
            notification_options or NotificationOptions(tools_changed=True),
            experimental_capabilities,
            extensions,
        )


@final
class Desk:
    """Answers the requests of all clients of a server.

    Args:
        engine: open, and stays so as long as the server runs.
        solve: whether the whole engine is offered too.
        poll_s: seconds between two looks at the library.
    """

    def __init__(self, engine: AsyncEngine, *, solve: bool, poll_s: float) -> None:
        self._engine = engine
        self._solve = solve
        self._poll_s = poll_s
        self._listing = Listing(engine.store, reserved=frozenset({SOLVE} if solve else ()))
        self._told: int | None = None
        self._running = 0
        self._bus = InMemorySubscriptionBus()
        self._listening: set[int] = set()
        self.listen = ListenHandler(self._bus)

    async def current(self) -> Listed:
        """What is offered now."""
        return await in_thread(self._listing.current)

    def schema(self, name: str) -> Mapping[str, Any] | None:
        """The schema of a tool's arguments, as it was when the tools were last looked at."""
        if self._solve and name == SOLVE:
            return SOLVE_TOOL.input_schema
        offer = self._listing.last.offers.get(name)
        return None if offer is None else offer.parameters

    async def list_tools(
        self, ctx: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """Answer ``tools/list``; a cursor is the last name of the page before."""
        del ctx
        offers = (await self._now()).offers
        cursor = None if params is None else params.cursor
        first = cursor is None
        rest = [offer for name, offer in offers.items() if first or name > str(cursor)]
        page = [mcp_tool(offer) for offer in rest[:_PAGE]]
        if self._solve and first:
            page.insert(0, SOLVE_TOOL)
        more = rest[_PAGE - 1].name if len(rest) > _PAGE else None
        return types.ListToolsResult(tools=page, next_cursor=more)

    async def call_tool(self, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        """Answer ``tools/call``: what goes wrong with a call is a result, as the protocol wants it.

        Raises:
            MCPError: there is no such tool, or the library cannot be read.
        """
        del ctx
        arguments = params.arguments or {}
        try:
            if self._solve and params.name == SOLVE:
                return await self._solved(arguments)
            listed = await self._now()
            offer = listed.offers.get(params.name)
            if offer is None:
                raise _unknown(params.name, listed, solve=self._solve)
            return called(offer, await self._engine.call(offer.tool, arguments))
        except (LatmError, SandboxError) as error:
            logger.warning("%s: %s", params.name, error)
            return refused(str(error))

    async def initialized(self, ctx: Context, params: types.NotificationParams | None) -> None:
        """Tell a client of the handshake protocols of changes for as long as it is connected.

        The package runs this in the tasks of the connection, and so it ends with it. Clients of the newer
        protocol ask for the changes themselves, by ``subscriptions/listen``.
        """
        del params
        client = id(ctx.session.client_params)
        if client in self._listening:
            return
        changes = Changes()
        stop = self._bus.subscribe(changes)
        self._listening.add(client)
        try:
            while True:
                await changes.wait()
                await ctx.session.send_tool_list_changed()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return
        finally:
            self._listening.discard(client)
            stop()

    @asynccontextmanager
    async def lifespan(self, server: Server[None]) -> AsyncGenerator[None, None]:
        """Watch the library while the server runs."""
        del server
        self._running += 1
        try:
            async with Background() as tasks:
                tasks.start_soon(self._watch)
                yield
        finally:
            self._running -= 1
            if not self._running:
                self.listen.close()  # or the streams of clients would keep an HTTP server from ending

    async def _now(self) -> Listed:
        try:
            return await self.current()
        except LibraryError as error:
            logger.warning("the library cannot be read: %s", error)
            raise MCPError(types.INTERNAL_ERROR, "the library of tools cannot be read") from None

    async def _watch(self) -> None:
        well = True
        while True:
            try:
                listed = await self.current()
            except LibraryError as error:
                if well:
                    logger.warning("the library cannot be read: %s", error)
                well = False
            else:
                well = True
                # Several of these may run, one for each connection: whoever sees a change first tells of it.
                before, self._told = self._told, listed.number
                if before is not None and before != listed.number:
                    await self._bus.publish(ToolsListChanged())
            await anyio.sleep(self._poll_s)

    async def _solved(self, arguments: Mapping[str, Any]) -> types.CallToolResult:
        question = arguments.get("question")
        if not isinstance(question, str) or not question.strip() or len(arguments) > 1:
            return refused('arguments: solve takes one argument, question, a text: {"question": "..."}')
        return answered(await self._engine.solve(question))


@final
class Changes:
    """A listener that remembers that something changed, and no more."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def __call__(self, event: object) -> None:
        """Hear of a change."""
        del event
        self._event.set()

    async def wait(self) -> None:
        """Wait for the next change; several at once are one."""
        await self._event.wait()
        self._event = anyio.Event()


def build(engine: AsyncEngine, *, solve: bool, poll_s: float) -> Server[None]:
    """The server of an open engine, without a transport."""
    desk = Desk(engine, solve=solve, poll_s=poll_s)
    server = LatmServer(
        "latm",
        version=version("latm"),
        title="latm",
        instructions=_INSTRUCTIONS,
        lifespan=desk.lifespan,
        get_tool_input_schema=desk.schema,
        on_list_tools=desk.list_tools,
        on_call_tool=desk.call_tool,
        on_subscriptions_listen=desk.listen,
    )
    server.add_notification_handler("notifications/initialized", types.NotificationParams, desk.initialized)
    return server


def _unknown(name: str, listed: Listed, *, solve: bool) -> MCPError:
    for each in listed.withheld:
        if each.tool.name == name:
            return MCPError(types.INVALID_PARAMS, f"Unknown tool: {name!r} is not offered: {each.reason}")
    known = [*listed.offers, *([SOLVE] if solve else [])]
    return MCPError(types.INVALID_PARAMS, f"Unknown tool: {name!r}.{nearest(name, known)}")
