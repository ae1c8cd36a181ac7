"""One cell: a jail, the guest in it, and the protocol between them."""

from __future__ import annotations

import json
import os
from enum import Enum
from typing import Any, Final, cast

from latm_sandbox import guest
from latm_sandbox._clock import MONOTONIC, Clock, deadline
from latm_sandbox._codec import CodecError, decode_text, dumps, encode, loads
from latm_sandbox._launcher import CellSpec, Jail
from latm_sandbox._limits import Limits
from latm_sandbox._program import Program
from latm_sandbox._stream import StreamJail
from latm_sandbox._wire import Frame, FrameReader, Reply, WireError, parse_reply
from latm_sandbox.errors import ImageError, LaunchFailed
from latm_sandbox.guest import frames

GRACE_S: Final = 1.0
"""Seconds that the guest has beyond a call's own time to say that it is over; then the cell is killed."""
_CLEAN_S: Final = 1.0
"""Seconds that the guest has to clean up after a call before the next one is sent elsewhere."""
DESTROY_S: Final = 10.0
"""Seconds that the end of a jail is waited for."""
_ORPHAN_S: Final = 3600.0
"""Seconds without a word from the host after which a guest ends by itself."""


class Lost(Exception):  # noqa: N818 - says what it is
    """The cell ended. Only its pool sees this.

    Attributes:
        started: whether the call may have begun; if not, it may be sent to another cell.
        late: whether it was the host that lost patience.
    """

    def __init__(self, why: str, *, started: bool, late: bool = False) -> None:
        super().__init__(why)
        self.started = started
        self.late = late


class Awaited:
    """How a call goes over a jail's stream in an event loop."""

    async def send(self, jail: Jail, data: bytes, clock: Clock, seconds: float) -> None:
        """Write all of `data`, or raise TimeoutError after that long."""
        with deadline(clock, seconds):
            await jail.send(data)

    async def receive(self, jail: Jail, clock: Clock, seconds: float) -> bytes:
        """The next bytes, or TimeoutError."""
        with deadline(clock, seconds):
            return await jail.receive()


class InThread:
    """The same without one: nothing here is ever suspended."""

    async def send(self, jail: Jail, data: bytes, _clock: Clock, seconds: float) -> None:
        """Write all of `data`, or raise TimeoutError after that long."""
        assert isinstance(jail, StreamJail)
        jail.send_now(data, max(seconds, 0.0))

    async def receive(self, jail: Jail, _clock: Clock, seconds: float) -> bytes:
        """The next bytes, or TimeoutError."""
        assert isinstance(jail, StreamJail)
        return jail.receive_now(max(seconds, 0.0))


Wire = Awaited | InThread
AWAITED: Final = Awaited()
IN_THREAD: Final = InThread()


class State(Enum):
    """Where a cell is between two calls."""

    CLEAN = 1
    CLEANING = 2  # the answer has come, the word that all is clean again has not
    SPENT = 3


class Cell:
    """A jail with a guest that has said hello. One caller at a time."""

    def __init__(self, jail: Jail, launcher: str, spec: CellSpec, clock: Clock = MONOTONIC) -> None:
        self.jail = jail
        self.name = f"{launcher}:{jail.id}"
        self.program: Program | None = None
        self.calls = 0
        self.state = State.CLEAN
        self.bound_at = 0.0
        self.used_at = clock.now()
        self.python = ""
        self.left = ""  # why something of it may still be there after it was destroyed
        self._spec = spec
        self._clock = clock
        self._reader = FrameReader(frames.OVERHEAD + spec.limits.output_bytes + spec.limits.result_bytes)
        self._outgoing = b""
        self._last_nonce = frames.NO_NONCE

    async def boot(self, timeout_s: float) -> None:
        """Send the guest its source and wait for its hello.

        Raises:
            LaunchFailed: it did not say hello in time.
            ImageError: it said why it cannot.
        """
        config = json.dumps({"environment": dict(self._spec.environment), "idle_s": _ORPHAN_S}).encode()
        config_frame = frames.pack(frames.HELLO, frames.NO_NONCE, config)
        why = "its stream ended"
        try:
            until = self._clock.now() + timeout_s
            await self._send(AWAITED, guest.packed() + config_frame, until)
            hello = await self._receive(AWAITED, until)
            if hello.kind == frames.HELLO:
                about = loads(hello.payload)
                self.python = str(about["python"])
                if about.get("socket") is True and isinstance(self.jail, StreamJail):
                    self.jail.switch()
                return
            why = "it sent something else than its hello"
        except TimeoutError:
            why = f"it said nothing for {timeout_s:g} s"
        except (OSError, WireError, CodecError, LookupError, TypeError) as error:
            why = f"{why} ({error})" if str(error) else why
        except BaseException:  # cancelled: nobody else knows of the jail yet
            await self.destroy()
            raise
        self.state = State.SPENT
        complaint = (await self.destroy()).strip()
        if "Error" in complaint:
            last = complaint.splitlines()[-1]
            raise ImageError(f"the guest does not run in this image ({last})", remedy="use another image=")
        raise LaunchFailed(f"the cell {self.name} did not start: {why}", remedy="run `latm doctor`")

    async def destroy(self) -> str:
        """See to the end of the jail; what it last complained of. Raises nothing, see `left`."""
        complaint = ""
        self.left = f"nothing was heard of its end for {DESTROY_S:g} s"
        try:
            with self._clock.limit(DESTROY_S, shield=True):
                complaint = await self.jail.destroy()
                self.left = ""
        except Exception as error:  # noqa: BLE001 - a launcher's own mistake must not end the pool
            self.left = repr(error)
        return complaint

    def bind(self, program: Program) -> None:
        """Give the cell to a program, for good. Sent with the first call."""
        assert self.program is None
        self.program = program
        self.bound_at = self._clock.now()
        loaded = dumps({"source": encode(program.source), "function": encode(program.function)})
        self._outgoing = frames.pack(frames.LOAD, frames.NO_NONCE, loaded)

    async def call(
        self, body: bytes, limits: Limits, answer: Any = None, wire: Wire = AWAITED
    ) -> tuple[Reply, float]:
        """Send one call and wait for its reply; the reply, and the seconds it took.

        Args:
            body: the encoded call.
            limits: complete limits of this call.
            answer: awaited with the payload of each question that the code asks; its result is sent back.
            wire: how to wait.

        Raises:
            Lost: the cell is gone or not to be trusted; it has to be destroyed.
        """
        nonce = os.urandom(8)
        head = frames.LIMITS.pack(
            limits.wall_s, limits.cpu_s, limits.memory_bytes, limits.output_bytes, limits.result_bytes
        )
        state = self.state
        self.state = State.SPENT
        begun = self._clock.now()
        until = begun + _CLEAN_S
        try:
            # An engine may go on taking what is sent to a container that has gone.
            if isinstance(self.jail, StreamJail) and self.jail.has_ended():
                raise Lost("its stream ended", started=False)
            try:
                await self._send(wire, self._outgoing + frames.pack(frames.CALL, nonce, head + body), until)
            except OSError as error:  # the frame has not arrived whole, so nothing has begun
                raise Lost(str(error) or "its stream ended", started=False) from None
            self._outgoing = b""
            if state is State.CLEANING:
                await self._expect_ready(wire, until)
                state = State.CLEAN
                begun = self._clock.now()  # until then the guest was busy with the call before
            until = self._clock.now() + limits.wall_s + GRACE_S
            while (frame := await self._receive_of(nonce, wire, until)).kind != frames.REPLIED:
                if frame.kind != frames.ASK or answer is None:
                    raise WireError("a frame of the wrong kind")  # noqa: TRY301 - one way out for all
                with deadline(self._clock, until - self._clock.now()):
                    await self.jail.send(frames.pack(frames.ANSWER, nonce, await answer(frame.payload)))
            reply = parse_reply(frame.payload)
        except TimeoutError:
            raise Lost(
                "it did not answer in time", started=state is State.CLEAN, late=state is State.CLEAN
            ) from None
        except (OSError, WireError) as error:
            raise Lost(str(error) or "its stream ended", started=state is State.CLEAN) from None
        self.state = State.CLEANING
        self._last_nonce = nonce
        self.calls += 1
        self.used_at = self._clock.now()
        return reply, self.used_at - begun

    async def settle(self) -> None:
        """Wait until the guest has cleaned up after the last call.

        Raises:
            Lost: it did not.
        """
        if self.state is State.CLEANING:
            self.state = State.SPENT
            try:
                await self._expect_ready(AWAITED, self._clock.now() + _CLEAN_S)
            except (TimeoutError, OSError, WireError) as error:
                raise Lost(str(error), started=False) from None
            self.state = State.CLEAN

    async def ping(self, timeout_s: float) -> None:
        """See that the guest is there and clean.

        Raises:
            Lost: it is not.
        """
        await self.settle()
        nonce = os.urandom(8)
        try:
            until = self._clock.now() + timeout_s
            await self._send(AWAITED, frames.pack(frames.PING, nonce), until)
            frame = await self._receive(AWAITED, until)
            if frame.kind != frames.PONG or frame.nonce != nonce:
                raise WireError("no pong")  # noqa: TRY301
        except (TimeoutError, OSError, WireError) as error:
            self.state = State.SPENT
            raise Lost(str(error), started=False) from None

    async def _expect_ready(self, wire: Wire, until: float) -> None:
        frame = await self._receive(wire, until)
        if frame.kind != frames.READY or frame.nonce != self._last_nonce:
            raise WireError("something else than the word that all is clean")

    async def _send(self, wire: Wire, data: bytes, until: float) -> None:
        await wire.send(self.jail, data, self._clock, until - self._clock.now())

    async def _receive(self, wire: Wire, until: float) -> Frame:
        while (frame := self._reader.next()) is None:
            data = await wire.receive(self.jail, self._clock, until - self._clock.now())
            if not data:
                raise OSError("its stream ended")
            self._reader.feed(data)
        return frame

    async def _receive_of(self, nonce: bytes, wire: Wire, until: float) -> Frame:
        frame = await self._receive(wire, until)
        if frame.nonce != nonce:
            raise WireError("an answer with the wrong nonce")
        return frame


def read_error(data: Any) -> tuple[str, str, str, int | None]:
    """Type, message, traceback and line out of what a guest sent.

    Raises:
        CodecError: they are not there.
    """
    if not isinstance(data, dict):
        raise CodecError("no error")
    found = cast("dict[str, Any]", data)
    line = found.get("line")
    return (
        decode_text(found.get("type")),
        decode_text(found.get("message")),
        decode_text(found.get("traceback")),
        line if type(line) is int else None,
    )
