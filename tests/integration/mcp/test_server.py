"""`latm.serving.mcp_server`: in one process with its client, as an application mounts it."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from integration.engine.models import DEFAULTS, ROLES, provider
from integration.mcp.clients import call
from integration.mcp.conftest import SOURCES
from integration.mcp.tools import tool
from latm import AsyncEngine, Config, ConfigError, Demonstration, Example, MissingDependency
from latm.library import Library
from latm.plugin import Request
from latm.serving import mcp_server, offers
from latm.serving._listing import Listing

pytestmark = pytest.mark.anyio


def calls(request: Request) -> str:
    return "```python\ntotal([3, 4])\n```"


@asynccontextmanager
async def connected(
    folder: Path, *, solve: bool = False, mode: str = "auto", **settings: Any
) -> AsyncIterator[tuple[AsyncEngine, Client]]:
    config = Config(library=f"sqlite:///{folder / 'tools.db'}", **settings)
    async with AsyncEngine(config, plugins={"fake": provider({**DEFAULTS, "user": calls})}) as engine:
        server = mcp_server(engine, solve=solve, poll_s=0.02)
        async with Client(server, mode=mode) as client:
            yield engine, client


@pytest.mark.docker
@pytest.mark.parametrize(("anyio_backend", "mode"), [("asyncio", "auto"), ("trio", "legacy")])
async def test_the_tools_are_those_that_serve_now(tmp_path: Path, mode: str) -> None:
    async with connected(tmp_path, mode=mode) as (engine, client):
        assert (await client.list_tools()).tools == []
        engine.store.add(tool("adding", SOURCES["adding"]))
        assert await call(client, "adding", {"numbers": [1]}) == (False, "1", {"result": 1})
        engine.store.add(tool("adding", SOURCES["adding"].replace("sum(numbers)", "-sum(numbers)")))
        (listed,) = (await client.list_tools(cache_mode="bypass")).tools
        assert listed.meta == {"latm/version": 2}
        assert (await call(client, "adding", {"numbers": [1]}))[1] == "-1"
        engine.store.quarantine(engine.store.get("adding"), "it is wrong")
        with pytest.raises(MCPError, match=r"Unknown tool: 'adding'\.$"):
            await client.call_tool("adding", {"numbers": [1]})


ODD = (
    ("def f() -> str:\n    return 'a \\ud800'\n", "a \ufffd", "a \ufffd"),
    ("def f() -> set[int]:\n    return {3, 1, 2}\n", "[1, 2, 3]", [1, 2, 3]),
    ("def f() -> dict[int, bytes]:\n    return {1: b'x'}\n", '[[1, "eA=="]]', [[1, "eA=="]]),
    ("def f() -> float:\n    return float('nan')\n", '"nan"', "nan"),
    ("def f() -> None:\n    pass\n", "null", None),
)


@pytest.mark.docker
async def test_values_that_json_has_not(tmp_path: Path) -> None:
    async with connected(tmp_path) as (engine, client):
        for number, (source, text, data) in enumerate(ODD):
            engine.store.add(tool(f"odd-{number}", source))
            assert await call(client, f"odd-{number}", {}) == (False, text, {"result": data})


@pytest.mark.docker
async def test_the_whole_engine_as_a_tool(tmp_path: Path) -> None:
    async with connected(tmp_path, solve=True, roles=ROLES) as (engine, client):
        engine.store.add(tool("adding", SOURCES["adding"], answer_type="number"))
        engine.store.add(tool("solve", SOURCES["adding"]))
        # Its own name is never a tool's of the library.
        assert [each.name for each in (await client.list_tools()).tools] == ["solve", "adding"]
        failed, text, data = await call(client, "solve", {"question": "What do 3 and 4 add up to?"})
        assert (failed, text) == (False, "7")
        assert data is not None
        assert {key: data[key] for key in ("text", "route", "tool", "tool_version", "cost_usd")} == {
            "text": "7",
            "route": "tool",
            "tool": "adding",
            "tool_version": 1,
            "cost_usd": None,
        }
        assert data["tokens"] > 0
        failed, text, data = await call(client, "solve", {"question": "What is the capital of France?"})
        assert (failed, text, data and data["route"]) == (False, "Paris", "model")
        for wrong in ({}, {"question": 3}, {"question": " "}, {"question": "Why?", "tool": "adding"}):
            failed, text, _ = await call(client, "solve", wrong)
            assert failed
            assert "solve takes one argument, question" in text


async def test_an_engine_that_has_no_answer_or_no_models_says_so(tmp_path: Path) -> None:
    roles = {**ROLES, "fallback": "none"}
    async with connected(tmp_path, solve=True, roles=roles) as (_, client):
        failed, text, _ = await call(client, "solve", {"question": "What is the capital of France?"})
        assert failed
        assert text
    async with connected(tmp_path, solve=True) as (_, client):
        failed, text, _ = await call(client, "solve", {"question": "Why?"})
        assert failed
        assert "roles" in text


async def test_a_cell_that_cannot_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    async with connected(tmp_path) as (engine, client):
        engine.store.add(tool("adding", SOURCES["adding"]))
        failed, text, _ = await call(client, "adding", {"numbers": [1]})
        assert failed
        assert "nowhere" in text


async def test_many_tools_come_page_by_page(tmp_path: Path) -> None:
    async with connected(tmp_path, solve=True) as (engine, client):
        for number in range(205):
            engine.store.add(tool(f"t{number:03}", SOURCES["adding"]))
        first = await client.list_tools()
        rest = await client.list_tools(cursor=first.next_cursor)
        assert rest.next_cursor is None
        names = [each.name for each in (*first.tools, *rest.tools)]
        assert names == ["solve", *(f"t{number:03}" for number in range(205))]


def test_a_listing_tells_changes_of_the_tools_from_others(tmp_path: Path) -> None:
    """Also of what is as before at the next look: a client may have seen it in between."""
    library = Library(f"sqlite:///{tmp_path / 'tools.db'}")
    library.add(tool("adding", SOURCES["adding"]))
    listing = Listing(library)
    numbers = [listing.current().number]
    for change in (
        lambda: library.remember("another", Example("Why?", "Because.")),
        lambda: library.add(tool("coded", "def coded(text):\n    return text\n", call_style="code")),
        lambda: library.retire("adding"),
        lambda: library.restore("adding"),
    ):
        change()
        numbers.append(listing.current().number)
    library.close()
    assert [number - numbers[0] for number in numbers] == [0, 0, 0, 1, 2]


@pytest.mark.parametrize(
    ("source", "changes", "reason"),
    [
        ("def f(text):\n    return text\n", {"call_style": "code"}, "what code makes of its function"),
        ("def f(text, /):\n    return text\n", {}, "takes arguments that have no names"),
        (
            "def f(text: str) -> list[str]:\n    return [text]\n",
            {"demonstrations": (Demonstration("a", "f('a')[0]"),)},
            "only a part of its function's value",
        ),
    ],
)
def test_what_was_verified_as_something_else_is_not_offered(
    source: str, changes: dict[str, object], reason: str
) -> None:
    offered, (withheld,) = offers([tool("other", source, **changes)])
    assert offered == ()
    assert str(withheld).startswith("other is not offered: ")
    assert reason in str(withheld)


async def test_a_server_needs_an_open_engine_and_a_span_of_time() -> None:
    with pytest.raises(ConfigError, match="not open"):
        mcp_server(AsyncEngine(Config(library="sqlite://")))
    async with AsyncEngine(Config(library="sqlite://")) as engine:
        with pytest.raises(ConfigError, match="poll_s"):
            mcp_server(engine, poll_s=0)


async def test_what_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    monkeypatch.delitem(sys.modules, "latm.serving._server", raising=False)
    async with AsyncEngine(Config(library="sqlite://")) as engine:
        with pytest.raises(
            MissingDependency, match=r"needs the package 'mcp', .*: pip install 'latm\[mcp\]'"
        ):
            mcp_server(engine)


async def test_a_long_contract_leaves_room_for_other_tools(tmp_path: Path) -> None:
    source = f"def f() -> str:\n    '''{'Long. ' * 2000}'''\n    return ''\n"
    async with connected(tmp_path) as (engine, client):
        engine.store.add(tool("long", source))
        (listed,) = (await client.list_tools()).tools
        assert isinstance(listed, types.Tool)
        assert listed.description is not None
        assert len(listed.description) == 4000
        assert listed.description.endswith("3 of 4 stages of verification held.")
        assert json.dumps(listed.description)
