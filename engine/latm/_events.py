"""Progress: what happens, told to whoever listens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import final

from latm._records import OnEvent


@final
class Events:
    """Tells the engine's own listener and the plugins' of each event.

    Names have the form ``room.what``: ``model.replied``, ``make.attempt``, ``make.done``, ``solve.done``.
    """

    def __init__(self, listener: OnEvent | None, hook: Callable[[str, Mapping[str, object]], None]) -> None:
        self._listener = listener
        self._hook = hook

    def tell(self, name: str, **fields: object) -> None:
        """Tell of an event; no listener can break the caller."""
        if self._listener is not None:
            with contextlib.suppress(Exception):
                self._listener(name, fields)
        self._hook(name, fields)
