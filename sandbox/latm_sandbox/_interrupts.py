"""Ctrl-C reaches a thread that works on the books of a pool only where it waits.

Python raises KeyboardInterrupt between any two steps of the main thread. Between two entries that belong
together it would leave a cell that nobody gives back; where the thread waits there is somebody who does.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

_Handler = Callable[[int, FrameType | None], object]

# What `signal` wraps: its looks for a name for every handler take fifteen microseconds of each call.
_plain: Any = sys.modules.get("_signal", signal)
_get: Callable[[int], object] = _plain.getsignal
_set: Callable[[int, _Handler], object] = _plain.signal


class PutOff:
    """Puts SIGINT off while it is entered in the main thread; in others, which get none, it does nothing."""

    __slots__ = ("_asked", "_handler", "_open")

    def __init__(self) -> None:
        self._handler: _Handler | None = None
        self._asked: tuple[int, FrameType | None] | None = None
        self._open = False

    def __enter__(self) -> Self:
        if threading.get_ident() == threading.main_thread().ident:
            handler = _get(signal.SIGINT)
            if callable(handler) and _current() is None:
                self._handler = handler
                _set(signal.SIGINT, self._hear)
                _GATES.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        handler = self._handler
        if handler is None:
            return
        _GATES.remove(self)
        _set(signal.SIGINT, handler)
        self._handler = None
        self._raise()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._asked = number, frame
        if self._open:
            self._open = False  # what it breaks off is cleared up with the books open
            self._raise()

    def _raise(self) -> None:
        if self._asked is not None:
            asked, self._asked = self._asked, None
            handler = self._handler or _get(signal.SIGINT)
            if callable(handler):
                handler(*asked)

    def let_in(self) -> None:
        """From here on it may come, and comes when it has been put off."""
        self._open = True
        self._raise()

    def keep_out(self) -> None:
        """From here on it may not."""
        self._open = False


_GATES: Final[list[PutOff]] = []  # one at most


def _current() -> PutOff | None:
    if _GATES and threading.get_ident() == threading.main_thread().ident:
        return _GATES[0]
    return None


class Waiting:
    """Around a wait, in whatever thread: what was put off may come here."""

    __slots__ = ("_gate",)

    def __enter__(self) -> None:
        self._gate = _current()
        if self._gate is not None:
            try:
                self._gate.let_in()
            except BaseException:
                self._gate.keep_out()
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._gate is not None:
            self._gate.keep_out()
