"""Standard input as lines that can be stopped being waited for."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import final

import anyio

_MOST = 65_536  # bytes of one read
_STDIN = 0


@final
class Lines:
    """The lines of a file descriptor, as they come.

    The transport of the package reads in a thread that nothing wakes: a server in a terminal would end
    after Ctrl-C only when one more line was typed.

    Args:
        descriptor: of a pipe, a terminal or a file; read as UTF-8.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        """The lines, to the end."""
        held = bytearray()
        while chunk := await self._read():
            start = len(held)
            held += chunk
            if (end := held.rfind(b"\n", start)) < 0:
                continue
            whole, held = held[: end + 1], held[end + 1 :]
            for line in whole.splitlines(keepends=True):
                yield line.decode("utf-8", "replace")
        if held:
            yield held.decode("utf-8", "replace")

    async def _read(self) -> bytes:
        try:
            await anyio.wait_readable(self._descriptor)
        except PermissionError:
            await anyio.lowlevel.checkpoint()  # a file, which can always be read and never be waited for
        return os.read(self._descriptor, _MOST)


@contextmanager
def private_stdin() -> Generator[int, None, None]:
    """Standard input under another number; meanwhile others who read it find nothing."""
    private = os.dup(_STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        os.dup2(nothing, _STDIN)
        yield private
    finally:
        os.dup2(private, _STDIN)
        os.close(nothing)
        os.close(private)
