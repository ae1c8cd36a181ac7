"""`latm mcp --http`, asked by the official client."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from integration.mcp.clients import call, over_http
from integration.mcp.conftest import SOURCES, Served, fill, serving
from integration.mcp.tools import tool
from integration.sandbox.leftovers import containers
from latm import AsyncEngine, Config
from latm.serving import serve_http

pytestmark = [pytest.mark.docker, pytest.mark.anyio]
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}


async def test_tools_are_listed_with_contract_schema_and_evidence_and_no_question(served: Served) -> None:
    async with over_http(served.url) as session:
        listed = {each.name: each for each in (await session.list_tools()).tools}
    assert set(listed) == set(SOURCES)
    adding = listed["adding"]
    assert adding.description == (
        "total(numbers: list[int]) -> int\nAdd numbers up.\n\n"
        "latm tool adding, version 1, made by fake:maker. 3 of 4 stages of verification held:\n"
        "- verify: 6 answers are right; the maker did not know 3 of them.\n"
        "- opinion: held\n"
        "- scaling: open\n"
        "- exam: 5 of 6 unseen questions were answered rightly."
    )
    assert adding.input_schema == {
        "type": "object",
        "properties": {"numbers": {"type": "array", "items": {"type": "integer"}}},
        "required": ["numbers"],
        "additionalProperties": False,
    }
    assert adding.annotations is not None
    assert adding.annotations.read_only_hint
    assert adding.meta == {"latm/version": 1}
    assert any("coded is not offered: its answer is what code makes" in line for line in served.said)


async def test_a_call_runs_and_says_what_it_gave(served: Served) -> None:
    async with over_http(served.url) as session:
        assert await call(session, "adding", {"numbers": [3, 4]}) == (False, "7", {"result": 7})
    async with Client(served.url) as client:
        assert client.protocol_version >= "2026"
        assert await call(client, "adding", {"numbers": [3, 5]}) == (False, "8", {"result": 8})


async def test_calls_at_once_each_get_their_own_answer(served: Served) -> None:
    got: dict[float, tuple[bool, str, object]] = {}

    async with over_http(served.url) as one, Client(served.url) as other, anyio.create_task_group() as tasks:

        async def ask(client: object, s: float) -> None:
            got[s] = await call(client, "napping", {"s": s})  # type: ignore[arg-type]

        for number in range(8):
            tasks.start_soon(ask, (one, other)[number % 2], number / 100)
    assert got == {n / 100: (False, str(n / 100), {"result": n / 100}) for n in range(8)}


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("adding", {}, "arguments: the argument numbers of total is missing"),
        (
            "adding",
            {"numbers": "3, 4"},
            "arguments: the argument numbers of total is '3, 4', which is no list[int]",
        ),
        (
            "adding",
            {"numbers": [1], "more": 2},
            "arguments: total has no argument more: it is total(numbers: list[int]) -> int",
        ),
        ("failing", {"of": 0}, "failing raised ValueError: of nothing"),
        ("napping", {"s": 60}, "napping did not finish within its time limit and was stopped."),
    ],
)
async def test_what_goes_wrong_with_a_call_is_its_result(
    served: Served, name: str, arguments: dict[str, object], problem: str
) -> None:
    async with over_http(served.url) as session:
        assert await call(session, name, arguments) == (True, problem, None)


async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(served: Served) -> None:
    async with over_http(served.url) as session:
        with pytest.raises(MCPError, match=r"Unknown tool: 'addding'\. Did you mean 'adding'\?"):
            await session.call_tool("addding", {})
        with pytest.raises(MCPError, match="'coded' is not offered: its answer is what code makes"):
            await session.call_tool("coded", {})
        assert not (await call(session, "adding", {"numbers": []}))[0]


async def test_changes_by_another_process_are_announced(served: Served) -> None:
    """A tool made, rolled back and taken out of use, to clients of both eras."""
    heard: list[object] = []
    changed = anyio.Event()

    def hear(message: object) -> None:
        heard.append(message)
        changed.set()

    async with (
        over_http(served.url, hear) as session,
        Client(served.url) as client,
        client.listen(tools_list_changed=True) as changes,
    ):

        async def after(change: object) -> set[str]:
            nonlocal changed
            await anyio.to_thread.run_sync(change)  # type: ignore[arg-type]
            with anyio.fail_after(20):
                await changed.wait()
                await anext(changes)
            changed = anyio.Event()
            return {each.name for each in (await session.list_tools()).tools}

        assert "fresh" in await after(lambda: served.library.add(tool("fresh", SOURCES["adding"])))
        assert "fresh" not in await after(lambda: served.library.rollback("fresh"))
        assert "adding" not in await after(lambda: served.library.retire("adding"))
        assert "adding" in await after(lambda: served.library.restore("adding"))
    assert [getattr(each, "method", None) for each in heard] == ["notifications/tools/list_changed"] * 4


@contextmanager
def posted(url: str, body: dict[str, object], **headers: str) -> Iterator[http.client.HTTPResponse]:
    """The beginning of a response; the connection is closed without reading the rest."""
    accepted = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.netloc, timeout=20)) as connection:
        text = json.dumps({"jsonrpc": "2.0", **body})
        connection.request("POST", parts.path, text, {**accepted, **headers})
        with connection.getresponse() as response:
            yield response


async def test_a_client_that_goes_away_mid_call_harms_nobody(served: Served) -> None:
    with posted(served.url, {"id": 1, "method": "initialize", "params": HELLO}) as response:
        session = response.headers["mcp-session-id"]
    asked = {"name": "napping", "arguments": {"s": 1}}
    for number in range(4):
        body: dict[str, object] = {"id": number + 2, "method": "tools/call", "params": asked}
        with posted(served.url, body, **{"mcp-session-id": session}) as response:
            assert response.status == 200
    async with Client(served.url) as client:
        assert await call(client, "adding", {"numbers": [1, 1]}) == (False, "2", {"result": 2})
    assert served.process.poll() is None


@pytest.mark.parametrize(
    ("headers", "status"), [({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)]
)
def test_a_page_of_another_site_is_refused(served: Served, headers: dict[str, str], status: int) -> None:
    with posted(served.url, {"id": 1, "method": "ping"}, **headers) as response:
        assert response.status == status


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.0.0.1", {"Host": "127.0.0.1", "Origin": "http://localhost"}, 200),  # at port 80 none is named
        ("127.0.0.1", {"Host": "127.0.0.1.evil.example"}, 421),
        ("127.0.0.2", {}, 200),
        ("127.0.0.2", {"Host": "evil.example", "Origin": "http://evil.example"}, 421),
        ("0.0.0.0", {"Host": "latm.example"}, 200),
        ("0.0.0.0", {"Host": "evil.example", "Origin": "http://evil.example"}, 403),
    ],
)
async def test_whoever_may_ask_is_known_by_address_and_origin(
    host: str, headers: dict[str, str], status: int
) -> None:
    """A page whose name resolves to the server's address (DNS rebinding) is of one origin with it."""
    ready, url = anyio.Event(), ""

    def listening(where: str) -> None:
        nonlocal url
        url = where.replace("0.0.0.0", "127.0.0.1")
        ready.set()

    def ask() -> int:
        with posted(url, {"id": 1, "method": "initialize", "params": HELLO}, **headers) as response:
            return response.status

    async with AsyncEngine(Config(library="sqlite://")) as engine, anyio.create_task_group() as tasks:
        tasks.start_soon(partial(serve_http, engine, host=host, port=0, on_ready=listening))
        await ready.wait()
        assert await anyio.to_thread.run_sync(ask) == status
        tasks.cancel_scope.cancel()


async def test_it_ends_in_order_whatever_clients_hold_open(tmp_path: Path) -> None:
    library = fill(tmp_path)
    with serving(tmp_path, library) as served:
        async with Client(served.url) as client, client.listen(tools_list_changed=True):
            assert (await call(client, "adding", {"numbers": [2]}))[1] == "2"
            assert containers(pid=served.process.pid)
            served.process.send_signal(signal.SIGTERM)
            out, err = await anyio.to_thread.run_sync(lambda: served.process.communicate(timeout=30))
    library.close()
    assert (served.process.returncode, out, err) == (0, "", "")
    until = time.monotonic() + 10
    while containers(pid=served.process.pid) and time.monotonic() < until:
        pass
    assert not containers(pid=served.process.pid)
