"""The public surface, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import latm_sandbox
from latm_sandbox import (
    AsyncSandbox,
    Outcome,
    Program,
    ProgramError,
    Sandbox,
    SandboxClosed,
    Status,
    TestReport,
)


def test_all_is_sorted_and_complete():
    assert latm_sandbox.__all__ == sorted(latm_sandbox.__all__)
    for name in latm_sandbox.__all__:
        assert getattr(latm_sandbox, name) is not None
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = latm_sandbox.no_such_thing


def test_importing_brings_no_docker_no_event_loop_and_opens_nothing():
    code = (
        "import sys, os\n"
        "before = len(os.listdir('/proc/self/fd'))\n"
        "from latm_sandbox import LauncherSpec, Limits, Program\n"
        "assert len(os.listdir('/proc/self/fd')) == before\n"
        "loaded = {'docker', 'requests', 'anyio', 'asyncio', 'socket'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_program_is_a_value():
    assert Program("x = 1") == Program("x = 1")
    assert len({Program("x = 1"), Program("x = 1"), Program("x = 1", "f")}) == 2
    with pytest.raises(TypeError, match="source is a text, not bytes"):
        Program(b"x = 1")
    with pytest.raises(TypeError, match="function is a name or None"):
        Program("x = 1", 3)


def test_an_unknown_launcher_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'docker'"):
        Sandbox(launcher="doker")


def test_a_report_passes_when_every_test_does():
    good, bad = Outcome(status=Status.OK), Outcome(status=Status.ERROR, error=ProgramError(type="E"))
    assert TestReport({}).passed
    assert TestReport({"a": good}).passed
    report = TestReport({"a": good, "b": bad})
    assert (report.passed, report.failed, list(report), len(report), report["b"]) == (
        False,
        ("b",),
        ["a", "b"],
        2,
        bad,
    )


def test_an_error_reads_like_the_last_line_of_a_traceback():
    assert str(ProgramError(type="KeyError", message="'{'")) == "KeyError: '{'"
    assert str(ProgramError(type="AssertionError")) == "AssertionError"


def test_a_closed_sandbox_says_so():
    sandbox = Sandbox()
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxClosed, match="closed"):
        sandbox.call(Program("x = 1"))


async def _use_unentered():
    with pytest.raises(SandboxClosed, match="not entered"):
        await AsyncSandbox().call(Program("x = 1"))


def test_an_unentered_sandbox_says_so():
    import anyio

    for backend in ("asyncio", "trio"):
        anyio.run(_use_unentered, backend=backend)
