"""A proxy before a daemon's socket that fails on demand, in one thread for all connections."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final, Self

_CHUNK: Final = 1 << 16
_REQUEST: Final = re.compile(rb"([A-Z]+ [^ ]+) HTTP/1\.[01]\r\n")
_BODY: Final = b'{"message":"the drill says no"}'
_ERROR: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class Kind(Enum):
    """What befalls a request."""

    DELAY = "it is passed on `seconds` later"
    HOLD = "it is never passed on"
    MUTE = "it is passed on, its answer is not"
    CUT = "its answer ends after `after` bytes, and the connection with it"
    ERROR = "it is answered by status 500, and not passed on"


@dataclass(slots=True)
class Fault:
    """A fault and which requests it befalls.

    Attributes:
        kind: what happens.
        match: a pattern for the method and path, such as ``POST .*/start``.
        seconds: of a delay.
        after: bytes of a cut answer that still pass.
        times: how many requests are befallen.
        hits: how many were.
    """

    kind: Kind
    match: str = ""
    seconds: float = 0.0
    after: int = 0
    times: int = 1 << 30
    hits: int = 0

    def takes(self, request: str) -> bool:
        """Whether it befalls this one; counts it then."""
        taken = self.hits < self.times and re.search(self.match, request) is not None
        self.hits += taken
        return taken


@dataclass(eq=False, slots=True)
class _Connection:
    """One connection, and the request that it carries or carried last."""

    client: asyncio.StreamWriter
    daemon: asyncio.StreamWriter
    request: str = ""
    fault: Fault | None = None
    passed: int = field(default=0)  # bytes of the answer

    def close(self) -> None:
        for writer in (self.client, self.daemon):
            writer.transport.abort()


class Proxy:
    """Listens at `path` and passes on to the socket at `target`. `faults` are tried in order.

    The SDK sends the head of a request at the beginning of a packet, and the next one only after the answer:
    so what begins with a request line is a request.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.host: Final = f"unix://{path}"
        self._path = path
        self._target = target
        self._faults: list[Fault] = []
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._do(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def fail(self, kind: Kind, match: str = "", **how: Any) -> Fault:
        """From now on this befalls what matches."""
        fault = Fault(kind, match, **how)
        self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """No fault any more. Connections that were caught in one end, as they would on a real network."""
        self._faults.clear()
        self.cut(lambda connection: connection.fault is not None)

    def cut(self, which: str | Callable[[_Connection], bool]) -> int:
        """End the connections whose last request matches; how many those were."""
        if isinstance(which, str):
            pattern = re.compile(which)
            return self.cut(lambda connection: pattern.search(connection.request) is not None)

        async def cut() -> int:
            found = [connection for connection in self._connections if which(connection)]
            for connection in found:
                connection.close()
            return len(found)

        return self._do(cut)

    def refuse(self) -> None:
        """Nobody listens any more; what is open stays open."""

        async def refuse() -> None:
            assert self._server is not None
            self._server.close()

        self._do(refuse)
        self._path.unlink(missing_ok=True)

    def listen(self) -> None:
        """Somebody listens (again)."""

        async def listen() -> None:
            self._server = await asyncio.start_unix_server(self._accept, self._path)

        self._do(listen)

    def _do(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run_coroutine_threadsafe(what(), self._loop).result(10)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            answers, daemon = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, daemon)
        self._connections.add(connection)
        # Whichever side ends first ends both.
        pumps = [
            asyncio.create_task(self._requests(connection, reader)),
            asyncio.create_task(self._answers(connection, answers)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            connection.close()
            self._connections.discard(connection)
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _requests(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if found := _REQUEST.match(data):
                    connection.request = found[1].decode()
                    connection.passed = 0
                    connection.fault = next(
                        (fault for fault in self._faults if fault.takes(connection.request)), None
                    )
                if not await self._befalls(connection):
                    connection.daemon.write(data)
                    await connection.daemon.drain()

    async def _befalls(self, connection: _Connection) -> bool:
        """Whether the fault of the request takes the place of passing on."""
        fault = connection.fault
        if fault is None or fault.kind in (Kind.MUTE, Kind.CUT):
            return False
        if fault.kind is Kind.DELAY:
            await asyncio.sleep(fault.seconds)
            return False
        if fault.kind is Kind.ERROR:
            connection.client.write(_ERROR)
            await connection.client.drain()
            await asyncio.sleep(
                0.05
            )  # the rest of the request, which an early end would turn into a broken pipe
            connection.client.close()
            return True
        return True

    async def _answers(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                fault = connection.fault
                if fault is not None and fault.kind is Kind.MUTE:
                    continue
                if fault is not None and fault.kind is Kind.CUT:
                    data = data[: max(fault.after - connection.passed, 0)]
                connection.passed += len(data)
                connection.client.write(data)
                await connection.client.drain()
                if fault is not None and fault.kind is Kind.CUT and connection.passed >= fault.after:
                    return
