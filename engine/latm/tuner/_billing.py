"""The bill of training jobs: what one may cost is set aside before it begins, what it cost is written once.

A job has its own run, and one entry in the journal, which decides: whoever takes the job up after a crash
finds it there, and adds nothing.
"""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, final

import anyio

from latm._budget import NOTHING, Amounts
from latm._ledger import TRAINED, Entry, Ledger
from latm._prices import Quote, entry_to_add
from latm._settings import TUNER
from latm._threads import in_thread
from latm.errors import BudgetExceeded, ConfigError, TuningFailed
from latm.plugin import Usage, read_options

if TYPE_CHECKING:
    from latm._roles import Roles
    from latm.library import JournalEntry
    from latm.tuner._runs import Training
    from latm.tuners import TunerSpec, TuningJob, TuningState

__all__ = ["TrainingBill", "billing", "most_epochs", "most_tokens"]

_STEP = "train"
# What services take by themselves: three, and more where the samples are few.
_USUAL_EPOCHS, _MOST_EPOCHS, _ENOUGH_SAMPLES = 3, 25, 100


def billing(roles: Roles) -> TrainingBill:
    """The bill of an engine's training jobs; it may be made anew for each."""
    return TrainingBill(roles)


def most_epochs(samples: int) -> int:
    """How often a service goes through so many samples at most, where that is left to it."""
    return max(_USUAL_EPOCHS, min(_MOST_EPOCHS, math.ceil(_ENOUGH_SAMPLES / max(1, samples))))


def most_tokens(training: Training, job: TuningJob, offer: TunerSpec) -> int:
    """The most tokens that a job can be charged for: a byte of the data is a token at most."""
    epochs: object = None
    if offer.settings is not None:
        kind: type[Any] = offer.settings
        epochs = getattr(read_options(kind, job.settings, where="training"), "epochs", None)
    times = epochs if isinstance(epochs, int) and epochs > 0 else most_epochs(training.samples)
    return len(job.training) * times


@final
class TrainingBill:
    """Budget, ledger and journal of training jobs; the engine's budgets keep what is set aside."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    async def allow(self, training: Training, job: TuningJob, offer: TunerSpec, *, begun: bool) -> None:
        """Set aside what a job may cost at most, unless that is done.

        Args:
            training: the job.
            job: the same with its data.
            offer: of its tuner.
            begun: whether the service may be at it already: it counts then, whether it fits or not.

        Raises:
            BudgetExceeded: a budget does not allow it.
            ConfigError: a budget in USD cannot be kept, since the price of the training is unknown.
        """
        budgets, model = self._roles.budgets, _model(training)
        if training.run in budgets.lasting:
            return
        bill, most = Ledger(), Amounts(calls=1)
        if not offer.free:
            tokens = most_tokens(training, job, offer)
            quote = self._roles.prices.training(model, tokens)
            if quote is None and not begun and budgets.in_money(bill):
                raise ConfigError(
                    f"a budget in USD needs the price of every training, and that of {model} is unknown: add "
                    f"{entry_to_add(model)} with training, in USD per million tokens of the data, counted as "
                    "often as they are gone through; 0 where it costs nothing",
                    where="budget",
                )
            most += Amounts(usd=Decimal(0) if quote is None else quote.usd, tokens=tokens)
        await self._set_aside(training, most, bill, begun=begun)

    def release(self, run: str) -> None:
        """Give back what was set aside for a job that cannot have been charged for."""
        held = self._roles.budgets.lasting.pop(run, None)
        if held is not None:
            held.settle(NOTHING)

    async def write(self, training: Training, state: TuningState, offer: TunerSpec) -> Decimal | None:
        """Count a job that is over, once for good: one that gave a model, and one whose tokens are known.

        Returns:
            What it cost, also where that was written down before; None where that is not known.
        """
        roles, told = self._roles, _told_tokens(state)
        if state.status != "succeeded" and (told is None or offer.free):
            self.release(training.run)
            return None
        usage = Usage(input=0 if told is None or offer.free else told)
        quote: Quote | None = None
        if offer.free:
            quote = Quote(Decimal(0), f"tuner {offer.name}")
        elif told is not None:
            quote = roles.prices.training(_model(training), told)
        entry = self._entry(training, usage, quote, failed=state.status != "succeeded")
        taken = Amounts(usd=entry.cost_usd or Decimal(0), tokens=usage.total, calls=1)
        if training.run not in roles.budgets.lasting:
            await self._set_aside(training, taken, Ledger(), begun=True)
        earlier: JournalEntry | None = None
        # Whoever is cancelled must not lose what is paid for: it is written down all the same.
        with anyio.CancelScope(shield=True):
            earlier = await in_thread(roles.library.record_once, _written(training, state, entry))
        held = roles.budgets.lasting.pop(training.run)
        if earlier is not None:
            held.settle(NOTHING)
            return earlier.cost_usd
        roles.ledger.add(entry)
        if told is None and not offer.free:
            held.settle(held.most, unwritten=held.most - Amounts(calls=1))
        else:
            held.settle(taken)
        self._tell_billed(training, entry)
        return entry.cost_usd

    async def _set_aside(self, training: Training, most: Amounts, bill: Ledger, *, begun: bool) -> None:
        budgets = self._roles.budgets
        try:
            held = await budgets.reserve(
                most,
                role=TUNER,
                run=training.run,
                bill=bill,
                task=training.name,
                resumed=False,
                begun=begun,
            )
        except BudgetExceeded as error:
            self._roles.events.tell(
                "budget.exceeded",
                role=TUNER,
                model=_model(training),
                run=training.run,
                task=training.name,
                scope=error.scope,
                unit=error.unit,
                spent=error.spent,
                limit=error.limit,
            )
            raise
        held.last()
        budgets.lasting[training.run] = held

    def _entry(self, training: Training, usage: Usage, quote: Quote | None, *, failed: bool) -> Entry:
        took = self._roles.clock.now() - datetime.fromisoformat(training.began)
        return Entry(
            role=TUNER,
            model=_model(training),
            usage=usage,
            cost_usd=None if quote is None else quote.usd,
            task=training.name,
            seconds=max(0.0, took.total_seconds()),
            run=training.run,
            outcome=TuningFailed.__name__ if failed else TRAINED,
            price_source=None if quote is None else quote.source,
            price_date=None if quote is None else quote.as_of,
        )

    def _tell_billed(self, training: Training, entry: Entry) -> None:
        self._roles.events.tell(
            "tune.billed",
            tuning=training.name,
            run=training.run,
            model=entry.model,
            usage=entry.usage,
            cost_usd=entry.cost_usd,
            price_source=entry.price_source,
        )


def _model(training: Training) -> str:
    return f"{training.provider}:{training.base}"


def _told_tokens(state: TuningState) -> int | None:
    """What the service counts, where that is a count: a plugin can hand over anything."""
    told: object = state.trained_tokens
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None


def _written(training: Training, state: TuningState, entry: Entry) -> JournalEntry:
    from latm.library import JournalEntry

    return JournalEntry(
        run=training.run,
        step=_STEP,
        digest=training.data_digest,
        role=entry.role,
        model=entry.model,
        request={
            "tuning": training.name,
            "tuner": training.tuner,
            "samples": training.samples,
            "data": training.data_digest,
        },
        reply={"job": training.job or state.data.get("job"), "status": state.status},
        task=entry.task,
        cost_usd=entry.cost_usd,
        seconds=entry.seconds,
        outcome=entry.outcome,
        usage=entry.usage,
        price_source=entry.price_source,
        price_date=entry.price_date,
    )
