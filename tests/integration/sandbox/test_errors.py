"""Exceptions come out of a sandbox as they were raised."""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path

import docker.errors
import pytest

from integration.faults.proxy import Kind, Proxy
from latm_sandbox import AsyncSandbox, Program, Sandbox, SandboxUnavailable, Status
from latm_sandbox.docker._engine import connect

pytestmark = pytest.mark.anyio


async def test_the_callers_own_exception_is_not_wrapped() -> None:
    with pytest.raises(ZeroDivisionError):
        async with AsyncSandbox():
            raise ZeroDivisionError


async def test_a_missing_engine_is_not_wrapped(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path_factory.mktemp('no')}/docker.sock")
    with pytest.raises(SandboxUnavailable, match="no Docker engine answers"):
        async with AsyncSandbox() as sandbox:
            await sandbox.call(Program("def f(): return 1"))


def test_a_text_where_a_program_is_wanted_is_a_type_error(sandbox):
    for use in (lambda: sandbox.call("def f(): return 1"), lambda: sandbox.run("x = 1", "y = x")):
        with pytest.raises(TypeError, match=r"a Program is wanted, not str: Program\(source\)"):
            use()


def test_an_async_function_is_told_apart(sandbox):
    outcome = sandbox.call(Program("async def f(): return 1"))
    assert outcome.status is Status.UNSERIALISABLE
    assert "use def" in outcome.error.message
    assert outcome.stderr == ""


def test_a_check_names_the_engine_that_does_not_answer(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with Sandbox() as sandbox:
        (finding,) = sandbox.check()
    assert (finding.name, finding.ok) == ("docker", False)
    assert finding.remedy


@pytest.mark.parametrize("fault", [Kind.ERROR, Kind.CUT])
def test_a_check_of_an_engine_that_answers_in_part_is_a_finding(monkeypatch, tmp_path, fault):
    engine = Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))
    with Proxy(tmp_path / "s", engine) as proxy:
        proxy.fail(fault, "GET .*/info")
        monkeypatch.setenv("DOCKER_HOST", proxy.host)
        with Sandbox() as sandbox:
            finding, call = sandbox.check()
    assert (finding.name, finding.ok, call.ok) == ("docker", False, True)
    assert finding.remedy


def test_certificates_that_are_not_there_are_told(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", "/nowhere")
    with Sandbox() as sandbox, pytest.raises(SandboxUnavailable, match=r"tcp://127\.0\.0\.1:1 .*TLS"):
        sandbox.start()


def test_requests_share_a_connection_whatever_they_ask():
    descriptors = Path("/proc/self/fd")
    client = connect(10)
    try:
        before = len(list(descriptors.iterdir()))
        for n in range(30):
            with pytest.raises(docker.errors.NotFound):
                client.inspect_container(f"no-such-container-{n}")
        assert len(list(descriptors.iterdir())) <= before + 1
    finally:
        client.close()


def test_nothing_stays_open_where_nobody_listens(tmp_path, recwarn):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))  # and does not listen
    for _ in range(3):
        with pytest.raises(SandboxUnavailable, match="refused"):
            connect(10, {"base_url": f"unix://{path}"})
    gc.collect()
    assert not [each for each in recwarn if each.category is ResourceWarning]
