"""All that a library knows, kept in an index that follows its revisions."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, final

from latm._records import Example, Tool
from latm._signature import contract_of
from latm.dispatcher._candidates import Candidate, Shortlist
from latm.dispatcher._index import Index
from latm.dispatcher._names import likeness

if TYPE_CHECKING:
    from latm.library import Library, Repeat

SHORTLIST = 5
_NAME_COUNTS = 3  # a name is short and chosen with care
_MOST_NAMED = 50  # tools that are asked for by name; of more, all are read
_TOOLS_KEPT = 256  # whole tools kept in memory; of all others there are the words in the index


@final
class Known:
    """The tasks of one library. Methods block; they may be called from any thread."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._index = Index()
        self._revision: int | None = None
        self._serving: Mapping[str, int] = {}
        self._tasks: Mapping[str, Sequence[Example]] = {}
        self._tools: dict[tuple[str, int], Candidate] = {}
        self._alike: dict[str, tuple[str, ...]] = {}

    def look(self, question: str) -> Repeat | Shortlist:
        """The call that answered this very question before, if its tool still serves; else the candidates.

        Raises:
            LibraryError: the library cannot be read.
        """
        return self._library.repeat(question) or self.shortlist(question)

    def shortlist(self, question: str) -> Shortlist:
        """The candidates for a question, without their near misses.

        Raises:
            LibraryError: the library cannot be read.
        """
        self.refresh()
        with self._lock:
            best = self._index.best(question, SHORTLIST)
            serving, tasks = self._serving, self._tasks
        tooled = self._tooled({name: serving[name] for name, _ in best if name in serving})
        found: list[Candidate] = []
        for name, score in best:
            if name in tooled:
                found.append(dataclasses.replace(tooled[name], score=score))
            elif name not in serving:
                found.append(dataclasses.replace(_pending(name, tasks[name]), score=score))
        return Shortlist(tuple(found))

    def with_misses(self, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """The candidates with their near misses, as a model is shown them.

        Raises:
            LibraryError: the library cannot be read.
        """
        known = self._library.negatives_of([each.name for each in candidates if each.has_tool])
        return tuple(
            dataclasses.replace(each, negatives=known[each.name]) if each.name in known else each
            for each in candidates
        )

    def tool(self, name: str, version: int) -> Tool | None:
        """A version of a tool, whatever its status; it never changes, so the last ones are kept in memory.

        Raises:
            LibraryError: the library cannot be read.
        """
        known = self._tooled({name: version}).get(name)
        return None if known is None else known.tool

    def serving(self, name: str) -> Tool | None:
        """The version of a tool that serves now; None where none does.

        Raises:
            LibraryError: the library cannot be read.
        """
        self.refresh()
        version = self._serving.get(name)
        return None if version is None else self.tool(name, version)

    def refresh(self) -> None:
        """Take in what changed since the last time; one select where nothing did.

        Raises:
            LibraryError: the library cannot be read.
        """
        if self._library.revision() == self._revision:
            return
        with self._refreshing:
            revision = self._library.revision()
            if revision != self._revision:
                self._take_in(revision)

    def _take_in(self, revision: int) -> None:
        # Read before the index is touched: an error must leave a whole index behind.
        serving, tasks = dict(self._library.serving()), self._library.tasks()
        new = {name: version for name, version in serving.items() if self._serving.get(name) != version}
        read = self._read(new)
        with self._lock:
            for name in self._serving.keys() - serving.keys():
                self._index.drop(name)
            for tool in read:
                self._index.put(tool.name, _fields(candidate(tool)))
            for task in self._tasks.keys() - tasks.keys() - serving.keys():
                self._index.drop(task)
            for task, examples in tasks.items():
                changed = task in self._serving or self._tasks.get(task) != examples
                if changed and task not in serving:
                    self._index.put(task, _fields(_pending(task, examples)))
            self._rename(before=self._serving.keys() | self._tasks.keys(), now=serving.keys() | tasks.keys())
            self._serving, self._tasks = serving, tasks
        self._revision = revision

    def alike(self, name: str) -> str | None:
        """The one known task that a name is another word for; None where there is none, or several."""
        if name in self._serving or name in self._tasks:
            return None
        known = self._alike.get(likeness(name), ())
        return known[0] if len(known) == 1 else None

    def _rename(self, *, before: AbstractSet[str], now: AbstractSet[str]) -> None:
        for name in before - now:
            key = likeness(name)
            self._alike[key] = tuple(each for each in self._alike[key] if each != name)
            if not self._alike[key]:
                del self._alike[key]
        for name in now - before:
            key = likeness(name)
            self._alike[key] = (*self._alike.get(key, ()), name)

    def _read(self, versions: Mapping[str, int]) -> Sequence[Tool]:
        if len(versions) > _MOST_NAMED:
            return [tool for tool in self._library.list() if tool.name in versions]
        return self._library.several(versions)

    def _tooled(self, versions: Mapping[str, int]) -> dict[str, Candidate]:
        """The tools of these versions as candidates, by name; the last ones are kept in memory."""
        known = {
            name: kept for name, version in versions.items() if (kept := self._tools.get((name, version)))
        }
        cold = {name: version for name, version in versions.items() if name not in known}
        if cold:
            read = {tool.name: candidate(tool) for tool in self._library.several(cold)}
            known |= read
            with self._lock:
                for name, each in read.items():
                    self._tools[name, versions[name]] = each
                while len(self._tools) > _TOOLS_KEPT:
                    del self._tools[next(iter(self._tools))]
        return known


def candidate(tool: Tool) -> Candidate:
    """A tool as a candidate."""
    return Candidate(
        name=tool.name,
        contract=tool.contract or contract_of(tool.source, tool.function),
        samples=(),
        has_tool=True,
        demonstrations=tool.demonstrations,
        tool=tool,
    )


def _pending(task: str, examples: Sequence[Example]) -> Candidate:
    samples = tuple(each.question for each in examples)
    return Candidate(name=task, contract="", samples=samples, has_tool=False)


def shortlist(question: str, candidates: Iterable[Candidate], limit: int = SHORTLIST) -> Shortlist:
    """The best of some candidates, by an index of their own; for a few candidates that are in no library."""
    known = {each.name: each for each in candidates}
    index = Index()
    for each in known.values():
        index.put(each.name, _fields(each))
    best = index.best(question, limit)
    return Shortlist(tuple(dataclasses.replace(known[name], score=score) for name, score in best))


def _fields(known: Candidate) -> list[tuple[str, int]]:
    """The texts of a task for the index, each with how often its words count."""
    return [(known.name, _NAME_COUNTS), (known.contract, 1), *((each, 1) for each in known.questions)]
