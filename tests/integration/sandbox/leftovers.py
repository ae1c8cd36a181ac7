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
    """The containers that this process, or another one, owns, by id: all, or only those that run."""
    client = docker.APIClient(**_ENGINE, version="auto")
    try:
        label = f"{LABEL}.pid={os.getpid() if pid is None else pid}"
        found = client.containers(all=not running, filters={"label": label})
        return {each["Id"]: f"{each['Names']} {each['Status']}" for each in found}
    finally:
        client.close()


@contextlib.contextmanager
def nothing_left(seconds=10.0):
    """What is started inside leaves no container behind."""
    before = containers()
    yield
    until = time.monotonic() + seconds
    while (left := _new(before)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left, left


def _new(before):
    return {name: about for name, about in containers().items() if name not in before}
