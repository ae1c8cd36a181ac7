"""One attempt of a call: budget, a place, the backend under a timeout; then the accounts."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast, final

import anyio

from latm._accounts import Accounts, Attempted, Purpose, Written
from latm._budget import Amounts, Budgets, Reservation, most_tokens
from latm._clock import Clock
from latm._events import Events
from latm._ledger import REPLIED
from latm._prices import Prices, Quote, entry_to_add
from latm._replies import reply_problem
from latm.errors import BackendError, BudgetExceeded, ConfigError, LatmError, PluginError, Timeout
from latm.plugin import Backend, Reply, Request

_GRACE_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A backend in its role, and all that surrounds it.

    Attributes:
        role: the role's name.
        model: ``provider:model``.
        distribution: what brought the provider.
        backend: the backend.
        turn: the places of its account with the service.
        budgets: the engine's.
        prices: the engine's.
        accounts: the engine's.
        events: the engine's.
        clock: the engine's.
        content: whether events tell the texts.
    """

    role: str
    model: str
    distribution: str
    backend: Backend
    turn: anyio.Semaphore
    budgets: Budgets
    prices: Prices
    accounts: Accounts
    events: Events
    clock: Clock
    content: bool


@final
class Attempt:
    """One attempt of a call.

    Args:
        bound: the backend and its surroundings.
        request: with its timeout.
        asked: the same as it is written down.
        purpose: what for.
        number: within the call, from 1.

    Attributes:
        seconds: wall time that the backend took, once it is over.
    """

    def __init__(
        self, bound: Bound, request: Request, *, asked: Written, purpose: Purpose, number: int
    ) -> None:
        self.seconds = 0.0
        self._bound = bound
        self._request = request
        self._asked = asked
        self._purpose = purpose
        self._number = number

    async def make(self) -> Reply:
        """Ask the backend once; what it gives is written down before it is returned.

        Raises:
            BackendError: the backend's, with ``model`` set.
            BudgetExceeded: a budget does not allow it; nothing was asked.
            ConfigError: a budget in USD cannot be kept, since the price of the model is unknown.
            PluginError: the backend broke the contract.
        """
        with await self._reserve() as held:
            try:
                reply = await self._ask()
            except BackendError as error:
                error.model = self._bound.model
                if isinstance(error.reply, Reply):
                    await self._write(error.reply, held, outcome=type(error).__name__)
                else:
                    held.settle_error(error)
                raise
            quote, problem = await self._write(reply, held, outcome=REPLIED)
        if problem is not None:
            self._broken(f"gave {problem}")
        self._tell_replied(reply, quote)
        return reply

    def tell_failed(self, name: str, error: LatmError, **more: object) -> None:
        """Tell of the attempt's failure."""
        status = error.status if isinstance(error, BackendError) else None
        kind = type(error).__name__
        self._tell(name, {"error": str(error), "error_type": kind, "status": status, **more})

    async def _reserve(self) -> Reservation:
        bound, purpose = self._bound, self._purpose
        most = self._most()
        try:
            return await bound.budgets.reserve(
                most,
                role=bound.role,
                run=purpose.run,
                bill=purpose.bill,
                task=purpose.task,
                resumed=purpose.resumable,
            )
        except BudgetExceeded as error:
            bound.events.tell(
                "budget.exceeded",
                role=bound.role,
                model=bound.model,
                run=purpose.run,
                task=purpose.task,
                scope=error.scope,
                unit=error.unit,
                spent=error.spent,
                limit=error.limit,
            )
            raise

    def _most(self) -> Amounts:
        """What the attempt can take at most."""
        bound, request = self._bound, self._request
        bill = self._purpose.bill
        if bound.budgets.output_tokens(bill) is None:
            return Amounts(calls=1)
        explained = bool(request.functions) or request.response_schema is not None
        read = most_tokens(self._asked.size, len(request.messages), explained=explained)
        written = request.max_output_tokens or 0
        most = Amounts(tokens=read + written, calls=1)
        if not bound.budgets.in_money(bill):
            return most
        usd = bound.prices.dearest(bound.model, read=read, written=written)
        if usd is None:
            raise ConfigError(
                f"a budget in USD needs the price of every model, and that of {bound.model} is unknown: add "
                f"{entry_to_add(bound.model)} with input and output, in USD per million tokens",
                where="budget",
            )
        return most + Amounts(usd=usd)

    async def _ask(self) -> Reply:
        """The backend's reply, asked for under the timeout and in one of the places."""
        bound, patience_s = self._bound, self._request.timeout_s or 0.0
        # A backend ends its call itself, and knows what came of it until then; this is for those that do not.
        grace_s = min(_GRACE_S, patience_s / 4)
        reply: object = None
        problem = ""
        async with bound.turn:
            started = bound.clock.monotonic()
            try:
                with anyio.move_on_after(patience_s + grace_s):
                    reply = cast("object", await bound.backend.complete(self._request))
                    problem = "" if isinstance(reply, Reply) else f"gave {reply_problem(reply)}"
            except LatmError:
                raise
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                *_, last = traceback.extract_tb(error.__traceback__)
                what = f"{type(error).__name__} at {last.filename}:{last.lineno}"
                problem = f"raised {what}, which is no BackendError"
            finally:
                self.seconds = bound.clock.monotonic() - started
        if isinstance(reply, Reply):
            return reply
        if problem:
            # Raised out here, without the exception: SDKs put whole requests, keys included, into theirs.
            self._broken(problem)
        raise Timeout(f"no reply within {patience_s:g} s")

    async def _write(
        self, reply: Reply, held: Reservation, *, outcome: str
    ) -> tuple[Quote | None, str | None]:
        written = Attempted(
            role=self._bound.role,
            model=self._bound.model,
            asked=self._asked,
            purpose=self._purpose,
            number=self._number,
            seconds=self.seconds,
            outcome=outcome,
        )
        return await self._bound.accounts.write(written, reply, held)

    def _broken(self, what: str) -> NoReturn:
        error = PluginError(
            f"the backend of {self._bound.model} {what}", distribution=self._bound.distribution
        )
        self.tell_failed("model.failed", error)
        raise error

    def _tell_replied(self, reply: Reply, quote: Quote | None) -> None:
        fields: dict[str, object] = {
            "usage": reply.usage,
            "cost_usd": None if quote is None else quote.usd,
            "price_source": None if quote is None else quote.source,
            "response_model": reply.model,
            "finish_reason": reply.finish_reason,
        }
        if self._bound.content:
            fields |= {"reply": reply.text, "calls": reply.calls}
        self._tell("model.replied", fields)

    def _tell(self, name: str, fields: Mapping[str, Any]) -> None:
        bound, request, purpose = self._bound, self._request, self._purpose
        if bound.content:
            fields = {**fields, "system": request.system, "messages": request.messages}
        bound.events.tell(
            name,
            role=bound.role,
            model=bound.model,
            run=purpose.run,
            task=purpose.task,
            step=purpose.step,
            attempt=self._number,
            seconds=self.seconds,
            max_output_tokens=request.max_output_tokens,
            temperature=request.temperature,
            **fields,
        )
