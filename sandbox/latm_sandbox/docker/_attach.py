"""The attached streams of a container as one jail."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

from latm_sandbox._stream import SocketStream, StreamJail
from latm_sandbox.docker._socket import Listener

_HEAD: Final = struct.Struct(">BxxxI")
_STDOUT: Final = 1
_STDERR: Final = 2
_MAX_CHUNK: Final = 1 << 24
_KEPT: Final = 4096  # bytes of what the guest complained of
_LOOKS: Final = 16  # at what it complained of last: one that has turned hostile never stops


class Demultiplexer:
    """Takes the daemon's framing of stdout and stderr apart.

    Whatever the guest writes, the daemon frames it, so what does not fit here is a fault of the daemon's or
    the network's: it ends the cell like a closed stream does.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.complaint = bytearray()

    def feed(self, data: bytes) -> bytes:
        """The stdout in `data` and in what was left of earlier data.

        Raises:
            OSError: the stream is damaged.
        """
        buffer = self._buffer
        buffer += data
        out = bytearray()
        at = 0
        while len(buffer) - at >= _HEAD.size:
            stream, length = _HEAD.unpack_from(buffer, at)
            if stream not in (_STDOUT, _STDERR) or length > _MAX_CHUNK:
                raise OSError("the daemon's stream is damaged")
            end = at + _HEAD.size + length
            if len(buffer) < end:
                break
            chunk = buffer[at + _HEAD.size : end]
            if stream == _STDOUT:
                out += chunk
            else:
                self.complaint += chunk
                del self.complaint[:-_KEPT]
            at = end
        del buffer[:at]
        return bytes(out)


def plain_socket(attached: Any) -> socket.socket:
    """A plain socket for what the SDK returned: the socket itself, or one that two threads pump for it."""
    raw = getattr(attached, "_sock", attached)
    if type(raw) is socket.socket:
        # Taken out of the SDK's hands, whose objects close it when they are collected.
        return socket.socket(fileno=raw.detach())
    ours, theirs = socket.socketpair()
    raw.settimeout(None)
    for source, target in ((raw, theirs), (theirs, raw)):
        threading.Thread(target=_pump, args=(source, target), name="latm-attach", daemon=True).start()
    return ours


def _pump(source: Any, target: Any) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
    except (OSError, ValueError):
        pass
    for end in (source, target):
        try:
            end.close()
        except (OSError, ValueError):
            continue


class DockerJail(StreamJail):
    """A container with a guest on its attached streams, or on a socket of its own.

    Args:
        container: its id.
        sock: its attached streams.
        remove: removes it.
        listener: where its guest may have connected to.
    """

    def __init__(
        self,
        container: str,
        sock: socket.socket,
        remove: Callable[[str], Awaitable[None]],
        listener: Listener | None = None,
    ) -> None:
        super().__init__(sock)
        self._container = container
        self._streams = Demultiplexer()
        self._remove = remove
        self._listener = listener
        self._attached: SocketStream = self._stream

    @property
    def id(self) -> str:
        """The short id of the container."""
        return self._container[:12]

    def _read(self, data: bytes) -> bytes:
        return self._streams.feed(data) if self._stream is self._attached else data

    def switch(self) -> None:
        """Go on over the guest's own socket. The attached streams stay, for what it complains of last."""
        if self._listener is None:
            raise OSError("the guest has a socket that it was not given")
        self._attached.leave_to_threads()
        self._stream = SocketStream(self._listener.accept())

    def abandon(self) -> None:
        """Close the streams."""
        self._stream.close()
        self._attached.close()
        if self._listener is not None:
            self._listener.close()

    async def destroy(self) -> str:
        """Close the streams, since removal hangs while one is not drained; then remove."""
        if self._stream is not self._attached:
            with contextlib.suppress(OSError, TimeoutError):
                for _ in range(_LOOKS):
                    self._streams.feed(self._attached.receive_now(0.0))
        self.abandon()
        await self._remove(self._container)
        return self._streams.complaint.decode(errors="replace")
