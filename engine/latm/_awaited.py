"""The library for those who await."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, final

from latm._ledger import Spend
from latm._records import Tool
from latm._threads import in_thread

if TYPE_CHECKING:
    from latm.library import Library


@final
class AsyncLibrary:
    """The library's reading side, awaited."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def get(self, name: str, version: int | None = None) -> Tool:
        """A tool: the newest active version, or the one asked for.

        Raises:
            LibraryError: there is none; says the nearest name.
        """
        return await in_thread(self._library.get, name, version)

    async def list(self) -> tuple[Tool, ...]:
        """The newest active version of every tool, by name."""
        return await in_thread(self._library.list)

    async def retire(self, name: str) -> None:
        """Take every version of a tool out of use; nothing is deleted.

        Raises:
            LibraryError: there is no active tool of that name.
        """
        await in_thread(self._library.retire, name)

    async def save_cassette(
        self, path: str | os.PathLike[str], *, run: str | None = None, role: str | None = None
    ) -> int:
        """Write replies of the journal into a new cassette; see `latm.library.Library.save_cassette`."""
        return await in_thread(lambda: self._library.save_cassette(path, run=run, role=role))

    async def spent(self, *, run: str | None = None, since: datetime | None = None) -> Spend:
        """The sum of what the journal holds; see `latm.library.Library.spent`."""
        return await in_thread(lambda: self._library.spent(run=run, since=since))
