"""The conformance checks of a provider."""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import final

import anyio
import anyio.to_thread

from latm.cassettes import decode_reply, encode_reply
from latm.errors import BackendError, ConfigError, Timeout
from latm.plugin import Backend, Message, ProviderSpec, Reply, Request, Usage

__all__ = ["Check", "Report", "Scenario", "check_provider"]

_CANARY = "canary-3f1b7c5e-key"
_QUESTION = Request(messages=(Message("user", "Say something."),))
_NOTHING: Mapping[str, object] = MappingProxyType({})
_CANCEL_S = 1.0
_CALLERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A situation that a provider is put into; the author of the provider arranges the service.

    Attributes:
        model: for `ProviderSpec.create`.
        options: for `ProviderSpec.create`, such as the ``base_url`` of a loopback server. A key is added.
        request: what is asked.
        expect: the error that must come of it; None where a reply must.
        retry_after: seconds that the error must carry.
        usage: what the reply must report.
        echo: the service replies with the text of the last message; then replies must not get mixed up.
        silent: the service never answers; then timeouts and cancellation are looked at.
        served: how many requests the service has seen so far.
    """

    model: str
    options: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    request: Request = _QUESTION
    expect: type[BackendError] | None = None
    retry_after: float | None = None
    usage: Usage | None = None
    echo: bool = False
    silent: bool = False
    served: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what should hold.
        passed: whether it does.
        detail: what was found instead; empty where it passed.
    """

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of the checks; its text is for people.

    Attributes:
        provider: its name.
        checks: in the order in which they were made.
    """

    provider: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    def __str__(self) -> str:
        good = len(self.checks) - len(self.failures)
        lines = [f"provider {self.provider!r}: {good} of {len(self.checks)} checks passed"]
        for check in self.checks:
            mark = "ok  " if check.passed else "FAIL"
            lines.append(f"  {mark} {check.name}{': ' if check.detail else ''}{check.detail}")
        return "\n".join(lines)


async def check_provider(spec: ProviderSpec, scenarios: Mapping[str, Scenario]) -> Report:
    """Judge a provider in the situations that its author arranged.

    Never raises for the provider's sake: all that goes wrong is a failed check.

    Args:
        spec: the provider.
        scenarios: by a name for the report. The first without ``expect`` and ``silent`` is the plain one
            that the general checks use; there must be one.

    Raises:
        ValueError: no scenario is plain.
    """
    plain = next((one for one in scenarios.values() if one.expect is None and not one.silent), None)
    if plain is None:
        raise ValueError("one scenario must be plain: neither expect nor silent")
    examination = _Examination(spec)
    with examination.listening():
        await examination.spec_and_options(plain)
        await examination.plain(plain)
        for name, scenario in scenarios.items():
            if scenario.silent:
                await examination.silent(name, scenario)
            elif scenario is not plain:
                await examination.outcome(name, scenario)
    examination.hygiene()
    return Report(spec.name, tuple(examination.checks))


class _Failed(Exception):  # noqa: N818 - private, and no error of anyone's
    """A check's verdict, on its way to the report."""


@final
class _Examination:
    def __init__(self, spec: ProviderSpec) -> None:
        self._spec = spec
        self._seen: list[str] = []
        self._said = io.StringIO()
        self._logged = io.StringIO()
        self.checks: list[Check] = []

    @contextlib.contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Collect what is printed and logged, at every level."""
        handler = logging.StreamHandler(self._logged)
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with contextlib.redirect_stdout(self._said), contextlib.redirect_stderr(self._said):
                yield
        finally:
            root.setLevel(level)
            root.removeHandler(handler)

    async def check(self, name: str, judge: Callable[[], Awaitable[None]]) -> None:
        """Note whether a judge is content."""
        detail = ""
        try:
            await judge()
        except _Failed as verdict:
            detail = str(verdict)
        except Exception as error:  # noqa: BLE001 - whatever a provider raises is a finding
            self.note(error)
            detail = f"raised {type(error).__name__}: {error}".replace(_CANARY, "(the key!)")
        self.checks.append(Check(name, not detail, detail))

    def note(self, error: BaseException) -> None:
        """Keep all that an error shows, for the search for the key."""
        self._seen += [str(error), repr(error), "".join(traceback.format_exception(error))]

    def create(self, scenario: Scenario, **more: object) -> Backend:
        """A backend for a scenario, with a key that is looked for afterwards."""
        key = {} if self._spec.key_env is None else {"api_key": _CANARY}
        backend = self._spec.create(scenario.model, {**key, **scenario.options, **more})
        self._seen.append(repr(backend))
        return backend

    @contextlib.asynccontextmanager
    async def backend(self, scenario: Scenario) -> AsyncGenerator[Backend, None]:
        """A backend that is closed afterwards."""
        backend = self.create(scenario)
        try:
            yield backend
        finally:
            await backend.aclose()

    async def spec_and_options(self, plain: Scenario) -> None:
        """What can be seen before any request."""

        async def named() -> None:
            if not self._spec.name or ":" in self._spec.name:
                raise _Failed(f"{self._spec.name!r}")

        async def unknown() -> None:
            before = plain.served() if plain.served else 0
            try:
                backend = self.create(plain, no_such_option=1)
            except ConfigError as error:
                self.note(error)
                if "no_such_option" not in str(error):
                    raise _Failed(f"the error does not name it: {error}") from None
            else:
                await backend.aclose()
                raise _Failed("it was accepted")
            if plain.served and plain.served() != before:
                raise _Failed("a request was made")

        await self.check("the name is text without a colon", named)
        await self.check("an unknown option is a ConfigError that names it, before any request", unknown)

    async def plain(self, plain: Scenario) -> None:
        """The checks of ordinary use."""
        before = plain.served() if plain.served else 0

        async def replies() -> None:
            async with self.backend(plain) as backend:
                _judge_reply(await backend.complete(plain.request), plain)

        async def once() -> None:
            if plain.served is not None and (made := plain.served() - before) != 1:
                raise _Failed(f"{made} requests for one call of complete()")

        async def twice() -> None:
            backend = self.create(plain)
            await backend.aclose()
            await backend.aclose()

        async def other_loop() -> None:
            async def alone() -> None:
                async with self.backend(plain) as backend:
                    await backend.complete(plain.request)

            await anyio.to_thread.run_sync(anyio.run, alone)

        await self.check("a reply has text, usage, a model, and metadata that are JSON", replies)
        if plain.served is not None:
            await self.check("one request is made for each complete()", once)
        await self.check("aclose() may be called twice", twice)
        await self.check("a second backend works in a second event loop", other_loop)
        await self.check(f"{_CALLERS} callers at once each get their own reply", lambda: self._crowd(plain))

    async def _crowd(self, plain: Scenario) -> None:
        replies: dict[str, Reply] = {}

        async def ask(backend: Backend, text: str) -> None:
            replies[text] = await backend.complete(
                replace(plain.request, messages=(Message("user", text),)) if plain.echo else plain.request
            )

        async with self.backend(plain) as backend, anyio.create_task_group() as group:
            for number in range(_CALLERS):
                group.start_soon(ask, backend, f"question {number}")
        mixed = [text for text, reply in replies.items() if plain.echo and reply.text != text]
        if mixed:
            raise _Failed(f"{mixed[0]!r} got the reply {replies[mixed[0]].text!r}")

    async def outcome(self, name: str, scenario: Scenario) -> None:
        """What one request must come to."""

        async def happens() -> None:
            async with self.backend(scenario) as backend:
                try:
                    reply = await backend.complete(scenario.request)
                except BackendError as error:
                    self.note(error)
                    _judge_error(error, scenario)
                    return
            if scenario.expect is not None:
                raise _Failed(f"expected {scenario.expect.__name__}, got a reply")
            _judge_reply(reply, scenario)

        expected = "a reply" if scenario.expect is None else scenario.expect.__name__
        await self.check(f"{name}: {expected}", happens)

    async def silent(self, name: str, scenario: Scenario) -> None:
        """A service that never answers."""

        async def times_out() -> None:
            async with self.backend(scenario) as backend:
                try:
                    await backend.complete(replace(scenario.request, timeout_s=0.2))
                except Timeout as error:
                    self.note(error)
                    return
            raise _Failed("there was a reply")

        async def cancels() -> None:
            async with self.backend(scenario) as backend:
                with anyio.move_on_after(0.2) as scope:
                    await backend.complete(replace(scenario.request, timeout_s=30.0))
                late_s = anyio.current_time() - scope.deadline
            if not scope.cancelled_caught:
                raise _Failed("it was not cancelled")
            if late_s > _CANCEL_S:
                raise _Failed(f"it took {late_s:.1f} s")

        await self.check(f"{name}: timeout_s ends in Timeout", times_out)
        await self.check(f"{name}: cancelling returns within {_CANCEL_S:g} s", cancels)

    def hygiene(self) -> None:
        """What must not have been shown, in all that was seen."""
        shown = next((text for text in self._seen if _CANARY in text), "")
        detail = shown.replace(_CANARY, "(the key!)")[-200:]
        self.checks.append(Check("the key is in no repr, error or traceback", not shown, detail))
        logged = _CANARY in self._logged.getvalue()
        self.checks.append(Check("the key is in no log", not logged, "it was logged" if logged else ""))
        said = self._said.getvalue().strip()
        self.checks.append(Check("nothing is printed", not said, said[:200].replace(_CANARY, "(the key!)")))


def _judge_reply(reply: object, scenario: Scenario) -> None:
    if not isinstance(reply, Reply):
        raise _Failed(f"complete() returned a {type(reply).__name__}")
    try:
        again = decode_reply(encode_reply(reply))
    except ValueError as error:
        raise _Failed(str(error)) from None
    if again.text != reply.text or not reply.model:
        raise _Failed("the reply names no model" if not reply.model else "the text does not survive JSON")
    if scenario.usage is not None and reply.usage != scenario.usage:
        raise _Failed(f"usage is {reply.usage}, expected {scenario.usage}")
    bare = [key for key in reply.metadata if "." not in key]
    if bare:
        raise _Failed(f"the metadata key {bare[0]!r} does not begin with the provider's name and a dot")


def _judge_error(error: BackendError, scenario: Scenario) -> None:
    if scenario.expect is None:
        raise _Failed(f"expected a reply, got {type(error).__name__}: {error}".replace(_CANARY, "(the key!)"))
    if type(error) is not scenario.expect:
        raise _Failed(f"got {type(error).__name__}: {error}".replace(_CANARY, "(the key!)"))
    if scenario.retry_after is not None and error.retry_after != scenario.retry_after:
        raise _Failed(f"retry_after is {error.retry_after}, expected {scenario.retry_after}")
