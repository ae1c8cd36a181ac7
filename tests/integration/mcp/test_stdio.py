"""`latm mcp` over standard input and output, asked by the official client and by hand."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from typer.testing import CliRunner

from integration.mcp.clients import call, over_stdio
from integration.mcp.conftest import command, environment
from integration.sandbox.leftovers import containers
from latm.cli._app import app
from latm.library import Library

pytestmark = pytest.mark.docker

HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}


def gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while (left := containers(pid=pid)) and time.monotonic() < until:
        pass
    return not left


@contextmanager
def started(folder: Path, stdin: int | IO[bytes] = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command("mcp"),
        cwd=folder,
        env=environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a signal from a terminal is sent here
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[bytes], **message: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The next line of standard output, which has to be a message of the protocol."""
    assert process.stdout is not None
    message: dict[str, Any] = json.loads(process.stdout.readline())
    assert message["jsonrpc"] == "2.0"
    return message


def greet(process: subprocess.Popen[bytes]) -> None:
    say(process, id=1, method="initialize", params=HELLO)
    assert hear(process)["result"]["capabilities"]["tools"] == {"listChanged": True}
    say(process, method="notifications/initialized")


@pytest.mark.anyio
async def test_the_official_client_lists_and_calls(library: Library, tmp_path: Path) -> None:
    async with over_stdio(str(tmp_path)) as session:
        assert [each.name for each in (await session.list_tools()).tools] == ["adding", "failing", "napping"]
        assert await call(session, "adding", {"numbers": [3, 4]}) == (False, "7", {"result": 7})
        # It prints on its way, which is no part of any message.
        assert await call(session, "napping", {"s": 0}) == (False, "0", {"result": 0})


def test_a_client_that_goes_away_mid_call_ends_it_and_its_cells(library: Library, tmp_path: Path) -> None:
    with started(tmp_path) as server:
        assert server.stdin is not None
        server.stdin.write(b"no message, and passed over\n\xff\xfe\n")
        greet(server)
        say(server, id=2, method="tools/call", params={"name": "adding", "arguments": {"numbers": [1]}})
        assert hear(server)["result"]["content"] == [{"type": "text", "text": "1"}]
        say(server, id=3, method="tools/call", params={"name": "napping", "arguments": {"s": 60}})
        assert containers(pid=server.pid)
        out, err = server.communicate(timeout=30)
    assert server.returncode == 0, err
    # What is still said, if anything, is of the protocol.
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert err.decode().splitlines()[-1] == "3 tools of sqlite:///tools.db"
    assert gone(server.pid)


def test_ctrl_c_ends_it_in_a_terminal(library: Library, tmp_path: Path) -> None:
    """Nothing more has to be typed for that."""
    mine, its = pty.openpty()
    try:
        with started(tmp_path, its) as server:
            os.write(mine, json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode() + b"\n")
            assert hear(server)["id"] == 1  # it runs, and waits for more
            server.send_signal(signal.SIGINT)
            out, err = server.communicate(timeout=30)
    finally:
        os.close(mine)
        os.close(its)
    assert (server.returncode, out) == (0, b""), err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--http", "evil"], "--http: must be PORT or HOST:PORT, such as 8000, and not 'evil'"),
        (["--http", "127.0.0.1:99999"], "--http: must be PORT or HOST:PORT"),
        (["--solve"], "--solve needs models: fill the roles in [roles] of the configuration"),
        (["--library", "other.db"], "other.db is not there, seen from "),
    ],
)
def test_a_mistake_is_said_before_anything_is_served(
    library: Library, tmp_path: Path, arguments: list[str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner(env={"LATM_CONFIG": None}).invoke(app, ["mcp", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "other.db").exists()
