"""The roles of an engine: a backend bound to each, and everything that surrounds one `complete()`.

Order of the layers, outermost first: journal (a reply that this run paid for already is not paid again) and
retries here; for each attempt budget, concurrency and the backend under a timeout, then price, ledger and
journal, before anyone sees the reply, in `latm._attempts`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import anyio

from latm import cassettes
from latm._accounts import Accounts, Purpose, Written, recalled
from latm._attempts import Attempt, Bound
from latm._budget import Budgets
from latm._clock import Clock
from latm._events import Events
from latm._ledger import REPLIED, Ledger
from latm._plugins import ModelRef, Plugins, Resolved, make_backend, resolve
from latm._prices import Prices
from latm._recording import Recording
from latm._retry import attempt_s, decide
from latm._threads import in_thread
from latm.config import Config, RoleConfig
from latm.errors import BackendError, ConfigError, LatmError
from latm.plugin import Backend, Reply, Request

if TYPE_CHECKING:
    from latm.library import Library

__all__ = ["Purpose", "Role", "Roles", "provider_options"]

_CONCURRENCY = 8
_TIMEOUT_S = 120.0
_OWN_OPTIONS = frozenset({"concurrency", "use"})


@final
class Role:
    """One model in one role."""

    def __init__(
        self, bound: Bound, settings: RoleConfig, *, shared: Roles, recording: Recording | None
    ) -> None:
        self.name = bound.role
        self.model = bound.model
        self._bound = bound
        self._shared = shared
        self._recording = recording
        self._settings = settings
        self._options = shared.config.providers.get(ModelRef.parse(bound.model).provider, {})

    async def complete(self, request: Request, purpose: Purpose) -> Reply:
        """Get a reply, paid for once, written down before it is used.

        Raises:
            BackendError: what the backend raised last, with ``model`` set.
            BudgetExceeded: a budget does not allow the call; it was not made.
            ConfigError: a budget in USD cannot be kept, since the price of the model is unknown.
            PluginError: the backend broke the contract.
        """
        timeout_s = self._timeout_s() if request.timeout_s is None else request.timeout_s
        request = self._filled_in(request)
        asked = _written(request)
        if purpose.resumable and (reply := await self._recalled(request, asked, purpose)) is not None:
            return reply
        reply = await self._attempts(request, asked, purpose, timeout_s)
        if self._recording is not None:
            await self._recording.add(request, reply)
        return reply

    def digest(self, request: Request) -> str:
        """SHA-256 of a request as the journal knows it: with what the role says and it does not."""
        return _written(self._filled_in(request)).digest

    async def outcomes(self, run: str) -> Mapping[str, str]:
        """How each step of a run ended, as the journal has it: ``replied``, else the last error's name.

        Only what cost tokens is written down. A step that replied is one that `complete` can recall.
        """
        found: dict[str, str] = {}
        for entry in await in_thread(self._shared.library.journal, run, abandon=True):
            if found.get(entry.step) != REPLIED:
                found[entry.step] = entry.outcome
        return found

    async def _attempts(self, request: Request, asked: Written, purpose: Purpose, timeout_s: float) -> Reply:
        policy, elapsed_s, number = self._shared.config.retry, 0.0, 1
        while True:
            patience_s = attempt_s(timeout_s, attempt=number, elapsed_s=elapsed_s, policy=policy)
            cap = self._cap(request, purpose)
            patient = dataclasses.replace(request, timeout_s=patience_s, max_output_tokens=cap)
            attempt = Attempt(self._bound, patient, asked=asked, purpose=purpose, number=number)
            try:
                return await attempt.make()
            except BackendError as error:
                elapsed_s += attempt.seconds
                chance = _chance()
                decision = decide(error, attempt=number, elapsed_s=elapsed_s, policy=policy, chance=chance)
                if decision.kind == "no":
                    attempt.tell_failed("model.failed", error)
                    raise
                attempt.tell_failed("model.retry", error, kind=decision.kind, wait_s=decision.wait_s)
            await self._shared.clock.sleep(decision.wait_s)
            elapsed_s, number = elapsed_s + decision.wait_s, number + 1

    def _filled_in(self, request: Request) -> Request:
        """The request with what the role says and it does not."""
        settings, limit = self._settings, request.max_output_tokens
        return dataclasses.replace(
            request,
            max_output_tokens=settings.max_output_tokens if limit is None else limit,
            temperature=settings.temperature if request.temperature is None else request.temperature,
            timeout_s=None,
        )

    def _cap(self, request: Request, purpose: Purpose) -> int | None:
        """The bound on the reply: a budget needs one, where neither request nor role has it.

        It is not written down with the request: another budget is not another question.
        """
        cap = self._shared.budgets.output_tokens(purpose.bill)
        if request.max_output_tokens is not None or cap is None:
            return request.max_output_tokens
        own = self._options.get("max_output_tokens")
        return own if isinstance(own, int) else cap

    def _timeout_s(self) -> float:
        """Seconds for an attempt: the role's, else the provider's, else ours."""
        if self._settings.timeout_s is not None:
            return self._settings.timeout_s
        own = self._options.get("timeout_s")
        return own if isinstance(own, int | float) and not isinstance(own, bool) and own > 0 else _TIMEOUT_S

    async def _recalled(self, request: Request, asked: Written, purpose: Purpose) -> Reply | None:
        library = self._shared.library
        found = await in_thread(library.recall, purpose.run, purpose.step, asked.digest, abandon=True)
        if found is None:
            return None
        self._bound.events.tell(
            "model.recalled",
            role=self.name,
            model=self.model,
            run=purpose.run,
            task=purpose.task,
            step=purpose.step,
        )
        reply = cassettes.decode_reply(found.reply)
        # It belongs to what this run cost, though not to what this engine spent.
        purpose.bill.add(recalled(found, purpose))
        if self._recording is not None:
            await self._recording.add_recalled(request, reply)
        return reply


@dataclass(frozen=True, kw_only=True)
class _Made:
    """What a role is made of, and takes a while to make."""

    resolved: Resolved
    backend: Backend
    recording: Recording | None
    places: int


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
        self.prices = Prices(config, plugins)
        self.budgets = Budgets(config.budget, library=library, clock=clock)
        self.accounts = Accounts(library=library, ledger=ledger, prices=self.prices)
        self._roles: dict[str, Role] = {}
        self._turns: dict[str, anyio.Semaphore] = {}
        self._creating = anyio.Lock()
        # For the threads that make roles; one whose caller was cancelled goes on, and its work is kept.
        self._making = threading.Lock()
        self._made: dict[str, _Made] = {}
        self._handing_over = threading.Lock()
        self._closed = False

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
        return await self._get(name, name, self.config.role(name))

    async def filled_by(self, name: str, model: str) -> Role:
        """A role that another model fills than the configuration says, or a role of a name of its own.

        Args:
            name: the role's name; where the configuration has one, its settings hold but for the model.
            model: ``provider:model``.

        Raises:
            LatmError: as `get`.
        """
        own = self.config.roles.get(name)
        if own is not None and own.model == model:
            return await self.get(name)
        settings = RoleConfig(model=model) if own is None else dataclasses.replace(own, model=model)
        return await self._get(f"{name}={model}", name, settings)

    async def _get(self, key: str, name: str, settings: RoleConfig) -> Role:
        async with self._creating:
            if key not in self._roles:
                # In a thread: an SDK takes a second or two to import, and those at work should not wait.
                made = await in_thread(self._make, key, name, settings, abandon=True)
                bound = self._bind(name, made)
                self._roles[key] = Role(bound, settings, shared=self, recording=made.recording)
            return self._roles[key]

    async def aclose(self) -> None:
        """Close every backend; one that fails to close does not keep the others open."""
        with self._handing_over:
            self._closed = True
            closing, self._made = self._made, {}
        self._roles.clear()
        for name, made in closing.items():
            try:
                await made.backend.aclose()
            except Exception as error:  # noqa: BLE001 - a plugin's, told and done with
                self.events.tell("model.close_failed", role=name, error=type(error).__name__)

    def _bind(self, name: str, made: _Made) -> Bound:
        turn = self._turns.setdefault(made.resolved.credential, anyio.Semaphore(made.places))
        return Bound(
            role=name,
            model=str(made.resolved.ref),
            distribution=made.resolved.entry.distribution,
            backend=made.backend,
            turn=turn,
            budgets=self.budgets,
            prices=self.prices,
            accounts=self.accounts,
            events=self.events,
            clock=self.clock,
            content=self.config.events.content,
        )

    def _make(self, key: str, name: str, settings: RoleConfig) -> _Made:
        with self._making:
            if key in self._made:
                return self._made[key]
            made = self._make_new(name, settings)
            with self._handing_over:
                if not self._closed:
                    self._made[key] = made
                    return made
        # Nobody waits for it any more. It has sent nothing yet, so that any event loop may close it.
        anyio.run(made.backend.aclose)
        raise ConfigError("this engine is closed")

    def _make_new(self, name: str, settings: RoleConfig) -> _Made:
        ref = ModelRef.parse(settings.model, where=f"roles.{name}")
        resolved = resolve(self.plugins, ref, provider_options(self.config, ref.provider))
        places = self._places(resolved)
        where = f"roles.{name}.record"
        recording = None if settings.record is None else Recording(settings.record, where=where)
        self.prices.warm(str(ref))
        return _Made(resolved=resolved, backend=make_backend(resolved), recording=recording, places=places)

    def _places(self, resolved: Resolved) -> int:
        """How many calls an account may have at once: the fewest that any of its names in use allows."""
        own = resolved.ref.provider
        others = {ModelRef.parse(role.model).provider for role in self.config.filled.values()} - {own}
        sharing = [name for name in others if self._credential(name) == resolved.credential]
        return min(_concurrency(self.config, name) for name in (own, *sharing))

    def _credential(self, provider: str) -> str | None:
        ref = ModelRef(provider, "any")
        try:
            return resolve(self.plugins, ref, provider_options(self.config, provider)).credential
        except LatmError:  # said when a role needs it
            return None


def provider_options(config: Config, provider: str) -> dict[str, object]:
    """A provider's table of the configuration, without what is ours in it."""
    table = config.providers.get(provider, {})
    return {key: value for key, value in table.items() if key not in _OWN_OPTIONS}


def _concurrency(config: Config, provider: str) -> int:
    places = config.providers.get(provider, {}).get("concurrency", _CONCURRENCY)
    if not isinstance(places, int) or isinstance(places, bool) or places < 1:
        raise ConfigError("must be a whole number above 0", where=f"providers.{provider}.concurrency")
    return places


def _written(request: Request) -> Written:
    """A request as it is written down: what the model is asked, whatever the patience and the budget."""
    data: Mapping[str, object] = cassettes.encode_request(request)
    text = cassettes.canonical_json(data).encode("ascii")
    return Written(data=data, digest=hashlib.sha256(text).hexdigest(), size=len(text))


def _chance() -> float:
    import random

    return random.random()  # noqa: S311 - spreads callers out; no secret
