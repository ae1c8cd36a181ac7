"""The store: one face for what the modules beside it do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import final

from latm._records import Attempt, Example, Tool
from latm.library import _database, _exporting, _importing
from latm.library._audits import Audit, Audits
from latm.library._counts import Answered, Counts, Payment
from latm.library._database import Database
from latm.library._instances import Instances, Source
from latm.library._leases import Lease
from latm.library._repeats import Repeat, Repeats
from latm.library._tasks import Tasks
from latm.library._tools import Tools, Version
from latm.library._work import Work


@final
class Library(Work):
    """Tools, instances, makings and the journal in one database. Safe to use from any thread and process.

    Names of tasks and tools are taken in any writing, and through their aliases.

    Args:
        url: SQLAlchemy URL: ``sqlite:///latm.db`` or ``postgresql+psycopg://...``.
        create: whether to make a file that is not there. Without, it reads as an empty library, for who only
            looks; what is written to it is lost.

    Raises:
        LibraryError: it cannot be opened, is not ours, or is newer than this latm.
        LibraryUnreachable: the server of its database does not answer, or does not let us in.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        self._database = Database(url, create=create)
        self._tools = Tools(self._database)
        self._instances = Instances(self._database)
        self._tasks = Tasks(self._database)
        self._repeats = Repeats(self._database)
        self._audits = Audits(self._database)
        self._counts = Counts(self._database)
        super().__init__(self._database)

    def close(self) -> None:
        """Release the database. May be called twice."""
        self._database.close()

    # Tools

    def get(self, name: str, version: int | None = None) -> Tool:
        """A tool: the version that serves, or the one asked for.

        Raises:
            LibraryError: there is none; says the nearest name, or why none serves.
        """
        return self._tools.get(name, version)

    def find(self, name: str, version: int | None = None) -> Tool | None:
        """Like `get`, with None where there is none."""
        return self._tools.find(name, version)

    def several(self, versions: Mapping[str, int]) -> tuple[Tool, ...]:
        """Versions of several tools at once, named as `serving` does; in no order, less those not there."""
        return self._tools.several(versions)

    def list(self) -> tuple[Tool, ...]:
        """The version that serves of every tool that has one, by name."""
        return self._tools.list()

    def serving(self) -> Mapping[str, int]:
        """The version that serves of every tool that has one, by name; reads no tool."""
        return self._tools.serving()

    def names(self) -> tuple[str, ...]:
        """The names of all tools, those that do not serve too."""
        return self._tools.names()

    def versions(self, name: str) -> tuple[Version, ...]:
        """Every version of a tool, newest first; empty where there is none."""
        return self._tools.versions(name)

    def current(self, name: str) -> Version | None:
        """The highest version that was not withdrawn, whatever its status; it serves only if it is active."""
        return self._tools.current(name)

    def add(
        self, tool: Tool, *, run: str | None = None, used: Sequence[int] = (), lease: Lease | None = None
    ) -> Tool:
        """Store a tool as the next version of its name.

        A tool that is the very same as the version that serves, but for where it comes from, is not stored
        again; nor is one whose name became another word for a task that is served, while it was made.

        Args:
            tool: its ``version`` is ignored and set.
            run: the making that it came of; closed in the same transaction.
            used: ids of pending instances that it was made from; they stop pending with it.
            lease: under which it was made.

        Returns:
            The tool with its version; or the one that serves.

        Raises:
            LeaseLost: another took the task over; nothing is stored.
        """
        return self._tools.add(tool, run=run, used=used, lease=lease)

    def export(self, directory: str | os.PathLike[str], name: str | None = None) -> tuple[Path, ...]:
        """Write tools into a directory, a folder for each, to be read, reviewed and kept with other sources.

        Each folder takes the place of an earlier export of the same tool; others stay as they are.

        Args:
            directory: made where it does not exist.
            name: the tool to write; None writes all that serve.

        Returns:
            The folders.

        Raises:
            LibraryError: there is no such tool in use, or a folder cannot be written.
        """
        chosen = self.list() if name is None else (self.get(name),)
        return tuple(_exporting.write(tool, Path(directory)) for tool in chosen)

    def import_(self, directory: str | os.PathLike[str]) -> tuple[Tool, ...]:
        """Store the tools of a directory that was exported, or the one tool whose folder it is.

        All are read and checked before any is stored. One that is the very same as the current version is
        not stored again, and stays in or out of use as it is. Nothing is run: their tests can be run again
        by `Engine.test`.

        Returns:
            The tools as the library has them now.

        Raises:
            LibraryError: a file is missing, is too much, or is not as it was exported; says which.
        """
        return tuple(self._tools.take_in(tool) for tool in _importing.read_all(Path(directory)))

    def rollback(self, name: str) -> Tool | None:
        """Withdraw the current version for good, so that the one before is current again.

        Returns:
            The tool that now serves, None if none does.

        Raises:
            LibraryError: there is no version to withdraw.
        """
        return self._tools.rollback(name)

    def retire(self, name: str) -> None:
        """Take a tool out of use; no version serves, and nothing is deleted.

        Raises:
            LibraryError: there is no such tool, or it is retired.
        """
        self._tools.retire(name)

    def restore(self, name: str) -> Tool:
        """Let the current version serve again after it was retired or quarantined; gives it.

        Raises:
            LibraryError: there is no such tool.
        """
        return self._tools.restore(name)

    def quarantine(self, tool: Tool, reason: str) -> None:
        """Take a version that was found wrong out of use; no older one serves in its place."""
        self._tools.quarantine(tool, reason)

    def count_uses(self, tool: Tool, *, uses: int, failures: int) -> None:
        """Count uses of a tool's version, and how many of them failed."""
        self._tools.count_uses(tool, uses=uses, failures=failures)

    def uses(self, tool: Tool) -> tuple[int, int]:
        """How often a tool's version was used, and how often it failed."""
        return self._tools.uses(tool)

    def revision(self) -> int:
        """A number that grows when what a dispatcher reads has changed.

        That is: tools, statuses, aliases, and the first two instances of a task.
        """
        with self._database.transaction() as connection:
            return _database.revision(connection)

    # Tasks and instances

    def alias(self, alias: str, name: str) -> None:
        """Make a name another word for a task; its instances and negatives move there.

        Raises:
            LibraryError: a tool serves under the first name.
        """
        self._tasks.alias(alias, name)

    def merge(self, alias: str, tool: Tool, *, run: str, history: Sequence[Attempt], lease: Lease) -> None:
        """Close a making that came to a tool that is there already, under another name.

        Args:
            alias: the name that the making was for; from now on another word for the tool's.
            tool: the one that is there.
            run: the making.
            history: every attempt of it.
            lease: under which it was made.

        Raises:
            LeaseLost: another took the task over; nothing is written.
        """
        self._tasks.merge(alias, tool, run=run, history=history, lease=lease)

    def resolve(self, name: str) -> str:
        """The name under which a task is kept: the name in our writing, or that of which it is an alias."""
        return self._tasks.resolve(name)

    def resolve_all(self, names: Iterable[str]) -> Mapping[str, str]:
        """The same for many names at once; what can be no name of a task stands for itself."""
        return self._tasks.resolve_all(names)

    def negatives(self, task: str) -> tuple[str, ...]:
        """Questions that look like a task's and are not, newest first, at most 20."""
        return self._tasks.negatives(task)

    def negatives_of(self, names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """The same for several tasks at once, by the names that `serving` and `tasks` give."""
        return self._tasks.negatives_of(names)

    def add_negative(self, task: str, question: str) -> None:
        """Keep such a question; one that is known, up to white space, becomes the newest."""
        self._tasks.add_negative(task, question)

    def forget_negative(self, task: str, question: str) -> None:
        """Drop such a question, up to white space: it does belong to the task."""
        self._tasks.forget_negative(task, question)

    def remember(self, task: str, example: Example, *, source: Source = "model") -> int:
        """Keep an answered question to make a tool from; gives how many are pending.

        A question that is pending already, up to white space, is not kept again: six times the same one is
        nothing to make a tool from, and nothing to verify it on. What a caller said (``feedback``) replaces
        what a model said of the same question, and never the other way round.

        Args:
            task: the task's name.
            example: the question with its answer.
            source: whose answer it is: ``model``, ``feedback`` or ``audit``.
        """
        return self._instances.remember(task, example, source)

    def disown(self, task: str, question: str) -> None:
        """Drop a pending instance whose answer is a model's, since a caller said that it is wrong."""
        self._instances.disown(task, question)

    def overruled(self, task: str) -> Mapping[str, str]:
        """What callers said of questions of a task, used or not: question, up to white space -> answer."""
        return self._instances.overruled(task)

    def pending(self, task: str) -> tuple[tuple[int, Example], ...]:
        """The pending instances of a task with their ids, oldest first."""
        return self._instances.pending(task)

    def sources(self, task: str) -> Mapping[int, str]:
        """Whose answers the pending instances of a task are, by their ids; see `remember`."""
        return self._instances.sources(task)

    def tasks(self) -> Mapping[str, tuple[Example, ...]]:
        """Tasks that no tool serves, with up to two instances of each.

        They are those with pending instances, and those whose tool is quarantined.
        """
        return self._instances.tasks()

    # Repeats and audits

    def repeat(self, question: str) -> Repeat | None:
        """The call that answered a question before, up to white space, if that version still serves."""
        return self._repeats.find(question)

    def remember_call(self, question: str, tool: Tool, call: str) -> None:
        """Keep the call for a question; of all questions about the newest 100,000 stay."""
        self._repeats.keep(question, tool, call)

    def forget_repeat(self, question: str) -> None:
        """Drop the call that is kept for a question."""
        self._repeats.forget(question)

    def record_audit(self, audit: Audit) -> None:
        """Keep an audit."""
        self._audits.record(audit)

    def audits(self, tool: Tool, *, limit: int = 1000) -> tuple[Audit, ...]:
        """The newest audits of a tool's version, oldest first."""
        return self._audits.of(tool, limit)

    # Traffic

    def count_answers(self, answered: Sequence[Answered]) -> None:
        """Count answers; all of one kind since the last time are one of these."""
        self._counts.add(answered)

    def answered(self) -> tuple[Answered, ...]:
        """What was answered, oldest first: the newest as counted, older ones added up by the hour."""
        return self._counts.all()

    def counted_since(self) -> str | None:
        """When counting began, in ISO 8601; None where all answers are counted."""
        return self._counts.since()

    def payments(self) -> tuple[Payment, ...]:
        """The journal without what was said, oldest first."""
        return self._counts.payments()
