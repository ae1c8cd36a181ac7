"""What is left of cells: asked of the engine itself."""

from __future__ import annotations

import contextlib
import os
import time

import docker
from docker.utils import kwargs_from_env

from latm_sandbox.docker._owner import LABEL

_ENGINE = kwargs_from_env()  # as it is before a test bends it


def containers(*, pid=None, running=False):
    """Ids of the containers that this process, or another one, owns; all, or only those that run."""

    client = docker.APIClient(**_ENGINE, version="auto")
    try:
        label = f"{LABEL}.pid={os.getpid() if pid is None else pid}"
        return {found["Id"] for found in client.containers(all=not running, filters={"label": label})}
    finally:
        client.close()


@contextlib.contextmanager
def nothing_left(seconds=10.0):
    """What is started inside leaves no container behind."""
    before = containers()
    yield
    until = time.monotonic() + seconds
    while (left := containers() - before) and time.monotonic() < until:
        pass
    assert not left
