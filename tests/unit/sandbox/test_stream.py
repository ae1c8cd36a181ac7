"""A stream that threads use past the event loop."""

from __future__ import annotations

import os
import socket
import threading

import anyio
import pytest

from latm_sandbox._stream import SocketStream

FULL = 1 << 24  # bytes that no socket takes without a reader


@pytest.fixture
def pair():
    """A stream of threads and its other end."""
    ours, theirs = socket.socketpair()
    stream = SocketStream(ours)
    stream.leave_to_threads()
    yield stream, theirs
    anyio.run(close, stream)
    theirs.close()


async def close(stream):
    stream.close()


@pytest.mark.parametrize("use", [lambda s: s.send_now(b"x" * FULL, 60.0), lambda s: s.receive_now(60.0)])
def test_closing_ends_the_use_and_keeps_the_descriptor_until_then(pair, use):
    stream, _ = pair
    ended = []

    def live():
        try:
            ended.append(use(stream))
        except OSError as error:
            ended.append(error)

    number = stream._socket.fileno()
    thread = threading.Thread(target=live)
    thread.start()
    while not stream._in_use:
        pass
    anyio.run(close, stream)
    thread.join(5.0)
    assert ended == [b""] or isinstance(ended[0], OSError)
    assert not isinstance(ended[0], TimeoutError)
    assert stream._socket.fileno() == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_a_descriptor_in_use_is_not_given_to_another_file(pair):
    stream, _ = pair
    number = stream._socket.fileno()
    stream._begin()
    anyio.run(close, stream)
    other = os.open(os.devnull, os.O_RDONLY)
    try:
        assert other != number
        os.fstat(number)
    finally:
        os.close(other)
        stream._end()
    anyio.run(close, stream)  # again, when the thread has closed it
    for use in (lambda: stream.send_now(b"x", 1.0), lambda: stream.receive_now(1.0)):
        with pytest.raises(OSError, match="closed"):
            use()


def test_who_is_gone_is_known_before_anything_is_sent(pair):
    stream, theirs = pair
    assert not stream.has_ended()
    theirs.send(b"ready")
    assert not stream.has_ended()
    assert stream.receive_now(1.0) == b"ready"
    theirs.send(b"last words")
    theirs.close()
    assert stream.has_ended()
    assert stream.receive_now(1.0) == b"last words"
    assert stream.receive_now(1.0) == b""
    anyio.run(close, stream)
    assert stream.has_ended()


def test_a_look_at_a_flood_ends(pair):
    stream, theirs = pair
    flood = threading.Thread(target=theirs.sendall, args=(b"x" * (1 << 20),))
    flood.start()
    assert not any(stream.has_ended() for _ in range(10))
    assert len(stream._early) < 1 << 18
    seen = 0
    while seen < 1 << 20:
        seen += len(stream.receive_now(1.0))
    flood.join(5.0)
