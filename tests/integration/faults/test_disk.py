"""A daemon whose disk is full."""

from __future__ import annotations

import contextlib
import errno
import os

import docker
import pytest

from integration.faults import drill
from latm_sandbox import Limits, PoolPolicy, Program, Sandbox, SandboxUnavailable
from latm_sandbox.docker import _image

pytestmark = [pytest.mark.docker, pytest.mark.serial]

LIMIT = Limits(wall_s=2.0)
WAIT_S = 5.0
POOL = PoolPolicy(cells=2, spare=0, wait_s=WAIT_S, start_s=WAIT_S)
IMPORT_S = 15.0


@pytest.fixture
def disk(daemon):
    """The small disk of the daemon's data; emptied of what fills it at the end."""
    if daemon.disk is None:
        pytest.skip(daemon.no_disk)
    yield daemon.disk
    (daemon.disk / "filler").unlink(missing_ok=True)


def fill(disk):
    """Take what is left of the disk, to the last byte."""
    descriptor = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.fsync(descriptor)  # ext4 frees the blocks of what was removed when its journal is written
        with contextlib.suppress(OSError):
            os.posix_fallocate(descriptor, 0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize)
        os.lseek(descriptor, 0, os.SEEK_END)
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    os.write(descriptor, b"x" * size)
        with pytest.raises(OSError, match="No space") as full:
            os.write(descriptor, b"x" * 4096)
        assert full.value.errno == errno.ENOSPC
    finally:
        os.close(descriptor)


@drill.rounds(2)
def test_no_room_for_a_cell(daemon, disk, rounds):
    growth = drill.Growth()
    for n in range(rounds):
        # One of its own for each round: a second program must not evict a cell, which would make room.
        with Sandbox(pool=POOL, limits=LIMIT) as sandbox:
            assert drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=IMPORT_S).ok
            fill(disk)
            # What runs writes nothing to that disk.
            assert drill.call(sandbox.call, drill.ADD, n, 2, limit_s=LIMIT.wall_s).ok
            fresh = Program(f"def f():\n    return {n}")
            ended = drill.call(sandbox.call, fresh, limit_s=LIMIT.wall_s + WAIT_S)
            assert isinstance(ended.error, SandboxUnavailable), ended
            assert "no space left" in str(ended.error)
            assert "docker system df" in ended.error.remedy
            (disk / "filler").unlink()
            after = drill.call(sandbox.call, fresh, limit_s=0.0)
            assert after.ok, after
        drill.none_left(daemon.host)
        growth.sample()
    growth.check()


def test_no_room_for_the_image(daemon, disk):
    client = docker.APIClient(base_url=daemon.host, version="auto", timeout=60)
    try:
        client.remove_image(_image.ensure_host(client), force=True)
        fill(disk)
        with Sandbox(pool=POOL, limits=LIMIT) as sandbox:
            ended = drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=IMPORT_S)
            assert isinstance(ended.error, SandboxUnavailable), ended
            assert "docker system df" in ended.error.remedy
            (disk / "filler").unlink()
            assert drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=IMPORT_S).ok
    finally:
        (disk / "filler").unlink(missing_ok=True)
        _image.ensure_host(client)
        client.close()
    drill.none_left(daemon.host)
