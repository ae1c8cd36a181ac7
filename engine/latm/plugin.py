"""All that a plugin author imports.

A provider plugin is a module with one hook and one async method::

    from latm.plugin import ProviderSpec, Reply, Usage, hookimpl

    class Echo:
        def __init__(self, model, options): self.model = model
        async def complete(self, request):
            return Reply(text=request.messages[-1].text, usage=Usage(), model=self.model)
        async def aclose(self): pass

    @hookimpl
    def latm_providers():
        return [ProviderSpec(name="echo", create=Echo)]

It is found through an entry point of the group ``latm``, or handed to ``Engine(plugins={"echo": module})``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol, TypeVar, get_args, get_type_hints, runtime_checkable

import pluggy

from latm.errors import (
    BackendError,
    ConfigError,
    DataError,
    MissingDependency,
    Refused,
    Rejected,
    Throttled,
    Timeout,
    Truncated,
    TuningFailed,
    Unauthorized,
    Unavailable,
    nearest,
)
from latm.tuners import Capabilities, Pausing, Tuned, Tuner, TunerSpec, TuningJob, TuningState, TuningStep
from latm_sandbox import LauncherSpec

__all__ = [
    "Backend",
    "BackendError",
    "Call",
    "Capabilities",
    "ConfigError",
    "DataError",
    "Function",
    "LauncherSpec",
    "Message",
    "MissingDependency",
    "Pausing",
    "ProviderSpec",
    "Refused",
    "Rejected",
    "Reply",
    "Request",
    "Throttled",
    "Timeout",
    "Truncated",
    "Tuned",
    "Tuner",
    "TunerSpec",
    "TuningFailed",
    "TuningJob",
    "TuningState",
    "TuningStep",
    "Unauthorized",
    "Unavailable",
    "Usage",
    "hookimpl",
    "parse_retry_after",
    "read_options",
    "status_error",
]

hookimpl = pluggy.HookimplMarker("latm")
"""Marks a function of a plugin as the implementation of the hook of the same name."""

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. The system prompt is not a turn: it stands in ``Request.system``.

    Attributes:
        role: whose turn it is.
        text: what was said.
        metadata: of an assistant's turn, the ``metadata`` of the `Reply` that it came from, handed back
            verbatim: a provider finds there what its service wants to see again (signed reasoning), and
            ignores the keys of others.
    """

    role: Literal["user", "assistant"]
    text: str
    metadata: Mapping[str, object] = field(default_factory=lambda: _NOTHING, kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that the model may call.

    Attributes:
        name: as the model must write it.
        description: what it is for.
        parameters: JSON Schema of an object, one property an argument.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the model made of one of the request's functions."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a backend is asked to complete.

    Attributes:
        messages: the turns, oldest first; the last one is the user's.
        system: the system prompt.
        max_output_tokens: a bound on the reply, reasoning included; None leaves it to the backend.
        temperature: an intent. A backend whose model has no such setting refuses it by name
            (`Rejected`) or translates it; it never drops it silently.
        stop: texts at which the reply ends.
        functions: what the model may call.
        response_schema: JSON Schema that the reply's text must fit; a backend that cannot enforce it
            puts it into the prompt or ignores it, since the engine reads every reply strictly anyway.
        timeout_s: seconds until the backend gives up with `Timeout`.
    """

    messages: tuple[Message, ...]
    system: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    functions: tuple[Function, ...] = ()
    response_schema: Mapping[str, object] | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call in buckets that share none.

    ``input`` excludes what was read from a cache (``cache_read``) or written to one (``cache_write``);
    ``output`` includes reasoning tokens.

    Raises:
        ValueError: a bucket is negative.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0

    def __post_init__(self) -> None:
        for name in ("input", "cache_read", "cache_write", "output"):
            if (tokens := getattr(self, name)) < 0:
                raise ValueError(f"Usage.{name} is {tokens}: tokens are never negative")

    def __add__(self, other: Usage) -> Usage:
        """The sum, bucket by bucket."""
        return Usage(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.output + other.output,
        )

    @property
    def total(self) -> int:
        """Tokens in all buckets."""
        return self.input + self.cache_read + self.cache_write + self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a backend delivered.

    Attributes:
        text: the reply's text; empty where the model only called functions.
        usage: the tokens that this one call used.
        model: the model that answered, as the service names it.
        calls: calls of the request's functions, in order.
        finish_reason: the service's own word for why it ended.
        metadata: opaque to latm and carried verbatim; keys begin with the provider's name and a dot.
    """

    text: str
    usage: Usage
    model: str
    calls: tuple[Call, ...] = ()
    finish_reason: str | None = None
    metadata: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


@runtime_checkable
class Backend(Protocol):
    """One model, bound and ready. Any backend can fill any role; it is never told which one it fills."""

    async def complete(self, request: Request) -> Reply:
        """Complete one request with exactly one call of the model.

        Raises:
            BackendError: one of its subclasses, so that the caller knows whether to try again.
        """
        ...

    async def aclose(self) -> None:
        """Release connections. May be called twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """A source of models.

    Attributes:
        name: what stands before the colon: ``openai`` in ``openai:gpt-5.6-luna``.
        create: called with the model (all behind the first colon) and the options: the provider's table of
            the configuration, and ``api_key`` where one was found. The SDK is imported here, not before.
        key_env: the environment variable that holds the key, if the provider needs one.
        extra: the extra of latm, or the distribution, that brings the SDK; for the pip line of
            `MissingDependency`.
        options: the dataclass of the provider's options, as for `read_options`. Where there is one, every
            table of the configuration is checked against it when an engine is opened, before any call.
    """

    name: str
    create: Callable[[str, Mapping[str, object]], Backend]
    key_env: str | None = None
    extra: str | None = None
    options: type | None = None


_Options = TypeVar("_Options")


def read_options(kind: type[_Options], options: Mapping[str, object], *, where: str) -> _Options:
    """Read a provider's options into a frozen dataclass of its own, strictly.

    Args:
        kind: a dataclass whose fields are the options, each with a default and a type of plain values.
        options: as `ProviderSpec.create` received them.
        where: what to call the place in an error, such as ``providers.openai``.

    Raises:
        ConfigError: an unknown option, with the nearest known one, or a value of another type. The value
            itself is never shown: it may be the key.
    """
    import msgspec

    known = {entry.name for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in options:
        if name not in known:
            raise ConfigError(f"unknown option {name!r}.{nearest(name, known)}", where=where)
    problem = ""
    try:
        return msgspec.convert(dict(options), type=kind)
    except msgspec.ValidationError as error:
        problem = str(error)
    raise ConfigError(_without_value(problem, kind), where=where)


def _without_value(problem: str, kind: type) -> str:
    """A problem of msgspec's; of a value that is none of the choices it shows the value, so we show those."""
    wrong, _, name = problem.rpartition(" - at `$.")
    if not wrong.startswith("Invalid enum value"):
        return problem
    name = name.rstrip("`")
    choices = get_args(get_type_hints(kind).get(name))
    return (
        f"must be {' or '.join(map(repr, choices))} - at `$.{name}`" if choices else "not one of the choices"
    )


_BY_STATUS: Mapping[int, type[BackendError]] = {
    401: Unauthorized,
    402: Unauthorized,
    403: Unauthorized,
    408: Timeout,
    409: Unavailable,
    425: Unavailable,
    429: Throttled,
    529: Throttled,  # "overloaded" of some services: no capacity for us
}


def status_error(
    status: int, message: str, *, retry_after: float | None = None, reply: Reply | None = None
) -> BackendError:
    """The error that stands for an HTTP status, so that the caller knows whether to try again.

    Args:
        status: of the response.
        message: what happened, with no secret in it.
        retry_after: seconds, from `parse_retry_after`.
        reply: the partial reply, if the response held one.

    Returns:
        `Unauthorized` for 401, 402, 403; `Timeout` for 408; `Throttled` for 429, 529; `Unavailable` for 409,
        425 and all of 500 to 599; `Rejected` for every other, redirects included.
    """
    other = Unavailable if 500 <= status < 600 else Rejected  # noqa: PLR2004 - the class of 5xx
    kind = _BY_STATUS.get(status, other)
    return kind(message, status=status, retry_after=retry_after, reply=reply)


def parse_retry_after(header: str | None, *, now_s: float | None = None) -> float | None:
    """The seconds that a ``Retry-After`` header asks for.

    Args:
        header: seconds, or an HTTP date.
        now_s: seconds since the epoch; the clock's if unset.

    Returns:
        Seconds from now, 0.0 for a date that is past, unbounded above; None where the header is absent,
        negative, or neither of the two forms.
    """
    import email.utils
    import time

    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        pass
    else:
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    try:
        then = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, then.timestamp() - (time.time() if now_s is None else now_s))
