"""A stream of bytes over one socket, on asyncio and trio, with nothing between it and the system call."""

from __future__ import annotations

import os
import socket
import weakref

import anyio

_CHUNK = 1 << 18

# A forked process inherits the sockets; as long as it holds them, a cell never learns that its host died.
_OPEN: weakref.WeakSet[SocketStream] = weakref.WeakSet()


class SocketStream:
    """Sends and receives on a non-blocking socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        _OPEN.add(self)

    async def send(self, data: bytes) -> None:
        """Write all of `data`."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)

    async def receive(self) -> bytes:
        """The next bytes; empty at the end."""
        while True:
            try:
                return self._socket.recv(_CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)

    def close(self) -> None:
        """Close at once; who waits on it is told."""
        if self._socket.fileno() >= 0:
            anyio.notify_closing(self._socket)
            self._socket.close()

    def close_in_child(self) -> None:
        """Close without a word to an event loop that is not there any more."""
        self._socket.close()


def _after_fork() -> None:
    for stream in list(_OPEN):
        stream.close_in_child()


os.register_at_fork(after_in_child=_after_fork)
