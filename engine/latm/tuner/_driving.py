"""Drive one training job: what is intended is written before each call, and what came of it afterwards.

Whoever takes a job up again finds by the record where the last process was. Where a call had been begun and
nothing is known of its end, the tuner is told so, and looks before it acts.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeVar, final

from latm._clock import Clock
from latm._events import Events
from latm._retry import decide
from latm._threads import in_thread
from latm.config import RetryConfig
from latm.errors import (
    BackendError,
    ConfigError,
    LatmError,
    Rejected,
    Throttled,
    TuningFailed,
    Unauthorized,
)
from latm.tuner._runs import Training, TunedModel
from latm.tuners import Tuner, TunerSpec, TuningJob, TuningState

if TYPE_CHECKING:
    from latm.library import Kept
    from latm.tuner._billing import TrainingBill
    from latm.tuner._means import Means

_FIRST_POLL_S, _LONGEST_POLL_S, _POLLS_GROW = 2.0, 30.0, 1.5
# A job lasts for hours, and to wait out an outage costs nothing: looking is tried for longer than acting.
_LOOKS, _LOOKS_S, _LONGEST_WAIT_S = 12, 1800.0, 300.0

T = TypeVar("T")


class Keeper(Protocol):
    """The side of a library that keeps training jobs."""

    def tuning(self, run: str) -> Kept | None:
        """The record of a job."""
        ...

    def keep_tuning(self, run: str, name: str, record: dict[str, object]) -> None:
        """Keep the record of a job, in place of the last one."""
        ...


@final
class Drive:
    """One job and its tuner; the caller holds the job's lease.

    Attributes:
        training: the job as it is written down.
    """

    def __init__(
        self,
        training: Training,
        job: TuningJob,
        *,
        tuner: Tuner,
        offer: TunerSpec,
        library: Keeper,
        clock: Clock,
        events: Events,
        retry: RetryConfig,
        bill: TrainingBill | None = None,
    ) -> None:
        self.training = training
        self._job = job
        self._tuner = tuner
        self._offer = offer
        self._library = library
        self._clock = clock
        self._events = events
        self._retry = retry
        self._bill = bill
        self._doubtful = False
        self._pause_s = 0.0

    @classmethod
    def of(cls, training: Training, job: TuningJob, means: Means) -> Drive:
        """The same by what the engine drives jobs with."""
        return cls(
            training,
            job,
            tuner=means["tuner"],
            offer=means["offer"],
            library=means["library"],
            clock=means["clock"],
            events=means["events"],
            retry=means.get("retry", RetryConfig()),
            bill=means.get("bill"),
        )

    async def begin(self) -> None:
        """Go as far as there is a job.

        Raises:
            BackendError: the service did not deliver; the next one who tries goes on from here.
            BudgetExceeded: a budget does not allow it; nothing was sent.
            ConfigError: a budget in USD cannot be kept, since the price of the training is unknown.
            TuningFailed: nothing can come of it.
        """
        training, bill = self.training, self._bill
        if bill is None:
            return await self._begin()
        if training.step in ("prepare", "submit", "poll"):
            await bill.allow(training, self._job, self._offer, begun=training.chargeable)
        try:
            await self._begin()
        except BaseException:
            if self.training.step == "failed" or not self.training.chargeable:
                bill.release(training.run)
            raise

    async def _begin(self) -> None:
        while self.training.step in ("prepare", "submit"):
            preparing = self.training.step == "prepare"
            method = self._tuner.prepare if preparing else self._tuner.submit
            begun, submitted = self.training.begun, self.training.submitted
            await self._keep(begun=True, submitted=submitted or not preparing)
            try:
                state = await self._create(method, again=begun)
            except BackendError:
                if not (preparing or submitted or self._doubtful):
                    # Refused for certain: nothing is charged, and the budget is asked again the next time.
                    await self._keep(submitted=False)
                raise
            if state.status == ("new" if preparing else "prepared"):
                await self._keep(state=state, begun=False)
                await self._clock.sleep(state.wait_s or 0.0)
            elif preparing:
                await self._keep(state=state, begun=False, step="submit")
            else:
                await self._keep(state=state, begun=False, step="poll")
                self._tell("tune.submitted")

    async def follow(self) -> TunedModel:
        """Wait for the job's end, and see what came of it.

        Raises:
            BackendError: the service did not deliver; the job goes on.
            TuningFailed: nothing came of it, or it is paused.
        """
        try:
            while self.training.step == "poll":
                await self.look()
                if self.training.state.status == "paused":
                    break
                if self.training.step == "poll":
                    await self._clock.sleep(self._next_look_s())
        except LatmError:
            raise
        except BaseException:
            # Ctrl-C, or whoever asked has gone: that ends the waiting, not the job.
            self._tell("tune.left")
            raise
        return await self.end()

    async def look(self) -> None:
        """See once how the job stands."""
        policy = replace(
            self._retry,
            attempts=max(self._retry.attempts, _LOOKS),
            total_s=max(self._retry.total_s, _LOOKS_S),
            longest_wait_s=max(self._retry.longest_wait_s, _LONGEST_WAIT_S),
        )
        await self.learn(
            await self._tried(lambda: self._tuner.poll(self._job, self.training.state), policy=policy)
        )

    async def learn(self, state: TuningState) -> None:
        """Write down how the job stands, if that is news."""
        before = self.training.state
        news = replace(state, wait_s=None) != replace(before, wait_s=None)
        step = {"succeeded": "resolve", "failed": "failed", "cancelled": "failed"}.get(
            state.status, self.training.step
        )
        failure = state.message or f"the job was {state.status}" if step == "failed" else ""
        if state.status != before.status:
            self._pause_s = 0.0
        if news or step != self.training.step:
            # The bill first: a job that is written down as over is paid for.
            usd = self.training.cost_usd if step == "poll" else await self._billed(state)
            await self._keep(state=state, step=step, failure=failure, cost_usd=usd)
            self._tell("tune.progress")
        else:
            self.training = self.training.replace(state=state)

    async def end(self) -> TunedModel:
        """What came of a job that is over."""
        training = self.training
        if training.step == "failed":
            raise self._failed(f"{training.failure}{self._named()}")
        if training.step == "poll":
            raise self._failed(f"the job is paused: let it go on, or cancel it, and ask again{self._named()}")
        if training.model is not None:
            return training.model
        if training.cost_usd is None:
            training = self.training = training.replace(cost_usd=await self._billed(training.state))
        tuned = await self.tried(lambda: self._tuner.resolve(self._job, self.training.state))
        now = self._clock.now()
        model = TunedModel(
            name=training.name,
            model=f"{training.provider}:{tuned.model}",
            tuner=training.tuner,
            base=f"{training.provider}:{training.base}",
            run=training.run,
            data_digest=training.data_digest,
            samples=training.samples,
            template=training.template,
            labels=tuple(training.labels),
            steps=training.state.steps,
            trained_tokens=training.state.trained_tokens,
            seconds=max(0.0, (now - datetime.fromisoformat(training.began)).total_seconds()),
            created=now.isoformat(),
            expires=None if tuned.expires is None else tuned.expires.astimezone(UTC).isoformat(),
            note=tuned.note,
            converses=self._offer.capabilities.converses,
            cost_usd=training.cost_usd,
        )
        await self._keep(step="done", model=model)
        self._tell("tune.trained", model=model.model)
        return model

    async def give_up(self) -> None:
        """Let nothing more come of the job, at its service neither: nobody would count what that charges.

        Raises:
            BackendError: the service did not deliver, and may still be at it.
            ConfigError: it goes on, and its tuner cannot cancel it.
        """
        if self.training.chargeable and self.training.step in ("submit", "poll"):
            await self._end_there()
        await self._keep(step="failed", failure="it was given up, and begun afresh")
        if self._bill is not None:
            self._bill.release(self.training.run)

    async def _end_there(self) -> None:
        refused: Rejected | None = None
        if self._offer.capabilities.cancel:
            try:
                state = await self.tried(lambda: self._tuner.cancel(self._job, self.training.state))
            except Rejected as error:
                refused = error
            else:
                await self.learn(state)
                return
        try:
            await self.look()
        except Rejected:
            return  # it is gone
        if self.training.step in ("submit", "poll"):
            if refused is not None:
                raise refused
            raise ConfigError(
                f"the job goes on at its service, and the tuner {self._offer.name!r} cannot cancel one: wait "
                f"for its end before it is begun afresh{self._named()}"
            )

    async def _billed(self, state: TuningState) -> Decimal | None:
        return None if self._bill is None else await self._bill.write(self.training, state, self._offer)

    async def _create(self, method: Callable[..., Awaitable[TuningState]], *, again: bool) -> TuningState:
        """Prepare or submit; whatever failed, the next attempt looks first."""

        async def attempt() -> TuningState:
            nonlocal again
            looks, again = again, True
            try:
                return await method(self._job, self.training.state, again=looks)
            except BackendError as error:
                refused = isinstance(error, Rejected | Throttled | Unauthorized) or not error.sent
                self._doubtful = self._doubtful or not refused
                raise

        try:
            return await self._tried(attempt, policy=self._retry)
        except TuningFailed as error:
            await self._keep(step="failed", begun=False, failure=error.reason)
            self._tell("tune.failed")
            raise

    async def tried(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call of the tuner that may be made again, as often as the bounds allow.

        Raises:
            BackendError: the last attempt's.
            TuningFailed: what the tuner says.
        """
        return await self._tried(call, policy=self._retry)

    async def _tried(self, call: Callable[[], Awaitable[T]], *, policy: RetryConfig) -> T:
        began_s, attempt = self._clock.monotonic(), 1
        while True:
            try:
                return await call()
            except BackendError as error:
                decision = decide(
                    error,
                    attempt=attempt,
                    elapsed_s=self._clock.monotonic() - began_s,
                    policy=policy,
                    chance=random.random(),  # noqa: S311 - spreads callers, keeps no secret
                )
                if decision.kind == "no":
                    raise self._told(error) from None
                reason = str(error)
            self._tell("tune.retry", reason=reason, wait_s=decision.wait_s, attempt=attempt)
            await self._clock.sleep(decision.wait_s)
            attempt += 1

    async def _keep(self, **changes: object) -> None:
        changed = self.training.replace(**changes)
        await in_thread(self._library.keep_tuning, changed.run, changed.name, changed.to_record())
        self.training = changed

    def _next_look_s(self) -> float:
        if (wished_s := self.training.state.wait_s) is not None:
            return wished_s
        self._pause_s = min(_LONGEST_POLL_S, self._pause_s * _POLLS_GROW) if self._pause_s else _FIRST_POLL_S
        return self._pause_s

    def _tell(self, event: str, **more: object) -> None:
        state = self.training.state
        last = state.steps[-1] if state.steps else None
        self._events.tell(
            event,
            tuning=self.training.name,
            run=self.training.run,
            job=self.training.job,
            status=state.status,
            message=state.message,
            step=None if last is None else last.number,
            loss=None if last is None else last.loss,
            validation_loss=None if last is None else last.validation_loss,
            **more,
        )

    def _named(self) -> str:
        job = f"job {self.training.job}, " if self.training.job else ""
        return f" ({job}run {self.training.run})"

    def _failed(self, reason: str) -> TuningFailed:
        return TuningFailed(reason, name=self.training.name, run=self.training.run)

    def _told(self, error: BackendError) -> BackendError:
        """The error with what it happened to, and what to do."""
        error.model = f"{self.training.provider}:{self.training.base}"
        begun = (
            "whether the service has begun is not known; the next try looks"
            if self.training.step in ("prepare", "submit") and error.sent
            else "what was begun is kept"
        )
        where = f"tuning {self.training.name!r}{self._named()}"
        error.args = (f"{error.args[0]} [{where}: {begun}; asked for again, it goes on from here]",)
        return error
