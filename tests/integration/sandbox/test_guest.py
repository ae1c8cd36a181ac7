"""What a guest refuses to be the guest of."""

from __future__ import annotations

import json
import subprocess

import docker
import pytest

from latm_sandbox import Limits, guest
from latm_sandbox._surroundings import cell_spec
from latm_sandbox.docker._image import ensure_host
from latm_sandbox.guest import frames

pytestmark = pytest.mark.docker


def test_a_scratch_that_is_not_empty_is_left_alone(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("somebody's")
    tmp_path.chmod(0o777)
    engine = docker.from_env()
    try:
        image = ensure_host(engine.api)
    finally:
        engine.close()
    spec = cell_spec(Limits())
    hello = json.dumps({"environment": dict(spec.environment), "idle_s": 60}).encode()
    command = ["docker", "run", "--rm", "-i", "--network", "none", "-v", f"{tmp_path}:/tmp", image, "python3"]

    done = subprocess.run(
        [*command, *spec.arguments],
        input=guest.packed() + frames.pack(frames.HELLO, frames.NO_NONCE, hello),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert b"/tmp is not empty: a cell needs one of its own" in done.stderr
    assert precious.read_text() == "somebody's"
