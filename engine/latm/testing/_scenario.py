"""What a provider or a tuner is put into, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from latm.errors import BackendError, LatmError
from latm.plugin import Call, Message, Request, TuningJob, Usage

__all__ = ["Check", "Report", "Scenario", "TuningScenario"]

_QUESTION = Request(messages=(Message("user", "Say something."),))
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A situation that a provider is put into; the author of the provider arranges the service.

    Attributes:
        model: for `ProviderSpec.create`.
        options: for `ProviderSpec.create`, such as the ``base_url`` of a loopback server. A key is added.
        request: what is asked.
        expect: the error that must come of it; None where a reply must.
        retry_after: seconds that the error must carry.
        usage: what the reply must report, or the partial reply that the error must carry.
        calls: the calls of the request's functions that the reply must hold.
        echo: the service replies with the text of the last message; then replies must not get mixed up.
        silent: the service never answers; then timeouts, cancellation and closing are looked at.
        served: how many requests the service has seen so far.
        connections: how many connections to the service are open; then none may be left behind.
        carried: whether the service has been handed again what it gave with its first reply (signed
            reasoning, say). The scenario is then a conversation of two turns.
    """

    model: str
    options: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    request: Request = _QUESTION
    expect: type[BackendError] | None = None
    retry_after: float | None = None
    usage: Usage | None = None
    calls: tuple[Call, ...] | None = None
    echo: bool = False
    silent: bool = False
    served: Callable[[], int] | None = None
    connections: Callable[[], int] | None = None
    carried: Callable[[], bool] | None = None

    @property
    def plain(self) -> bool:
        """Whether the general checks can use it: nothing is asked of it but a reply."""
        return self.expect is None and not self.silent and self.carried is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningScenario:
    """A situation that a tuner is put into; the author of the tuner arranges the service.

    Attributes:
        base: the model to tune, behind the colon.
        options: for `TunerSpec.create`, such as the ``base_url`` of a loopback server.
        keyed: whether the options get an ``api_key``, which is then looked for in all that is said.
        settings: of the job, as ``[training]`` may hold them.
        job: what is asked for in place of a small job of ours; its run is another for each check.
        expect: the error that must come of it; None where a model must. `TuningFailed` may as well come of a
            job that began, and ended so.
        unending: the job never ends by itself; then it is cancelled, and paused where that can be.
        jobs: how many jobs the service has begun so far; then it is counted that none is begun twice.
    """

    base: str
    options: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    keyed: bool = False
    settings: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    job: TuningJob | None = None
    expect: type[LatmError] | None = None
    unending: bool = False
    jobs: Callable[[], int] | None = None

    @property
    def plain(self) -> bool:
        """Whether the general checks can use it: a model comes of it."""
        return self.expect is None and not self.unending


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
        left_out: what could not be looked at, and what to give so that it can be.
        kind: what was looked at, ``provider`` or ``tuner``.
    """

    provider: str
    checks: tuple[Check, ...]
    left_out: tuple[str, ...] = ()
    kind: str = "provider"

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
        lines = [f"{self.kind} {self.provider!r}: {good} of {len(self.checks)} checks passed"]
        for check in self.checks:
            mark = "ok  " if check.passed else "FAIL"
            lines.append(f"  {mark} {check.name}{': ' if check.detail else ''}{check.detail}")
        lines += [f"  --   not looked at: {each}" for each in self.left_out]
        return "\n".join(lines)
