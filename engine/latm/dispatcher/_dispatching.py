"""Find candidates by a local index, then let the dispatcher's model decide.

Similarity only finds: near misses score higher than paraphrases, so the decision is the model's, and what it
says unclearly counts as "no tool".
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, final

from latm._ledger import Ledger
from latm._roles import Purpose, Roles
from latm._threads import in_thread
from latm.dispatcher._candidates import Decision, Shortlist
from latm.dispatcher._known import Known
from latm.dispatcher._replies import read
from latm.dispatcher._request import request
from latm.errors import Refused, Truncated

if TYPE_CHECKING:
    from latm.library import Library


@final
class Dispatcher:
    """Decides which tool answers a question.

    Args:
        roles: where the dispatcher's model is found.
        library: what is known.

    Attributes:
        known: the tasks of the library; for who is in a worker thread already.
    """

    def __init__(self, *, roles: Roles, library: Library) -> None:
        self._roles = roles
        self.known = Known(library)

    async def shortlist(self, question: str) -> Shortlist:
        """The tasks that are nearest to a question, at most five, without near misses; no model is asked.

        Raises:
            LibraryError: the library cannot be read.
        """
        return await in_thread(self.known.shortlist, question, abandon=True)

    async def decide(self, question: str, shortlist: Shortlist, *, run: str, bill: Ledger) -> Decision:
        """Ask the dispatcher's model; an unreadable reply is a decision too, never an error.

        Raises:
            BackendError: the model did not deliver.
            BudgetExceeded: a budget does not allow the call.
            LibraryError: the library cannot be read.
        """
        candidates = shortlist.candidates
        if candidates:
            candidates = await in_thread(self.known.with_misses, candidates, abandon=True)
        role = await self._roles.get("dispatcher")
        purpose = Purpose(run=run, step="dispatch", bill=bill)
        try:
            reply = await role.complete(request(question, candidates), purpose)
        except (Refused, Truncated):
            return Decision("unreadable")
        decision = read(reply, candidates)
        if decision.kind == "new" and decision.task is not None:
            known = self.known.alike(decision.task)
            if known is not None:
                return dataclasses.replace(decision, task=known, merged_from=decision.task)
        return decision
