"""A stream of bytes over one socket, awaited or not, with little between it and the system call."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import select
import socket
import threading
import time
import weakref
from collections.abc import Generator
from typing import Final

import anyio
import anyio.lowlevel
import sniffio

from latm_sandbox._interrupts import Waiting

_CHUNK: Final = 1 << 16
_AHEAD: Final = 1 << 22  # bytes that are read before somebody asks for them; then the sender has to wait

# A forked process inherits the sockets; as long as it holds them, a cell never learns that its host died.
_OPEN: weakref.WeakSet[SocketStream] = weakref.WeakSet()


class SocketStream:
    """Sends and receives on a non-blocking socket. One task or thread at a time receives."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._reader: _Reader | None = None
        self._early = b""  # what a reader had when it was taken off
        self._by_threads = False
        self._lock = threading.Lock()
        self._in_use = False  # by a thread, which may be in a system call on the descriptor
        self._closed = False
        _OPEN.add(self)

    async def send(self, data: bytes) -> None:
        """Write all of `data`."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                with _closing():
                    await anyio.wait_writable(self._socket)

    async def receive(self) -> bytes:
        """The next bytes; empty at the end."""
        if self._reader is not None:
            return await self._reader.receive()
        if self._early:
            early, self._early = self._early, b""
            return early
        if not self._by_threads and sniffio.current_async_library() == "asyncio":
            self._reader = _Reader(self._socket, asyncio.get_running_loop())
            return await self._reader.receive()
        while True:
            try:
                return self._socket.recv(_CHUNK)
            except BlockingIOError:
                with _closing():
                    await anyio.wait_readable(self._socket)

    def leave_to_threads(self) -> None:
        """Have nothing of the event loop read any more unless it is awaited. To be called in the loop."""
        self._by_threads = True
        if self._reader is not None:
            self._early = self._reader.detach()
            self._reader = None

    def send_now(self, data: bytes, seconds: float) -> None:
        """Write all of `data` without an event loop.

        Raises:
            OSError: it is gone, or was closed meanwhile.
            TimeoutError: it is not written after that long.
        """
        until = time.monotonic() + seconds
        view = memoryview(data)
        self._begin()
        try:
            while view:
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT, until)
        finally:
            self._end()

    def receive_now(self, seconds: float) -> bytes:
        """The next bytes without an event loop; empty at the end.

        Raises:
            OSError: the stream broke, or was closed meanwhile.
            TimeoutError: none came for that long.
        """
        until = time.monotonic() + seconds
        if self._early:
            early, self._early = self._early, b""
            return early
        self._begin()
        try:
            while True:
                self._wait(select.POLLIN, until)
                try:
                    return self._socket.recv(_CHUNK)
                except BlockingIOError:
                    continue
        finally:
            self._end()

    def has_ended(self) -> bool:
        """Whether the other end is known to be gone. What it said before is kept for who receives."""
        if self._reader is not None:
            return self._reader.at_end
        try:
            self._begin()
        except OSError:
            return True
        try:
            while len(self._early) < _CHUNK:
                data = self._socket.recv(_CHUNK)
                if not data:
                    return True
                self._early += data
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self._end()
        return False  # it says more than anybody wants to hear, which is for the reader to find

    def _begin(self) -> None:
        """Use the descriptor, which stays open meanwhile whoever closes the stream.

        Else its number could be another file's by the time of the system call.
        """
        with self._lock:
            if self._closed:
                raise OSError("the stream was closed")
            self._in_use = True

    def _wait(self, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        with Waiting():
            ready = poll.poll(math.ceil(max(until - time.monotonic(), 0) * 1000))
        if not ready:
            raise TimeoutError

    def _end(self) -> None:
        with self._lock:
            self._in_use = False
            if self._closed:
                self._socket.close()

    def close(self) -> None:
        """Close at once; who waits on it is told."""
        if self._reader is not None:
            self._reader.close()
        elif not self._by_threads and self._socket.fileno() >= 0:
            anyio.notify_closing(self._socket)
        with self._lock:
            self._closed = True
            if self._socket.fileno() < 0:
                return
            if self._in_use:
                self._shut_down()
                return
            if self._by_threads:  # a task may wait as well, when the code asks the host
                anyio.notify_closing(self._socket)
            self._socket.close()

    def _shut_down(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # it has ended by itself: that wakes as well
            return

    def close_in_child(self) -> None:
        """Close without a word to an event loop that is not there any more."""
        self._socket.close()


@contextlib.contextmanager
def _closing() -> Generator[None]:
    """That the stream was closed while a task waited on it is an OSError, as it is for a thread."""
    try:
        yield
    except anyio.ClosedResourceError:
        raise OSError("the stream was closed") from None


class StreamJail:
    """What a jail whose guest is at the other end of one stream does, awaited or not.

    A launcher whose jails derive from this serves the sync sandbox without an event loop between a call and
    its cell; others are served through one.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._stream = SocketStream(sock)

    def _read(self, data: bytes) -> bytes:
        """What the guest said in `data`; where more comes over the stream, to be overridden."""
        return data

    async def send(self, data: bytes) -> None:
        """Write to the guest's stdin."""
        await self._stream.send(data)

    async def receive(self) -> bytes:
        """Read from the guest's stdout."""
        while data := await self._stream.receive():
            if out := self._read(data):
                return out
            await anyio.lowlevel.checkpoint()  # who floods the other stream must not keep the loop to himself
        return b""

    def switch(self) -> None:
        """Go on over the other stream, which the guest has said that it has."""
        raise OSError("there is no other stream")

    def leave_to_threads(self) -> None:
        """From now on `send_now` and `receive_now` are used beside what is awaited."""
        self._stream.leave_to_threads()

    def send_now(self, data: bytes, seconds: float) -> None:
        """Write to the guest's stdin without an event loop.

        Raises:
            OSError: it is gone.
            TimeoutError: it is not written after that long.
        """
        self._stream.send_now(data, seconds)

    def receive_now(self, seconds: float) -> bytes:
        """Read from the guest's stdout without an event loop; empty at the end.

        Raises:
            OSError: the stream broke.
            TimeoutError: nothing came for that long, whatever came over the other stream.
        """
        until = time.monotonic() + seconds
        while data := self._stream.receive_now(max(until - time.monotonic(), 0.0)):
            if out := self._read(data):
                return out
            if time.monotonic() >= until:
                raise TimeoutError
        return b""

    def has_ended(self) -> bool:
        """Whether the guest is known to be gone, so that nothing that is sent can begin."""
        return self._stream.has_ended()

    def abandon(self) -> None:
        """Close the stream."""
        self._stream.close()


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

    @property
    def at_end(self) -> bool:
        """Whether there is nothing more to read than what was read."""
        return self._at_end

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

    def detach(self) -> bytes:
        """Read no more; what was read and not asked for yet."""
        if not self._paused:
            self._paused = True
            self._loop.remove_reader(self._socket)
        return b"".join(self._data)

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
