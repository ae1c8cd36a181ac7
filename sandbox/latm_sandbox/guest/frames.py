"""The bytes between host and guest, and between supervisor and child.

A frame is the length of its payload (u32), its kind (u8), a nonce (8 bytes) and the payload; all big-endian.
"""

from __future__ import annotations

import struct
from os import read, write  # the functions themselves: a program may put others into os

HEADER = struct.Struct(">IB8s")
LIMITS = struct.Struct(">ddQQQ")  # wall_s, cpu_s; memory, output and result bytes; then the request as JSON
REPLY = struct.Struct(">BddQBII")  # status, wall_s, cpu_s, peak bytes, truncated, len(stdout), len(stderr)
RESULT = struct.Struct(">BdQ")  # status, cpu_s, peak bytes; then the result as JSON

HELLO, LOAD, CALL, PING, ANSWER, READY, REPLIED, PONG, ASK = b"HLCPADROQ"
OK, ERROR, INVALID, UNSERIALISABLE, MEMORY, OUTPUT, TIMEOUT, KILLED = b"oeiumxtk"

NO_NONCE = bytes(8)
MAX_FRAME = 128 << 20  # what a guest takes from its host
READ_SIZE = 1 << 12  # a larger buffer is mapped anew for each read, which costs more than most frames
LARGE_READ_SIZE = 1 << 18  # once a frame is seen not to be a small one
OVERHEAD = 1 << 20  # what a frame may have beside output and result: the text of an error, escaped


def pack(kind: int, nonce: bytes, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return HEADER.pack(len(payload), kind, nonce) + payload


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data` to a blocking descriptor."""
    view = memoryview(data)
    while view:
        view = view[write(fd, view) :]


class Channel:
    """Frames from a blocking descriptor, as a guest reads them."""

    def __init__(self, fd: int, rest: bytes = b"") -> None:
        self.fd = fd
        self.buffer = bytearray(rest)

    def take(self) -> tuple[int, bytes, bytes] | None:
        """Kind, nonce and payload of the next whole frame in the buffer, or None."""
        buffer = self.buffer
        if len(buffer) < HEADER.size:
            return None
        length, kind, nonce = HEADER.unpack_from(buffer)
        if length > MAX_FRAME:
            raise EOFError
        end = HEADER.size + length
        if len(buffer) < end:
            return None
        payload = bytes(buffer[HEADER.size : end])
        del buffer[:end]
        return kind, nonce, payload

    def fill(self) -> None:
        """Read what is there, waiting for the first byte."""
        data = read(self.fd, READ_SIZE if len(self.buffer) < READ_SIZE else LARGE_READ_SIZE)
        if not data:
            raise EOFError
        self.buffer += data

    def read(self) -> tuple[int, bytes, bytes]:
        """The next frame, waiting for it."""
        while (got := self.take()) is None:
            self.fill()
        return got
