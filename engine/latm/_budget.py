"""Budgets: set aside before a call what it may take at most, count after it what it took.

What is spent and what is set aside never exceed a limit together, however many callers there are. All of it
happens in one event loop, between two awaits, so that no lock is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar, final
from weakref import WeakKeyDictionary

import anyio

from latm._clock import Clock
from latm._ledger import Ledger, Spend
from latm._threads import in_thread
from latm.config import BudgetConfig, Limit
from latm.errors import BackendError, BudgetExceeded

if TYPE_CHECKING:
    from latm.library import Library

Number = TypeVar("Number", Decimal, int)

# Chat formats add a few tokens to each turn, and a few hundred where functions or a schema are explained.
_TURN_TOKENS = 16
_EXTRA_TOKENS = 1024
# What other processes spend today is looked up this often.
_LOOK_S = 5.0
# A gateway that gave up says nothing of what the service behind it did, and charged.
_GATEWAYS = frozenset({502, 504, 524})


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What calls take, in each unit of a `Limit`."""

    usd: Decimal = Decimal(0)
    tokens: int = 0
    calls: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            usd=self.usd + other.usd, tokens=self.tokens + other.tokens, calls=self.calls + other.calls
        )

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(
            usd=self.usd - other.usd, tokens=self.tokens - other.tokens, calls=self.calls - other.calls
        )

    @staticmethod
    def of(spend: Spend) -> Amounts:
        """What a sum of calls took; calls of unknown price count without it."""
        return Amounts(usd=spend.known_usd, tokens=spend.usage.total, calls=spend.calls)


NOTHING = Amounts()


@final
@dataclass(eq=False, kw_only=True)
class _Account:
    """One limit, and what is taken of it.

    Attributes:
        scope: as in `BudgetExceeded`.
        limit: the bound.
        spent: what calls took.
        held: what is set aside for calls that are under way.
        flying: how many those are.
        unwritten: the part of what was spent that is not in the journal, since no reply came.
        elsewhere: what others spent that is seen here, see `Budgets`.
        given: the part of the bound that came with the question, and not from the configuration.
    """

    scope: str
    limit: Limit
    spent: Amounts = NOTHING
    held: Amounts = NOTHING
    flying: int = 0
    unwritten: Amounts = NOTHING
    elsewhere: Amounts = NOTHING
    given: Limit = field(default_factory=Limit)

    def clash(self, most: Amounts) -> str | None:
        """The unit in which a call does not fit beside those under way; None where it does."""
        taken = self.spent + self.elsewhere + self.held + most
        for unit in ("usd", "tokens", "calls"):
            limit: Decimal | int | None = getattr(self.limit, unit)
            if limit is not None and getattr(taken, unit) > limit:
                return unit
        return None

    def exceeded(self, most: Amounts, role: str) -> BudgetExceeded:
        """The error for a call that does not fit."""
        unit = self.clash(most) or "calls"
        return BudgetExceeded(
            spent=Decimal(getattr(self.spent + self.elsewhere, unit)),
            limit=Decimal(getattr(self.limit, unit)),
            role=role,
            unit=unit,
            scope=self.scope,
            needed=Decimal(getattr(most, unit)),
            given=getattr(self.given, unit) == getattr(self.limit, unit),
        )


@final
class Reservation:
    """What is set aside for one attempt; a context manager.

    An attempt that ends without a word on what it took is taken to have taken all of it: the service may have
    worked, and charged, although no reply came.
    """

    def __init__(self, budgets: Budgets, accounts: tuple[_Account, ...], most: Amounts) -> None:
        self._budgets = budgets
        self._accounts = accounts
        self.most = most
        self._open = True
        self._lasting = False
        for account in accounts:
            account.held += most
            account.flying += 1

    def last(self) -> None:
        """Count all of it as taken until it is settled: that takes hours, and nobody is to wait for it."""
        if not self._open or self._lasting:
            return
        self._lasting = True
        for account in self._accounts:
            account.held -= self.most
            account.flying -= 1
            account.spent += self.most
            account.unwritten += self.most
        self._budgets.wake()

    def settle(self, taken: Amounts, *, unwritten: Amounts = NOTHING) -> None:
        """Count what was taken, and give back the rest. Later calls do nothing.

        Args:
            taken: by the attempt.
            unwritten: the part of it that is not in the journal.
        """
        if not self._open:
            return
        self._open = False
        for account in self._accounts:
            if self._lasting:
                account.spent -= self.most
                account.unwritten -= self.most
            else:
                account.held -= self.most
                account.flying -= 1
            account.spent += taken
            account.unwritten += unwritten
        if self._accounts:
            self._budgets.wake()

    def settle_error(self, error: BackendError) -> None:
        """Count an attempt without a reply: nothing where the service cannot have charged for it."""
        taken = self.most if may_charge(error) else NOTHING
        self.settle(taken, unwritten=taken)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle(self.most, unwritten=self.most)


@final
class Budgets:
    """The budgets of an engine.

    The day's is that of the library: what earlier engines and other processes wrote into its journal counts
    as well. What other processes spend at this moment is seen within five seconds.

    Args:
        config: the limits.
        library: whose journal says what the day has cost so far, and what a run that is taken up again has.
        clock: which day it is.

    Attributes:
        lasting: what is set aside for training jobs, by their runs.
    """

    def __init__(self, config: BudgetConfig, *, library: Library, clock: Clock) -> None:
        self._config = config
        self._library = library
        self._clock = clock
        self._engine = _Account(scope="engine", limit=config.engine)
        self._roles = {
            name: _Account(scope=f"role:{name}", limit=limit) for name, limit in config.roles.items()
        }
        self._tasks: dict[str, _Account] = {}
        self._runs: WeakKeyDictionary[Ledger, _Account] = WeakKeyDictionary()
        self._day: _Day | None = None
        self.lasting: dict[str, Reservation] = {}
        self._settled = anyio.Event()
        self._opening = anyio.Lock()
        limits = (config.engine, config.run, config.task, config.day, *config.roles.values())
        self._has_usd = any(each.usd is not None for each in limits)
        self._has_tokens = any(each.tokens is not None for each in limits)
        self._any = self._has_usd or self._has_tokens or any(each.calls is not None for each in limits)

    def output_tokens(self, bill: Ledger) -> int | None:
        """The cap on a reply of a run that has none of its own; None where no limit needs one."""
        own = self._own(bill)
        bounded = self.in_money(bill) or self._has_tokens or own.tokens is not None
        return self._config.output_tokens if bounded else None

    def in_money(self, bill: Ledger) -> bool:
        """Whether there is a limit in USD on a run, which needs the price of every model."""
        return self._has_usd or self._own(bill).usd is not None

    async def reserve(
        self,
        most: Amounts,
        *,
        role: str,
        run: str,
        bill: Ledger,
        task: str | None,
        resumed: bool,
        begun: bool = False,
    ) -> Reservation:
        """Set aside what a call may take at most.

        Where it does not fit beside calls that are under way, these are waited for: most take less than what
        was set aside for them.

        Args:
            most: what the call may take at most.
            role: who calls.
            run: the making or question.
            bill: where the run is added up; stands for the run here, as long as it is in use.
            task: the task's name, where known.
            resumed: whether an earlier process may have spent something in this run.
            begun: whether it is under way already, so that it counts whether it fits or not.

        Raises:
            BudgetExceeded: it does not fit, and nothing is under way that could give something back.
        """
        if not self._any:
            return Reservation(self, (), most)
        looked = False
        while True:
            accounts = await self._accounts(role, run, bill, task, resumed=resumed)
            settled = self._settled
            full = [] if begun else [each for each in accounts if each.clash(most) is not None]
            hopeless = [each for each in full if not each.flying]
            if not full:
                break
            if not hopeless:
                await settled.wait()
                looked = False
            elif looked or not self._look_again(hopeless):
                raise hopeless[0].exceeded(most, role)
            else:
                looked = True
        return Reservation(self, accounts, most)

    def bound(self, bill: Ledger, limit: Limit, *, run: str) -> None:
        """Give one run a limit of its own, beside the configured ones; the tighter of two holds."""
        if not _bounded(limit):
            return
        self._runs[bill] = _Account(scope=f"run:{run}", limit=_tighter(limit, self._config.run), given=limit)
        self._any = True

    def _own(self, bill: Ledger) -> Limit:
        account = self._runs.get(bill)
        return Limit() if account is None else account.limit

    def wake(self) -> None:
        """Let those who wait look again: something was settled."""
        self._settled.set()
        self._settled = anyio.Event()

    def _look_again(self, accounts: list[_Account]) -> bool:
        """Have the day's journal read anew, if that could show that less is spent than it seems."""
        day = self._day
        if day is None or day.account not in accounts or day.account.elsewhere == NOTHING:
            return False
        day.look_at = float("-inf")
        return True

    async def _accounts(
        self, role: str, run: str, bill: Ledger, task: str | None, *, resumed: bool
    ) -> tuple[_Account, ...]:
        """The accounts that a call is counted in, those without a limit apart."""
        found = [self._engine, self._roles.get(role)]
        if task is not None and _bounded(self._config.task):
            found.append(
                self._tasks.setdefault(task, _Account(scope=f"task:{task}", limit=self._config.task))
            )
        if _bounded(self._config.run) or bill in self._runs:
            found.append(await self._run(run, bill, resumed=resumed))
        if _bounded(self._config.day):
            found.append(await self._today())
        return tuple(each for each in found if each is not None and _bounded(each.limit))

    async def _run(self, run: str, bill: Ledger, *, resumed: bool) -> _Account:
        async with self._opening:
            account = self._runs.get(bill)
            if account is None:
                before = await in_thread(lambda: self._library.spent(run=run)) if resumed else Spend()
                account = _Account(scope=f"run:{run}", limit=self._config.run, spent=Amounts.of(before))
                self._runs[bill] = account
            return account

    async def _today(self) -> _Account:
        now = self._clock.now()
        async with self._opening:
            start = now.replace(hour=0, minute=0, second=0, microsecond=0)
            if self._day is None or self._day.start != start:
                scope = f"day:{start.date().isoformat()}"
                self._day = _Day(start=start, account=_Account(scope=scope, limit=self._config.day))
            day = self._day
            if self._clock.monotonic() >= day.look_at:
                # Our own calls are in the journal too, each before it is settled here: taking off what is
                # settled now counts those under way twice at worst, until the next look, and leaves out none.
                ours = day.account.spent - day.account.unwritten
                written = await in_thread(lambda: self._library.spent(since=start))
                day.account.elsewhere = _at_least_nothing(Amounts.of(written) - ours)
                day.look_at = self._clock.monotonic() + _LOOK_S
            return day.account


@dataclass(kw_only=True)
class _Day:
    """The day's account, and when to look again at what others wrote into the journal."""

    start: datetime
    account: _Account
    look_at: float = field(default=float("-inf"))


def may_charge(error: BackendError) -> bool:
    """Whether a service can have charged for an attempt that failed without a reply."""
    refused = error.status is not None and error.status not in _GATEWAYS
    return error.sent and not refused


def most_tokens(size: int, turns: int, *, explained: bool) -> int:
    """The most tokens that a request can be.

    Args:
        size: bytes of the request as JSON; no tokenizer makes more than one token of a byte.
        turns: how many messages it has.
        explained: whether it holds functions or a schema, which services describe to the model in words of
            their own.
    """
    return size + _TURN_TOKENS * (turns + 1) + (_EXTRA_TOKENS if explained else 0)


def _bounded(limit: Limit) -> bool:
    return not (limit.usd is None and limit.tokens is None and limit.calls is None)


def _tighter(one: Limit, other: Limit) -> Limit:
    return Limit(
        usd=_least(one.usd, other.usd),
        tokens=_least(one.tokens, other.tokens),
        calls=_least(one.calls, other.calls),
    )


def _least(one: Number | None, other: Number | None) -> Number | None:
    given = [each for each in (one, other) if each is not None]
    return min(given) if given else None


def _at_least_nothing(amounts: Amounts) -> Amounts:
    return Amounts(
        usd=max(amounts.usd, Decimal(0)), tokens=max(amounts.tokens, 0), calls=max(amounts.calls, 0)
    )
