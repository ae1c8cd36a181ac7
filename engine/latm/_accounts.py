"""Write down what was paid for: ledger, bill and journal, before anyone sees the reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, final

import anyio

from latm import cassettes
from latm._budget import NOTHING, Amounts, Reservation
from latm._ledger import REPLIED, Entry, Ledger
from latm._prices import Prices, Quote
from latm._replies import reply_problem, usage_problem
from latm._threads import in_thread
from latm.errors import PluginError
from latm.plugin import Reply, Usage

if TYPE_CHECKING:
    from latm.library import JournalEntry, Library


_MISSING = ".usage_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a call is made for.

    Attributes:
        run: the making or question that it belongs to.
        step: where in the run; unique within it.
        bill: where the run is added up, beside the engine's ledger.
        task: the task's name, where known.
        tool: the tool's name, where one is made or used.
        resumable: whether a reply that an earlier process paid for at this step may be used.
    """

    run: str
    step: str
    bill: Ledger
    task: str | None = None
    tool: str | None = None
    resumable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A request, as it is written down.

    Attributes:
        data: as JSON data, without its timeout.
        digest: SHA-256 of them.
        size: bytes of their JSON text.
    """

    data: Mapping[str, Any]
    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """An attempt that got a reply, whole or in part.

    Attributes:
        role: who asked.
        model: ``provider:model``.
        asked: the request.
        purpose: what for.
        number: of the attempt within its call, from 1.
        seconds: wall time.
        outcome: ``replied``, or the name of the error.
    """

    role: str
    model: str
    asked: Written
    purpose: Purpose
    number: int
    seconds: float
    outcome: str = REPLIED


@final
class Accounts:
    """The engine's ledger and the library's journal, and the prices of both."""

    def __init__(self, *, library: Library, ledger: Ledger, prices: Prices) -> None:
        self._library = library
        self._ledger = ledger
        self._prices = prices

    async def write(
        self, attempt: Attempted, reply: Reply, held: Reservation
    ) -> tuple[Quote | None, str | None]:
        """Count a reply and store it.

        Returns:
            Its price, and what is wrong with the reply, see `reply_problem`; its tokens are counted all the
            same, where they can be.
        """
        problem = reply_problem(reply)
        if usage_problem(reply.usage) is not None:
            return None, problem
        # Zeros of a service that reported no usage are no count, and a call is never free for that.
        counted = problem is not None or not any(key.endswith(_MISSING) for key in reply.metadata)
        quote = self._prices.quote(attempt.model, reply.usage) if counted else None
        entry = _entry(attempt, reply.usage, quote, failed=problem is not None)
        self._ledger.add(entry)
        attempt.purpose.bill.add(entry)
        if problem is None:
            await self._record(attempt, reply, entry)
        call = Amounts(calls=1)
        usd = Decimal(0) if quote is None else quote.usd
        taken = Amounts(usd=usd, tokens=reply.usage.total, calls=1) if counted else held.most
        written = NOTHING if problem is not None else taken if counted else call
        held.settle(taken, unwritten=taken - written)
        return quote, problem

    async def _record(self, attempt: Attempted, reply: Reply, entry: Entry) -> None:
        from latm.library import JournalEntry

        asked, purpose = attempt.asked, attempt.purpose
        written = JournalEntry(
            run=purpose.run,
            step=purpose.step,
            digest=asked.digest,
            role=attempt.role,
            model=attempt.model,
            request=asked.data,
            reply=cassettes.encode_reply(reply),
            task=purpose.task,
            tool=purpose.tool,
            cost_usd=entry.cost_usd,
            seconds=attempt.seconds,
            attempt=attempt.number,
            outcome=attempt.outcome,
            usage=reply.usage,
            price_source=entry.price_source,
            price_date=entry.price_date,
        )
        # A cancelled caller must not lose what is paid for: the reply is written down all the same.
        with anyio.CancelScope(shield=True):
            await in_thread(self._library.record, written)


def recalled(found: JournalEntry, purpose: Purpose) -> Entry:
    """What an earlier process paid, for the bill of the run that goes on."""
    return Entry(
        role=found.role,
        model=found.model,
        usage=found.usage,
        cost_usd=found.cost_usd,
        task=purpose.task,
        tool=purpose.tool,
        seconds=found.seconds,
        run=purpose.run,
        attempt=found.attempt,
        price_source=found.price_source,
        price_date=found.price_date,
    )


def _entry(attempt: Attempted, usage: Usage, quote: Quote | None, *, failed: bool) -> Entry:
    return Entry(
        role=attempt.role,
        model=attempt.model,
        usage=usage,
        cost_usd=None if quote is None else quote.usd,
        task=attempt.purpose.task,
        tool=attempt.purpose.tool,
        seconds=attempt.seconds,
        run=attempt.purpose.run,
        attempt=attempt.number,
        outcome=PluginError.__name__ if failed else attempt.outcome,
        price_source=None if quote is None else quote.source,
        price_date=None if quote is None else quote.as_of,
    )
