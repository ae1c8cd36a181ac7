"""A stream of bytes over one socket, on asyncio and trio, with little between it and the system call."""

from __future__ import annotations

import asyncio
import os
import socket
import weakref
from typing import Final

import anyio
import sniffio

_CHUNK: Final = 1 << 18
_AHEAD: Final = 1 << 22  # bytes that are read before somebody asks for them; then the sender has to wait

# A forked process inherits the sockets; as long as it holds them, a cell never learns that its host died.
_OPEN: weakref.WeakSet[SocketStream] = weakref.WeakSet()


class SocketStream:
    """Sends and receives on a non-blocking socket. One task at a time receives."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._reader: _Reader | None = None
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
        if self._reader is not None:
            return await self._reader.receive()
        if sniffio.current_async_library() == "asyncio":
            self._reader = _Reader(self._socket, asyncio.get_running_loop())
            return await self._reader.receive()
        while True:
            try:
                return self._socket.recv(_CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)

    def close(self) -> None:
        """Close at once; who waits on it is told."""
        if self._socket.fileno() >= 0:
            if self._reader is not None:
                self._reader.close()
            else:
                anyio.notify_closing(self._socket)
            self._socket.close()

    def close_in_child(self) -> None:
        """Close without a word to an event loop that is not there any more."""
        self._socket.close()


class _Reader:
    """Reads ahead on asyncio, so that a wait costs no change of what the loop watches."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = sock
        self._loop = loop
        self._data: list[bytes] = []
        self._size = 0
        self._ended: OSError | None = None
        self._at_end = False
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        loop.add_reader(sock, self._readable)

    async def receive(self) -> bytes:
        while not self._data:
            if self._ended is not None:
                raise self._ended
            if self._at_end:
                return b""
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._data[0] if len(self._data) == 1 else b"".join(self._data)
        self._data.clear()
        self._size = 0
        if self._paused and not self._at_end:
            self._paused = False
            self._loop.add_reader(self._socket, self._readable)
        return data

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._ended = error
            data = b""
        if data:
            self._data.append(data)
            self._size += len(data)
        else:
            self._at_end = True
        if not data or self._size > _AHEAD:
            self._paused = True
            self._loop.remove_reader(self._socket)
        self._wake()

    def close(self) -> None:
        if not self._paused:
            self._paused = True
            self._loop.remove_reader(self._socket)
        self._at_end = True
        self._ended = self._ended or OSError("the stream was closed")
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _after_fork() -> None:
    for stream in list(_OPEN):
        stream.close_in_child()


os.register_at_fork(after_in_child=_after_fork)
