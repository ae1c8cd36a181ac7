"""A launcher without jails: its guests live in memory and speak the protocol of real ones."""

from __future__ import annotations

import json
from collections import deque

import anyio
import anyio.lowlevel

from latm_sandbox import CellSpec, Finding, LauncherOptions, LauncherSpec
from latm_sandbox._clock import MONOTONIC, Clock
from latm_sandbox._codec import decode, dumps, encode
from latm_sandbox.guest import frames

HELLO = frames.pack(frames.HELLO, frames.NO_NONCE, b'{"python": "3.99.0"}')


class FakeJail:
    """One guest. What a program's source begins with is what its calls do:

    `die` ends the cell, `fail` raises, `hang` does nothing; any other returns its source and arguments.
    """

    def __init__(self, launcher: FakeLauncher, number: int) -> None:
        self.id = f"cell-{number}"
        self.loaded: list[str] = []  # sources, in the order in which they came
        self.destroyed = 0
        self.said: deque[bytes] = deque()
        self._launcher = launcher
        self._heard = b""
        self._booted = False
        self._ended = False
        self._news = anyio.Event()

    async def send(self, data: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        if self._ended:
            raise OSError("it is gone")
        self._heard += data
        if not self._booted:
            self._booted = True
            self._heard = self._heard[8 + int(self._heard[:8], 16) :]  # the guest's source
        while len(self._heard) >= frames.HEADER.size:
            length, kind, nonce = frames.HEADER.unpack_from(self._heard)
            end = frames.HEADER.size + length
            payload, self._heard = self._heard[frames.HEADER.size : end], self._heard[end:]
            self._serve(kind, nonce, payload)

    async def receive(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        if self._launcher.broken_stream is not None:
            raise self._launcher.broken_stream
        while not self.said:
            if self._ended:
                return b""
            self._news = anyio.Event()
            await self._news.wait()
        return self.said.popleft()

    def end(self) -> None:
        """End as if killed."""
        self._ended = True
        self._news.set()

    def abandon(self) -> None:
        self.end()
        if self._launcher.abandon_error is not None:
            raise self._launcher.abandon_error

    async def destroy(self) -> str:
        self.destroyed += 1
        await anyio.lowlevel.checkpoint()
        if self._launcher.destroy_error is not None:
            raise self._launcher.destroy_error
        if self._launcher.destroy_hangs:
            await anyio.sleep_forever()
        self.end()
        self._launcher.alive.discard(self)
        return self._launcher.complaint

    def _say(self, data: bytes) -> None:
        self.said.append(data)
        self._news.set()

    def _serve(self, kind: int, nonce: bytes, payload: bytes) -> None:
        if kind == frames.HELLO:
            if self._launcher.hello:
                self._say(self._launcher.hello)
        elif kind == frames.PING:
            self._say(frames.pack(frames.PONG, nonce))
        elif kind == frames.LOAD:
            self.loaded.append(decode(json.loads(payload)["source"]))
        else:
            assert kind == frames.CALL
            assert len(self.loaded) == 1
            self._call(self.loaded[0], nonce, json.loads(payload[frames.LIMITS.size :]))

    def _call(self, source: str, nonce: bytes, request: dict[str, list[object]]) -> None:
        if source.startswith("die"):
            self.end()
            return
        if source.startswith("hang"):
            return
        status, body = frames.OK, dumps({"value": encode([source, *map(decode, request["args"])])})
        if source.startswith("fail"):
            status, body = frames.ERROR, b'{"type": "E", "message": "", "traceback": "", "line": null}'
        head = frames.REPLY.pack(status, 0.0, 0.0, 0, 0, 0, 0)
        self._say(frames.pack(frames.REPLIED, nonce, head + body) + frames.pack(frames.READY, nonce))


class FakeLauncher:
    """Starts guests in memory. What it does wrong is set from outside, and holds until it is set back."""

    def __init__(self, clock: Clock = MONOTONIC, *, start_s: float = 0.0) -> None:
        self.start_s = start_s
        self.alive: set[FakeJail] = set()  # all that exist, those that are being made included
        self.most = 0  # of them at once
        self.launches = 0
        self.hello = HELLO  # nothing is said if empty
        self.complaint = ""
        self.prepare_error: Exception | None = None
        self.launch_error: Exception | None = None
        self.launch_errors: deque[Exception] = deque()  # of the next launches, before the one above
        self.launch_hangs = False
        self.broken_stream: Exception | None = None
        self.abandon_error: Exception | None = None
        self.destroy_error: Exception | None = None
        self.destroy_hangs = False
        self.closed = 0
        self._clock = clock

    @property
    def spec(self) -> LauncherSpec:
        def create(options: LauncherOptions) -> FakeLauncher:
            return self

        return LauncherSpec(name="fake", create=create)

    async def prepare(self) -> None:
        await anyio.lowlevel.checkpoint()
        if self.prepare_error is not None:
            raise self.prepare_error

    async def launch(self, spec: CellSpec) -> FakeJail:
        self.launches += 1
        jail = FakeJail(self, self.launches)
        self.alive.add(jail)
        self.most = max(self.most, len(self.alive))
        try:
            await (self._clock.sleep(self.start_s) if self.start_s else anyio.lowlevel.checkpoint())
            if self.launch_hangs:
                await anyio.sleep_forever()
            self._fail()
        except BaseException:
            self.alive.discard(jail)
            raise
        return jail

    def _fail(self) -> None:
        error = self.launch_errors.popleft() if self.launch_errors else self.launch_error
        if error is not None:
            raise error

    async def check(self) -> tuple[Finding, ...]:
        await anyio.lowlevel.checkpoint()
        return (Finding(name="fake", ok=self.prepare_error is None, detail="in memory"),)

    async def aclose(self) -> None:
        self.closed += 1
