"""The built-in launchers keep the contract that is asked of everybody's."""

from __future__ import annotations

import shutil

import anyio
import pytest

from latm_sandbox import ImageError, Program, Sandbox, SandboxUnavailable
from latm_sandbox._registry import find_launcher
from latm_sandbox.testing import check_launcher

without_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


@pytest.mark.parametrize(
    "name",
    [pytest.param("docker", marks=pytest.mark.docker), pytest.param("bubblewrap", marks=without_bwrap)],
)
def test_a_built_in_launcher_keeps_the_contract(name):
    findings = anyio.run(check_launcher, find_launcher(name, ()))
    assert [finding for finding in findings if not finding.ok] == []


@without_bwrap
def test_bubblewrap_is_chosen_by_name_and_says_so():
    with Sandbox(launcher="bubblewrap") as sandbox:
        outcome = sandbox.call(Program("def f():\n    return 1"))
        assert outcome.value == 1
        assert outcome.cell.startswith("bubblewrap:")
        assert any("weaker" in finding.detail for finding in sandbox.check())


def test_bubblewrap_has_no_images():
    with Sandbox(launcher="bubblewrap", image="python:3.13-slim") as sandbox, pytest.raises(ImageError):
        sandbox.call(Program("def f():\n    return 1"))


def test_without_bubblewrap_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with (
        Sandbox(launcher="bubblewrap") as sandbox,
        pytest.raises(SandboxUnavailable, match="apt-get install"),
    ):
        sandbox.call(Program("def f():\n    return 1"))
