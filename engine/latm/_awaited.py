"""The library for those who await."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, final

from latm._ledger import Spend
from latm._records import Tool
from latm._threads import in_thread

if TYPE_CHECKING:
    from latm.library import Library, Making, Version


@final
class AsyncLibrary:
    """What applications ask of a library, awaited; each method is that of `latm.library.Library`."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def get(self, name: str, version: int | None = None) -> Tool:
        """A tool: the version that serves, or the one asked for.

        Raises:
            LibraryError: there is none; says the nearest name, or why none serves.
        """
        return await in_thread(self._library.get, name, version)

    async def list(self) -> tuple[Tool, ...]:
        """The version that serves of every tool that has one, by name."""
        return await in_thread(self._library.list)

    async def versions(self, name: str) -> tuple[Version, ...]:
        """Every version of a tool, newest first, with its status; empty where there is none."""
        return await in_thread(self._library.versions, name)

    async def makings(self, task: str) -> tuple[Making, ...]:
        """Every making of a task, newest first: under way, made, and failed with its history."""
        return await in_thread(self._library.makings, task)

    async def retire(self, name: str) -> None:
        """Take a tool out of use; no version serves, and nothing is deleted.

        Raises:
            LibraryError: there is no such tool, or it is retired.
        """
        await in_thread(self._library.retire, name)

    async def restore(self, name: str) -> Tool:
        """Let the current version serve again after it was retired or quarantined; gives it.

        Raises:
            LibraryError: there is no such tool.
        """
        return await in_thread(self._library.restore, name)

    async def rollback(self, name: str) -> Tool | None:
        """Withdraw the current version for good; gives the one that now serves, None if none does.

        Raises:
            LibraryError: there is no version to withdraw.
        """
        return await in_thread(self._library.rollback, name)

    async def alias(self, alias: str, name: str) -> None:
        """Make a name another word for a task.

        Raises:
            LibraryError: a tool serves under the first name.
        """
        await in_thread(self._library.alias, alias, name)

    async def overruled(self, task: str) -> Mapping[str, str]:
        """What callers said of questions of a task: question, up to white space -> answer."""
        return await in_thread(self._library.overruled, task)

    async def export(self, directory: str | os.PathLike[str], name: str | None = None) -> tuple[Path, ...]:
        """Write a tool, or all that serve, into a directory; see `latm.library.Library.export`."""
        return await in_thread(self._library.export, directory, name)

    async def import_(self, directory: str | os.PathLike[str]) -> tuple[Tool, ...]:
        """Store the tools of a directory that was exported; see `latm.library.Library.import_`."""
        return await in_thread(self._library.import_, directory)

    async def save_cassette(
        self, path: str | os.PathLike[str], *, run: str | None = None, role: str | None = None
    ) -> int:
        """Write replies of the journal into a new cassette; see `latm.library.Library.save_cassette`."""
        return await in_thread(lambda: self._library.save_cassette(path, run=run, role=role))

    async def spent(self, *, run: str | None = None, since: datetime | None = None) -> Spend:
        """The sum of what the journal holds; see `latm.library.Library.spent`."""
        return await in_thread(lambda: self._library.spent(run=run, since=since))
