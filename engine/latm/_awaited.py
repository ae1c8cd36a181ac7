"""The library for those who await."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

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
