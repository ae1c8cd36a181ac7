"""A real dockerd, started as set-up starts it, in a network and folders of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from setting_up import engine


@pytest.fixture
def private(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A folder for a daemon, which is ended when the test is over."""
    yield tmp_path_factory.mktemp("d")
    while engine.LEFT_RUNNING:
        daemon = engine.LEFT_RUNNING.pop()
        daemon.terminate()
        daemon.wait()


@pytest.mark.docker
@pytest.mark.serial
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a dockerd")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, of util-linux")
def test_a_real_daemon_starts_and_answers(private: Path) -> None:
    dockerd = engine.daemon_command()
    if dockerd is None:
        pytest.skip("the engine in use was not started from here: there is no dockerd")
    host = f"unix://{private}/docker.sock"
    command = [
        "unshare",
        "--net",  # the other daemon's bridge and rules stay out of reach
        dockerd,
        f"--host={host}",
        f"--data-root={private}/data",
        f"--exec-root={private}/exec",
        f"--pidfile={private}/pid",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
    ]

    answer = engine.start_daemon(command, host=host, log=private / "log")

    assert answer.detail.startswith("Docker ")
    status, body = engine.call(host, "GET", "/containers/json?all=1")
    assert (status, body.strip()) == (200, b"[]")
