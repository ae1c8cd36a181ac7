"""How a call reaches its cell: a socket of the host's where the engine is near, else the attached streams."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from latm_sandbox import PoolPolicy, Program, Sandbox
from latm_sandbox.docker import _launcher, _owner

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("leaves_nothing")]

ADD = Program("def add(a, b):\n    return a + b")
ONE = PoolPolicy(cells=1, spare=0)
PROBE = """
import os

def look():
    tries = {"left": os.listdir("/run/latm"), "told": os.environ.get("LATM_SOCKET"), "write": "done"}
    try:
        open("/run/latm/x", "w")
    except OSError:
        tries["write"] = "refused"
    return tries
"""


@pytest.fixture
def listeners(monkeypatch):
    """All listeners that are made meanwhile."""
    made = []

    class Noted(_launcher.Listener):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(_launcher, "Listener", Noted)
    return made


def test_a_near_engine_is_given_a_socket_of_which_nothing_stays(listeners):
    with Sandbox(pool=ONE) as sandbox:
        outcome = sandbox.call(Program(PROBE))
        assert outcome.value == {"left": [], "told": None, "write": "refused"}
        assert len(listeners) == 1
        assert not Path(listeners[0].directory).parent.exists()
        assert sandbox.run(ADD, "x = ask(1)", want=("x",), ask=lambda value: value + 1).values == {"x": 2}


def test_attached_streams_serve_when_they_are_asked_for(listeners):
    with Sandbox(pool=ONE, launcher_options={"transport": "attach"}) as sandbox:
        assert sandbox.call(ADD, 1, 2).value == 3
        assert sandbox.call(ADD, "x" * 300_000, "y").value == "x" * 300_000 + "y"
    assert not listeners


def test_an_engine_that_cannot_see_the_directory_is_served_over_its_streams(listeners, monkeypatch):
    class Elsewhere(_launcher.Listener):
        def __init__(self) -> None:
            super().__init__()
            self.real, self.directory = self.directory, "/not/on/this/host"

    monkeypatch.setattr(_launcher, "Listener", Elsewhere)
    with Sandbox(pool=ONE) as sandbox:
        assert sandbox.call(ADD, 1, 2).value == 3
        assert sandbox.call(Program("def f(): return 1")).value == 1
    assert len(listeners) == 1, "it is not tried again"
    assert not Path(listeners[0].real).exists()


def test_a_host_without_room_for_a_socket_uses_the_streams(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with Sandbox(pool=ONE) as sandbox:
        assert sandbox.call(ADD, 1, 2).value == 3
    assert not [entry for entry in long.iterdir() if entry.name.startswith("latm-") and entry.is_dir()]


def test_another_transport_is_refused_by_name():
    with (
        Sandbox(launcher_options={"transport": "pigeon"}) as sandbox,
        pytest.raises(ValueError, match="'auto' or 'attach', not 'pigeon'"),
    ):
        sandbox.call(ADD, 1, 2)


@pytest.fixture
def short_path():
    """A directory for temporary files, short enough for the path of a socket in it."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_what_killed_hosts_left_of_a_start_is_removed_and_nothing_else(monkeypatch, short_path):
    monkeypatch.setattr(tempfile, "tempdir", str(short_path))
    host, pid, started = _owner.mark().split("-")
    dead = [f"latm-{host}-{pid}-{int(started) - 1}-aaaa", f"latm-{host}-999999999-1-bbbb"]
    kept = [f"latm-{_owner.mark()}-cccc", f"latm-elsewhere-{pid}-1-dddd", "latm-image-abcd", "latm-x"]
    for name in (*dead, *kept):
        (short_path / name / "d").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(short_path / dead[0] / "d" / "s"))
    precious = short_path / f"latm-{host}-999999999-1-eeee"
    (precious / "d").mkdir(parents=True)
    (precious / "d" / "somebody's").write_text("kept")
    with Sandbox(pool=ONE) as sandbox:
        assert sandbox.call(ADD, 1, 2).value == 3
    assert sorted(path.name for path in short_path.iterdir()) == sorted([*kept, precious.name])
    assert (precious / "d" / "somebody's").read_text() == "kept"
