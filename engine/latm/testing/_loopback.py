"""A small HTTP server on the loopback interface that does what it is told, misbehaviour included."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, final

__all__ = ["HttpReply", "LoopbackServer", "RecordedRequest"]

_NONE: Mapping[str, str] = MappingProxyType({})
_LONGEST_HOLD_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """One response, or one way to fail at it.

    Attributes:
        status: HTTP status.
        body: bytes or text as they are; anything else as JSON.
        headers: besides Content-Length and Content-Type, which they may replace.
        hold: send nothing (or only ``sent`` bytes of the body) until the server is released or closed.
        sent: how many bytes of the body are sent; the connection is then closed, held or reset. None for all.
        reset: break the connection off, without a word or after ``sent`` bytes of the body.
        delay_s: seconds before anything is sent.
        pace_s: seconds before each byte of the body, which then comes byte by byte.
    """

    status: int = 200
    body: object = b""
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    hold: bool = False
    sent: int | None = None
    reset: bool = False
    delay_s: float = 0.0
    pace_s: float = 0.0

    def payload(self) -> bytes:
        """The body as bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What a client sent.

    Attributes:
        method: ``POST``.
        path: with the query.
        headers: lower-case names.
        body: the JSON value, or the text where it is no JSON; None where there is none.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@final
class LoopbackServer:
    """Serve on 127.0.0.1 until closed, each connection in a thread of its own.

    Args:
        respond: makes the response of a request; called from many threads.
        port: where to listen; on a free port if 0.

    Attributes:
        requests: all that arrived, oldest first.
        arrived: set when a request has arrived; a test may wait for it and clear it.
    """

    def __init__(self, respond: Callable[[RecordedRequest], HttpReply], *, port: int = 0) -> None:
        self.requests: list[RecordedRequest] = []
        self.arrived = threading.Event()
        self._respond = respond
        self._released = False
        # Readable from the release on, so that a thread can wait for that and for its client at once.
        self._wake, self._waker = socket.socketpair()
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        owner = self

        class Handler(_Handler):
            server_of = owner

        class Server(ThreadingHTTPServer):
            # Joined on close: every connection is shut down first, so no thread is left in a read.
            daemon_threads = False
            request_queue_size = 512

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing: clients that go away are what tests do."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="latm-loopback", daemon=True
        )

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def release(self) -> None:
        """Let every held response go on."""
        with self._changed:
            if not self._released:
                self._released = True
                self._waker.send(b"!")

    def close(self) -> None:
        """Release what is held, shut every connection, and wait for the threads."""
        self.release()
        self._server.shutdown()
        with self._changed:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()
        self._wake.close()
        self._waker.close()

    @property
    def open_connections(self) -> int:
        """How many connections clients have open; one that a client closes is soon no more among them."""
        with self._changed:
            return len(self._connections)

    def wait_until_left(self, within_s: float) -> bool:
        """Wait until no client is connected any more; False if one still is after that time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._connections, within_s)

    def connected(self, connection: socket.socket, *, on: bool) -> None:
        """Note a connection that came or went."""
        with self._changed:
            (self._connections.add if on else self._connections.discard)(connection)
            self._changed.notify_all()

    def answer(self, request: RecordedRequest) -> HttpReply:
        """Record a request and ask for its response."""
        with self._changed:
            self.requests.append(request)
        self.arrived.set()
        return self._respond(request)

    def hold(self, connection: socket.socket) -> bool:
        """Wait until released; a test that forgets is not hung for ever. False once the client has left."""
        return _wait(connection, _LONGEST_HOLD_S, self._wake)


def _wait(connection: socket.socket, seconds: float, *others: socket.socket) -> bool:
    """Wait for so long, or for the first of the others; False as soon as the connection's client has left."""
    poll = select.poll()
    for each in (connection, *others):
        poll.register(each, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll(seconds * 1000)}
    if connection.fileno() not in ready:
        return True
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except OSError:
        return False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # single bytes go out when they are due
    server_of: LoopbackServer

    def setup(self) -> None:
        super().setup()
        self.server_of.connected(self.connection, on=True)

    def finish(self) -> None:
        self.server_of.connected(self.connection, on=False)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        headers = MappingProxyType({name.lower(): value for name, value in self.headers.items()})
        body = _body(raw) if raw else None
        self._perform(self.server_of.answer(RecordedRequest(self.command, self.path, headers, body)))

    def do_GET(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def _perform(self, reply: HttpReply) -> None:
        here = not reply.delay_s or _wait(self.connection, reply.delay_s)
        if here and reply.hold and not reply.sent:
            here = self.server_of.hold(self.connection)
        if not here:
            self.close_connection = True
        elif reply.reset and reply.sent is None:
            self._break_off()
        else:
            self._send(reply)

    def _send(self, reply: HttpReply) -> None:
        payload = reply.payload()
        self.send_response(reply.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(payload))}
        for name, value in {**headers, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self._write(payload if reply.sent is None else payload[: reply.sent], reply.pace_s)
        if reply.sent is not None:
            if reply.hold:
                self.server_of.hold(self.connection)
            if reply.reset:
                self._break_off()
            self.close_connection = True

    def _write(self, payload: bytes, pace_s: float) -> None:
        if not pace_s:
            self.wfile.write(payload)
            return
        for at in range(len(payload)):
            if not _wait(self.connection, pace_s):
                self.close_connection = True
                return
            self.wfile.write(payload[at : at + 1])

    def _break_off(self) -> None:
        # With a linger of zero seconds close() sends RST. Nothing may end the connection before it: what the
        # server itself does begins with a FIN, which a client takes for an orderly end.
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()


def _body(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
