"""A backend bound to a role: everything that surrounds one `complete()`.

Order of the layers, outermost first: journal (a reply that this run paid for already is not paid again),
budget, retries, concurrency, the backend; then price, ledger and journal, before anyone sees the reply.
"""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import anyio

from latm import cassettes
from latm._clock import Clock
from latm._events import Events
from latm._ledger import Entry, Ledger, price_of
from latm._plugins import ModelRef, Plugins, create_backend
from latm._threads import in_thread
from latm.config import Config
from latm.errors import (
    BackendError,
    BudgetExceeded,
    ConfigError,
    LatmError,
    PluginError,
    Throttled,
    Timeout,
    Unavailable,
)
from latm.plugin import Backend, Reply, Request, Usage

if TYPE_CHECKING:
    from latm.library import Library

ATTEMPTS = 4
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_CONCURRENCY = 8
_TIMEOUT_S = 120.0
_TRANSIENT = (Throttled, Unavailable, Timeout)
_OWN_OPTIONS = frozenset({"concurrency", "use"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a call is made for.

    Attributes:
        run: the making or question that it belongs to.
        step: where in the run; unique within it.
        bill: where the call is added up, beside the engine's ledger.
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


@final
class Role:
    """One model in one role."""

    def __init__(self, name: str, *, backend: Backend, ref: str, shared: Roles) -> None:
        self.name = name
        self.model = ref
        self._backend = backend
        self._shared = shared
        self._settings = shared.config.role(name)
        self._timeout_s = _timeout_s(shared.config, name)

    async def complete(self, request: Request, purpose: Purpose) -> Reply:
        """Get a reply, paid for once, written down before it is used.

        Raises:
            BackendError: what the backend raised last, with ``model`` set.
            BudgetExceeded: the budget is spent; no call was made.
            PluginError: the backend broke the contract.
        """
        settings = self._settings
        request = dataclasses.replace(
            request,
            max_output_tokens=request.max_output_tokens or settings.max_output_tokens,
            temperature=settings.temperature if request.temperature is None else request.temperature,
            timeout_s=self._timeout_s if request.timeout_s is None else request.timeout_s,
        )
        digest = cassettes.request_digest(request)
        if purpose.resumable and (reply := await self._recalled(digest, purpose)) is not None:
            return reply
        return await self._attempts(request, digest, purpose)

    async def aclose(self) -> None:
        """Close the backend."""
        await self._backend.aclose()

    async def _recalled(self, digest: str, purpose: Purpose) -> Reply | None:
        found = await in_thread(self._shared.library.recall, purpose.run, purpose.step, digest)
        if found is None:
            return None
        self._shared.events.tell(
            "model.recalled", role=self.name, model=self.model, task=purpose.task, step=purpose.step
        )
        reply = cassettes.decode_reply(found.reply)
        # It belongs to what this run cost, though not to what this engine spent.
        purpose.bill.add(
            Entry(
                role=self.name,
                model=self.model,
                usage=reply.usage,
                cost_usd=found.cost_usd,
                task=purpose.task,
                tool=purpose.tool,
                seconds=found.seconds,
            )
        )
        return reply

    async def _account(
        self, request: Request, reply: Reply, purpose: Purpose, *, digest: str, seconds: float
    ) -> Decimal | None:
        """Write a paid reply into ledger, bill and journal, before anyone sees it; gives its cost."""
        from latm.library import JournalEntry

        # Zeros of a service that reported no usage are no count, and a call is never free for that.
        counted = not any(key.endswith(".usage_missing") for key in reply.metadata)
        cost = self._shared.price(self.model, reply.usage) if counted else None
        entry = Entry(
            role=self.name,
            model=self.model,
            usage=reply.usage,
            cost_usd=cost,
            task=purpose.task,
            tool=purpose.tool,
            seconds=seconds,
        )
        self._shared.ledger.add(entry)
        purpose.bill.add(entry)
        try:
            encoded = cassettes.encode_reply(reply)
        except ValueError as error:
            raise PluginError(
                f"the backend of {self.model} gave a Reply that is no data: {error}",
                distribution=self._shared.distribution(self.model),
            ) from None
        written = JournalEntry(
            run=purpose.run,
            step=purpose.step,
            digest=digest,
            role=self.name,
            model=self.model,
            request=cassettes.encode_request(request),
            reply=encoded,
            task=purpose.task,
            tool=purpose.tool,
            cost_usd=cost,
            seconds=seconds,
        )
        # A cancelled caller must not lose what is paid for: the reply is written down all the same.
        with anyio.CancelScope(shield=True):
            await in_thread(self._shared.library.record, written)
        return cost

    def _check_budget(self) -> None:
        limit = self._shared.config.budget.usd
        if limit is None:
            return
        if self._shared.price(self.model, Usage()) is None:
            raise ConfigError(
                f"a budget in USD needs the price of every model, and that of {self.model} is unknown: add "
                f'[prices."{self.model}"] with input and output, in USD per million tokens',
                where="budget.usd",
            )
        spend = self._shared.ledger.total()
        if spend.unpriced:
            raise ConfigError(
                f"a budget in USD cannot be kept: {spend.unpriced} of {spend.calls} calls reported no usage "
                "or have no price",
                where="budget.usd",
            )
        spent = spend.known_usd
        if spent >= limit:
            raise BudgetExceeded(spent=spent, limit=limit, role=self.name)

    async def _attempts(self, request: Request, digest: str, purpose: Purpose) -> Reply:
        clock, events = self._shared.clock, self._shared.events
        for attempt in range(1, ATTEMPTS + 1):
            started = clock.monotonic()
            try:
                reply = await self._once(request)
            except BackendError as error:
                error.model = self.model
                if error.reply is not None:
                    # Paid for, though it failed; under no digest, so that nothing takes it for an answer.
                    seconds = clock.monotonic() - started
                    await self._account(request, error.reply, purpose, digest="", seconds=seconds)
                wait = _wait_s(error, attempt)
                if not isinstance(error, _TRANSIENT) or attempt == ATTEMPTS or wait > _LONGEST_WAIT_S:
                    raise
                events.tell("model.retry", role=self.name, model=self.model, wait_s=wait, error=str(error))
                await clock.sleep(wait)
            else:
                seconds = clock.monotonic() - started
                cost = await self._account(request, reply, purpose, digest=digest, seconds=seconds)
                events.tell(
                    "model.replied",
                    role=self.name,
                    model=self.model,
                    run=purpose.run,
                    task=purpose.task,
                    step=purpose.step,
                    usage=reply.usage,
                    cost_usd=cost,
                    seconds=seconds,
                )
                await self._add_to_cassette(request, reply)
                return reply
        raise AssertionError  # the last attempt returns or raises

    async def _once(self, request: Request) -> Reply:
        try:
            async with self._shared.turn(self.model):
                # Here and not before the wait for a place: those who waited may find it spent by now.
                self._check_budget()
                return self._checked(await self._backend.complete(request))
        except LatmError:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            *_, last = traceback.extract_tb(error.__traceback__)
            what = f"{type(error).__name__} at {last.filename}:{last.lineno}, which is no BackendError"
        # Raised out here, without the exception itself: SDKs put whole requests, keys included, into theirs.
        raise PluginError(
            f"the backend of {self.model} raised {what}", distribution=self._shared.distribution(self.model)
        )

    async def _add_to_cassette(self, request: Request, reply: Reply) -> None:
        path = self._settings.record
        if path is None:
            return
        try:
            with anyio.CancelScope(shield=True):
                await in_thread(cassettes.append, path, cassettes.Exchange(request, reply))
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error.strerror}; the reply is in the journal",
                where=f"roles.{self.name}.record",
            ) from None

    def _checked(self, reply: object) -> Reply:
        if isinstance(reply, Reply):
            return reply
        raise PluginError(
            f"the backend of {self.model} gave {type(reply).__name__} where a Reply was due",
            distribution=self._shared.distribution(self.model),
        )


@final
class Roles:
    """The roles of an engine, each made when it is first needed."""

    def __init__(
        self,
        config: Config,
        plugins: Plugins,
        *,
        library: Library,
        ledger: Ledger,
        events: Events,
        clock: Clock,
    ) -> None:
        self.config = config
        self.plugins = plugins
        self.library = library
        self.ledger = ledger
        self.events = events
        self.clock = clock
        self._roles: dict[str, Role] = {}
        self._creating = anyio.Lock()
        self._turns: dict[str, anyio.Semaphore] = {}

    async def get(self, name: str) -> Role:
        """The model in a role.

        Raises:
            ConfigError: no model fills it, or the reference is wrong.
            MissingDependency: the provider's SDK is not installed.
            Unauthorized: there is no key.
            PluginError: the provider's plugin is broken.
        """
        if name in self._roles:
            return self._roles[name]
        async with self._creating:
            if name not in self._roles:
                # In a thread: an SDK takes a second or two to import, and those at work should not wait.
                self._roles[name] = await in_thread(self._create, name)
            return self._roles[name]

    def _create(self, name: str) -> Role:
        settings = self.config.role(name)
        ref = ModelRef.parse(settings.model, where=f"roles.{name}")
        backend = create_backend(self.plugins, ref, provider_options(self.config, ref.provider))
        if settings.record is not None:
            _check_cassette(settings.record, where=f"roles.{name}.record")
        return Role(name, backend=backend, ref=str(ref), shared=self)

    def price(self, model: str, usage: Usage) -> Decimal | None:
        """Price of a call in USD: the configuration's, else a plugin's, else None."""
        price = self.config.prices.get(model)
        return self.plugins.price(model, usage) if price is None else price_of(usage, price)

    def distribution(self, model: str) -> str:
        """Which distribution a model's provider came from, for an error text."""
        return self.plugins.entry(ModelRef.parse(model).provider).distribution

    def turn(self, model: str) -> Any:
        """Wait for one of the provider's places; all roles share them."""
        provider = ModelRef.parse(model).provider
        found = self._turns.get(provider)
        if found is None:
            places = self.config.providers.get(provider, {}).get("concurrency", _CONCURRENCY)
            if not isinstance(places, int) or isinstance(places, bool) or places < 1:
                raise ConfigError("must be a whole number above 0", where=f"providers.{provider}.concurrency")
            found = self._turns[provider] = anyio.Semaphore(places)
        return found

    async def aclose(self) -> None:
        """Close every backend; one that fails to close does not keep the others open."""
        closing: Mapping[str, Callable[[], Awaitable[None]]] = {
            name: role.aclose for name, role in self._roles.items()
        }
        self._roles.clear()
        for name, close in closing.items():
            try:
                await close()
            except Exception as error:  # noqa: BLE001 - a plugin's, told and done with
                self.events.tell("model.close_failed", role=name, error=type(error).__name__)


def _check_cassette(path: str, *, where: str) -> None:
    """Find out before anything is paid for whether a cassette can be added to."""
    try:
        if Path(path).exists():
            cassettes.read_cassette(path)
        with Path(path).open("ab"):
            pass
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", where=where) from None


def provider_options(config: Config, provider: str) -> dict[str, object]:
    """A provider's table of the configuration, without what is ours in it."""
    table = config.providers.get(provider, {})
    return {key: value for key, value in table.items() if key not in _OWN_OPTIONS}


def _timeout_s(config: Config, role: str) -> float:
    """Seconds for an attempt: the role's, else the provider's, else ours."""
    settings = config.role(role)
    if settings.timeout_s is not None:
        return settings.timeout_s
    own = config.providers.get(ModelRef.parse(settings.model).provider, {}).get("timeout_s")
    return own if isinstance(own, int | float) and not isinstance(own, bool) and own > 0 else _TIMEOUT_S


def _wait_s(error: BackendError, attempt: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    # Full jitter, so that callers that were refused together do not come back together.
    import random

    longest: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (attempt - 1))
    return longest * (0.5 + random.random() / 2)  # noqa: S311
