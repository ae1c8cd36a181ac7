"""One private daemon for all drills that harm one; it holds the image of the running interpreter."""

from __future__ import annotations

from collections.abc import Generator

import docker
import pytest

from integration.faults.private_daemon import PrivateDaemon, why_not
from integration.faults.proxy import Proxy
from latm_sandbox.docker import _image


@pytest.fixture(scope="session")
def daemon_of_all() -> Generator[PrivateDaemon]:
    """The daemon, with the image, which costs seconds to import."""
    if reason := why_not():
        pytest.skip(reason)
    with PrivateDaemon() as daemon:
        client = docker.APIClient(base_url=daemon.host, version="auto")
        try:
            _image.ensure_host(client)
        finally:
            client.close()
        yield daemon


@pytest.fixture
def daemon(daemon_of_all: PrivateDaemon, monkeypatch: pytest.MonkeyPatch) -> Generator[PrivateDaemon]:
    """The daemon, running, as the engine in use."""
    daemon_of_all.start()
    monkeypatch.setenv("DOCKER_HOST", daemon_of_all.host)
    yield daemon_of_all
    daemon_of_all.start()


@pytest.fixture
def proxy(daemon: PrivateDaemon, monkeypatch: pytest.MonkeyPatch) -> Generator[Proxy]:
    """A proxy before the daemon, as the engine in use."""
    with Proxy(daemon.folder / "p.sock", daemon.socket) as proxy:
        monkeypatch.setenv("DOCKER_HOST", proxy.host)
        yield proxy
