"""An image that is removed, or replaced by another, while a sandbox is open."""

from __future__ import annotations

import io
import tarfile

import docker
import pytest

from integration.faults import drill
from latm_sandbox import ImageError, Limits, PoolPolicy, Program, Sandbox
from latm_sandbox.docker import _image

pytestmark = [pytest.mark.docker, pytest.mark.serial]

LIMIT = Limits(wall_s=2.0)
POOL = PoolPolicy(cells=2, spare=0, wait_s=20.0, start_s=10.0)
OURS = "drill/python:1"
IMPORT_S = 15.0  # for the image of the running interpreter to be made again


@pytest.fixture
def client(daemon):
    """Of the private daemon, which has the image of the interpreter again at the end."""
    client = docker.APIClient(base_url=daemon.host, version="auto", timeout=60)
    yield client
    _image.ensure_host(client)
    client.close()


def program(number):
    """One that has no cell yet."""
    return Program(f"def f():\n    return {number}")


def remove(client, reference):
    """Remove an image behind the back of whoever uses it."""
    client.remove_image(reference, force=True)


@drill.rounds(1)
def test_the_interpreters_image_is_made_again(daemon, client, rounds):
    tag, growth = _image.ensure_host(client), drill.Growth()
    with Sandbox(pool=POOL, limits=LIMIT) as sandbox:
        for n in range(rounds):
            old = drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=LIMIT.wall_s + IMPORT_S)
            assert old.ok, old
            remove(client, tag)
            # What runs needs its image no more.
            assert drill.call(sandbox.call, drill.ADD, n, 2, limit_s=0.0).ok
            new = drill.call(sandbox.call, program(n), limit_s=LIMIT.wall_s + IMPORT_S)
            assert new.ok, new
            assert new.outcome.value == n
            growth.sample()
        growth.check()
    drill.none_left(daemon.host)


def test_an_image_of_the_users_is_named_until_it_is_back(daemon, client):
    client.tag(_image.ensure_host(client), *OURS.split(":"))
    with Sandbox(image=OURS, pool=POOL, limits=LIMIT) as sandbox:
        assert drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=LIMIT.wall_s + IMPORT_S).ok
        remove(client, OURS)
        ended = drill.call(sandbox.call, program(1), limit_s=IMPORT_S)
        assert isinstance(ended.error, ImageError), ended
        assert OURS in str(ended.error)
        assert f"docker pull {OURS}" in ended.error.remedy
        assert drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=0.0).ok
        client.tag(_image.ensure_host(client), *OURS.split(":"))
        assert drill.call(sandbox.call, program(2), limit_s=0.0).ok
    remove(client, OURS)
    drill.none_left(daemon.host)


def test_one_without_python_in_its_place_is_named(daemon, client):
    client.tag(_image.ensure_host(client), *OURS.split(":"))
    with Sandbox(image=OURS, pool=POOL, limits=LIMIT) as sandbox:
        assert drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=LIMIT.wall_s + IMPORT_S).ok
        replace_by_an_empty_one(client)
        ended = drill.call(sandbox.call, program(1), limit_s=LIMIT.wall_s)
        assert isinstance(ended.error, ImageError), ended
        assert OURS in str(ended.error)
        assert ended.error.remedy
        assert drill.call(sandbox.call, drill.ADD, 1, 2, limit_s=0.0).ok
    remove(client, OURS)
    drill.none_left(daemon.host)


def replace_by_an_empty_one(client):
    """Give the name to an image of one file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("nothing"))
    archive.seek(0)
    repository, _, tag = OURS.partition(":")
    client.import_image(archive, repository=repository, tag=tag)
