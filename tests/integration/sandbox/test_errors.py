"""Exceptions come out of a sandbox as they were raised."""

from __future__ import annotations

import pytest

from latm_sandbox import AsyncSandbox, Program, SandboxUnavailable

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
