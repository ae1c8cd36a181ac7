"""The tools of a library as they are now, read anew only where something changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, final

from latm._records import Tool
from latm.serving._offers import Decision, Offer, Withheld, decide

if TYPE_CHECKING:
    from latm.library import Library

_MOST_NAMED = 50  # tools that are asked for by name; of more, all are read


@dataclass(frozen=True, slots=True)
class Listed:
    """What is offered at one time.

    Attributes:
        offers: by name, in the order of the names.
        withheld: the tools that serve and are not offered.
        number: raised by one whenever what is offered is not what was offered at the last look.
    """

    offers: Mapping[str, Offer] = field(default_factory=lambda: MappingProxyType({}))
    withheld: tuple[Withheld, ...] = ()
    number: int = 0


@final
class Listing:
    """Reads a library's tools. Safe to use from several threads; `current` blocks.

    Args:
        library: it may be changed by any process.
        reserved: names that no tool is offered under.
    """

    def __init__(self, library: Library, *, reserved: frozenset[str] = frozenset()) -> None:
        self._library = library
        self._reserved = reserved
        self._lock = threading.Lock()
        self._revision: int | None = None
        self._decisions: dict[str, Decision] = {}
        self._listed = Listed()

    def current(self) -> Listed:
        """What is offered now.

        Raises:
            LibraryError: the library cannot be read.
        """
        with self._lock:
            # Before the tools: a change in between is read once more, and never missed.
            revision = self._library.revision()
            if revision != self._revision:
                self._read()
                self._revision = revision
            return self._listed

    @property
    def last(self) -> Listed:
        """What was offered when it was last looked at; reads nothing."""
        return self._listed

    def _read(self) -> None:
        serving = self._library.serving()
        kept = {
            name: known
            for name, version in serving.items()
            if (known := self._decisions.get(name)) and known.tool.version == version
        }
        fresh = {name: version for name, version in serving.items() if name not in kept}
        kept |= {tool.name: self._decide(tool) for tool in self._tools(fresh)}
        self._decisions = kept
        chosen = {name: each for name, each in sorted(kept.items()) if isinstance(each, Offer)}
        before = self._listed
        same = _versions(chosen) == _versions(before.offers)
        self._listed = Listed(
            MappingProxyType(chosen),
            tuple(each for _, each in sorted(kept.items()) if isinstance(each, Withheld)),
            before.number if same else before.number + 1,
        )

    def _tools(self, versions: Mapping[str, int]) -> tuple[Tool, ...]:
        if len(versions) > _MOST_NAMED:
            return tuple(tool for tool in self._library.list() if tool.name in versions)
        return self._library.several(versions)

    def _decide(self, tool: Tool) -> Decision:
        if tool.name in self._reserved:
            return Withheld(tool=tool, reason="the engine itself is offered under its name")
        return decide(tool)


def _versions(offers: Mapping[str, Offer]) -> Mapping[str, int]:
    return {name: each.tool.version for name, each in offers.items()}
