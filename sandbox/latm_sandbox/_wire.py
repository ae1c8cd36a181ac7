"""The host's reader of frames. It takes nothing on trust."""

from __future__ import annotations

from typing import NamedTuple

from latm_sandbox.guest.frames import HEADER, REPLY


class WireError(Exception):
    """The guest sent what no honest guest sends. Its cell is not to be used any further."""


class Frame(NamedTuple):
    """One frame."""

    kind: int
    nonce: bytes
    payload: bytes


class FrameReader:
    """Cuts a stream into frames.

    Args:
        limit: bytes that a payload may have. A longer one is refused when its header arrives, so that no more
            than that is ever held.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        self._buffer += data

    def next(self) -> Frame | None:
        """The next whole frame, or None until more arrives.

        Raises:
            WireError: the stream is damaged.
        """
        buffer = self._buffer
        if len(buffer) < HEADER.size:
            return None
        length, kind, nonce = HEADER.unpack_from(buffer)
        if length > self.limit:
            raise WireError(f"a frame of {length} bytes where {self.limit} are allowed")
        end = HEADER.size + length
        if len(buffer) < end:
            return None
        payload = bytes(buffer[HEADER.size : end])
        del buffer[:end]
        return Frame(kind, nonce, payload)


class Reply(NamedTuple):
    """The guest's answer to a call, cut but not understood."""

    status: int
    wall_s: float
    cpu_s: float
    peak: int
    truncated: bool
    stdout: bytes
    stderr: bytes
    body: bytes


def parse_reply(payload: bytes) -> Reply:
    """Cut the answer to a call into its parts.

    Raises:
        WireError: the parts do not fit.
    """
    if len(payload) < REPLY.size:
        raise WireError("an answer too short to be one")
    status, wall, cpu, peak, truncated, out, err = REPLY.unpack_from(payload)
    begin = REPLY.size
    if begin + out + err > len(payload) or not 0 <= cpu < 1e9 or peak > 1 << 50:  # noqa: PLR2004
        raise WireError("an answer whose parts do not fit")
    return Reply(
        status,
        wall,
        cpu,
        peak,
        bool(truncated),
        payload[begin : begin + out],
        payload[begin + out : begin + out + err],
        payload[begin + out + err :],
    )
