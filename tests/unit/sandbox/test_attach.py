"""The attached streams of a container whose guest has turned hostile: whatever it sends, its host goes on."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from latm_sandbox.docker._attach import DockerJail
from latm_sandbox.docker._socket import Listener

FLOOD_S = 5.0  # then it ends, so that a test fails instead of hanging


def framed(data: bytes, stream: int = 2) -> bytes:
    """What a guest wrote, as the engine passes it on."""
    return struct.pack(">BxxxI", stream, len(data)) + data


async def remove(_container: str) -> None:
    await anyio.lowlevel.checkpoint()


class Flood:
    """A guest that complains without end."""

    def __init__(self, sock: socket.socket, *, pause_s: float = 0.0) -> None:
        self.outlived = True  # whether the host listened as long as it was told something
        self._sock = sock
        self._pause_s = pause_s
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        until = time.monotonic() + FLOOD_S
        with contextlib.suppress(OSError), self._sock:
            while time.monotonic() < until:
                self._sock.sendall(framed(b"x" * (1 if self._pause_s else 1 << 16)))
                time.sleep(self._pause_s)
            return
        self.outlived = False

    def join(self) -> None:
        self._thread.join()


@pytest.fixture
def attached() -> Iterator[tuple[DockerJail, socket.socket]]:
    ours, theirs = socket.socketpair()
    listener = Listener()
    yield DockerJail("0" * 64, ours, remove, listener), theirs
    listener.close()


@pytest.mark.parametrize("pause_s", [0.0, 0.01])
def test_a_thread_waits_no_longer_however_much_it_is_told(attached, pause_s):
    jail, theirs = attached
    jail.leave_to_threads()
    flood = Flood(theirs, pause_s=pause_s)
    with pytest.raises(TimeoutError):
        jail.receive_now(0.1)
    anyio.run(jail.destroy)
    flood.join()
    assert not flood.outlived


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_can_be_cancelled_and_lets_others_run(attached, backend):
    jail, theirs = attached

    async def main() -> None:
        flood = Flood(theirs)
        with anyio.move_on_after(0.1) as scope:
            await jail.receive()
        assert scope.cancelled_caught
        await jail.destroy()
        await anyio.to_thread.run_sync(flood.join)
        assert not flood.outlived

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_its_end_does_not_wait_for_its_last_word(attached, backend):
    jail, theirs = attached

    async def main() -> None:
        with socket.socket(socket.AF_UNIX) as guest:
            guest.connect(f"{jail._listener.directory}/s")
            jail.switch()
            flood = Flood(theirs)
            assert set(await jail.destroy()) <= {"x"}
            await anyio.to_thread.run_sync(flood.join)
        assert not flood.outlived

    anyio.run(main, backend=backend)
