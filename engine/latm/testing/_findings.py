"""What an examination has found so far: verdicts, and all that was seen, said and logged meanwhile."""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
from collections.abc import Awaitable, Callable, Generator
from typing import final

import anyio

from latm.testing._judging import Failed, chained
from latm.testing._scenario import Check

__all__ = ["CANARY", "LONGEST_S", "Findings"]

CANARY = "canary-3f1b7c5e-key"
LONGEST_S = 180.0  # for one check; those in fresh processes may import an SDK on a busy machine


@final
class Findings:
    """The checks that were made, and where the key may have been shown.

    Attributes:
        checks: in the order in which they were made.
    """

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self._seen: list[str] = []
        self._chained = ""
        self._said = io.StringIO()
        self._logged = io.StringIO()

    @contextlib.contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Collect what is printed and logged, at every level."""
        handler = logging.StreamHandler(self._logged)
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with contextlib.redirect_stdout(self._said), contextlib.redirect_stderr(self._said):
                yield
        finally:
            root.setLevel(level)
            root.removeHandler(handler)

    async def check(self, name: str, judge: Callable[[], Awaitable[None]]) -> None:
        """Note whether a judge is content."""
        detail = f"it did not end within {LONGEST_S:g} s"
        try:
            with anyio.move_on_after(LONGEST_S):
                await judge()
                detail = ""
        except Failed as verdict:
            detail = str(verdict)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises is a finding
            self.note(error)
            detail = f"raised {type(error).__name__}: {error}"
        self._conclude(name, detail)

    def see(self, text: str) -> None:
        """Keep a text for the search for the key."""
        self._seen.append(text)

    def note(self, error: BaseException) -> None:
        """Keep all that an error shows, for the search for the key."""
        self._seen += [str(error), repr(error), "".join(traceback.format_exception(error))]

    def note_outcome(self, error: BaseException) -> None:
        """Keep what a call ended with, and whether an exception of an SDK travels along with it."""
        self.note(error)
        self._chained = self._chained or chained(error)

    def hygiene(self) -> None:
        """What must not have been shown, in all that was seen."""
        shown = next((text for text in self._seen if CANARY in text), "")
        self._conclude("the key is in no repr, error or traceback", shown[-200:] if shown else "")
        self._conclude("no exception of an SDK travels along with an error", self._chained)
        logged = CANARY in self._logged.getvalue()
        self._conclude("the key is in no log", "it was logged" if logged else "")
        self._conclude("nothing is printed", self._said.getvalue().strip()[:200])

    def _conclude(self, name: str, detail: str) -> None:
        self.checks.append(Check(name, not detail, detail.replace(CANARY, "(the key!)")))
