"""Makings, their leases, and the journal of what was paid for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from latm import cassettes
from latm._ledger import REPLIED, Spend
from latm._records import Attempt
from latm.errors import LibraryError
from latm.library._database import Database
from latm.library._journal import Journal, JournalEntry
from latm.library._leases import Busy, Lease, Leases
from latm.library._makings import Making, Makings
from latm.library._tunings import TuningWork


class Work(TuningWork):
    """The side of a library that makers work with; see `latm.library.Library`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._makings = Makings(database)
        self._leases = Leases(database)
        self._journal = Journal(database.transaction, database.writing)
        self.url = database.url

    # Makings

    def begin(
        self,
        task: str,
        fingerprint: str,
        *,
        instances: Sequence[int] = (),
        pending: int = 0,
        lease: Lease | None = None,
    ) -> str:
        """Open a making; gives its run id.

        A making with the same fingerprint that was begun and never ended (its process died) is taken up
        again under its old id, so that its paid replies are found in the journal.

        Args:
            task: the task's name.
            fingerprint: of all that decides on what the maker is asked.
            instances: ids of the pending instances that it is made from; none where a caller gave examples.
            pending: how many instances were pending.
            lease: under which it is made.

        Raises:
            LeaseLost: another took the task over.
        """
        return self._makings.begin(task, fingerprint, instances=instances, pending=pending, lease=lease)

    def unfinished(self, task: str) -> tuple[int, ...]:
        """Ids of the instances of a making that was begun from pending ones and never ended; else none."""
        return self._makings.unfinished(task)

    def fail(
        self,
        run: str,
        history: Sequence[Attempt],
        *,
        stage: str | None = None,
        error: str | None = None,
        lease: Lease | None = None,
    ) -> None:
        """Close a making that came to nothing.

        Args:
            run: its id.
            history: every attempt, in order.
            stage: the stage that gave up.
            error: what it failed with.
            lease: under which it was made.

        Raises:
            LeaseLost: another took the task over; nothing is written.
        """
        self._makings.fail(run, history, stage=stage, error=error, lease=lease)

    def failed_with(self, task: str) -> int:
        """The most instances that were pending when making a tool from them failed; 0 if it never did.

        What failed before a tool was made says nothing of the next version.
        """
        return self._makings.failed_with(task)

    def makings(self, task: str) -> tuple[Making, ...]:
        """Every making of a task, newest first: under way, made, and failed with its history."""
        return self._makings.of(task)

    def outcome(self, fingerprint: str, *, since: int) -> Making | None:
        """The newest making with a fingerprint that ended under a lease of this token or a later one."""
        return self._makings.outcome(fingerprint, since=since)

    # Leases

    def acquire(self, task: str, holder: str, *, fingerprint: str, ttl_s: float) -> Lease | Busy:
        """Take the right to make a tool for a task: at most one has it, whatever process or host it is in.

        Args:
            task: the task's name.
            holder: from `latm.library.new_holder`.
            fingerprint: of the making.
            ttl_s: seconds after which others may take it, counted from the last renewal.

        Returns:
            The lease; or who has it.
        """
        return self._leases.acquire(task, holder, fingerprint=fingerprint, ttl_s=ttl_s)

    def renew(self, lease: Lease) -> bool:
        """Begin the time of a lease anew; False where another has taken it."""
        return self._leases.renew(lease)

    def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens where another has taken it."""
        self._leases.release(lease)

    # Journal

    def record(self, entry: JournalEntry) -> None:
        """Store a paid reply before it is used; returns when no end of the process can lose it any more."""
        self._journal.record(entry)

    def record_once(self, entry: JournalEntry) -> JournalEntry | None:
        """Store what was paid for, unless its run has an entry at its step, which is given back then."""
        return self._journal.record_once(entry)

    def recall(self, run: str, step: str, digest: str) -> JournalEntry | None:
        """The reply that was paid for at this step of this run for this very request, if any."""
        return self._journal.recall(run, step, digest)

    def journal(self, run: str | None = None) -> tuple[JournalEntry, ...]:
        """Every paid reply, or those of one run, oldest first."""
        return self._journal.entries(run)

    def spent(self, *, run: str | None = None, since: datetime | None = None) -> Spend:
        """The sum of what the journal holds.

        Args:
            run: of this making or question only.
            since: of what was written at this time or later only; with a time zone.
        """
        return self._journal.spent(run=run, since=since)

    def save_cassette(
        self, path: str | os.PathLike[str], *, run: str | None = None, role: str | None = None
    ) -> int:
        """Write replies of the journal into a new cassette, which ``replay:PATH`` plays.

        Attempts that failed are left out.

        Args:
            path: the file; it must not exist.
            run: those of this making or question only, such as ``tool.provenance.run``.
            role: those of this role only.

        Returns:
            How many exchanges were written.

        Raises:
            LibraryError: the journal has none of these, or holds something that cannot be read.
            OSError: the file cannot be written, or exists.
        """
        chosen = [each for each in self._journal.entries(run) if role is None or each.role == role]
        if not any(each.outcome == REPLIED for each in chosen):
            of = "".join(f" of {kind} {name!r}" for kind, name in (("run", run), ("role", role)) if name)
            raise LibraryError(f"{self.url}: the journal has no reply{of}")
        try:
            return cassettes.export(chosen, path)
        except ValueError as error:
            raise LibraryError(f"{self.url}: the journal cannot be read: {error}") from None
