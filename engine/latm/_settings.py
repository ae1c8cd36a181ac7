"""The records that the tables of latm.toml become; `latm.config` is their public face."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from latm._tables import amounts, at_least, hide_credentials, seconds
from latm.errors import ConfigError, nearest
from latm_sandbox import Limits

ROLES = ("maker", "user", "dispatcher", "fallback")
"""The places that a model fills. ``fallback`` answers what no tool can; the maker's model if unset."""

TUNER = "tuner"
"""Whose the bill of a training job is, beside those of the roles."""

PROTOCOLS = ("paper", "strict")
"""How tools are made."""

NOBODY = "none"
"""Written for ``fallback``: what no tool answers stays unanswered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleConfig:
    """A model in a role.

    Attributes:
        model: ``provider:model``.
        max_output_tokens: bound on each reply.
        temperature: passed to the provider, which refuses it where its model has none.
        timeout_s: seconds for each attempt of a call; None means those of the provider's table, and 120 where
            that says nothing either.
        record: a file to which every exchange of this role is appended as a cassette.
        pinned: True keeps this model whatever was promoted to the role, see `latm.tuner`.
    """

    model: str
    max_output_tokens: int | None = None
    temperature: float | None = None
    timeout_s: float | None = None
    record: str | None = None
    pinned: bool = False

    def __post_init__(self) -> None:
        """Refuse what no call could be made with."""
        at_least(1, max_output_tokens=self.max_output_tokens)
        seconds(timeout_s=self.timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Where generated code runs.

    Attributes:
        launcher: what starts cells.
        image: an image reference; None builds one from the running interpreter.
        packages: requirements beside the running interpreter, such as ``sympy==1.13.3``.
        dockerfile: a Dockerfile, or a directory with one, that the image is built of.
        limits: fields of `latm_sandbox.Limits`.
    """

    launcher: str = "docker"
    image: str | None = None
    packages: tuple[str, ...] = ()
    dockerfile: str | None = None
    limits: Mapping[str, float] = field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        """Refuse limits that there are not, and more than one image."""
        given = [name for name in ("image", "packages", "dockerfile") if getattr(self, name)]
        if len(given) > 1:
            raise ConfigError(f"only one of {' and '.join(given)} can be given", where=given[-1])
        known = [item.name for item in dataclasses.fields(Limits)]
        for name in self.limits:
            if name not in known:
                raise ConfigError(f"no such limit: {name!r}.{nearest(name, known)}", where="limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryConfig:
    """Where tools are kept.

    Attributes:
        url: an SQLAlchemy URL.
    """

    url: str = "sqlite:///latm.db"

    def __repr__(self) -> str:
        """Without the password."""
        return f"LibraryConfig(url={hide_credentials(self.url)!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bound on what models may use; None for none.

    Attributes:
        usd: in USD.
        tokens: tokens in all buckets.
        calls: replies that are paid for.
    """

    usd: Decimal | None = None
    tokens: int | None = None
    calls: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount."""
        amounts(usd=self.usd)
        at_least(0, tokens=self.tokens, calls=self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetConfig:
    """What an engine may spend.

    Attributes:
        usd: in USD, over the engine's life; None for no bound.
        tokens: the same in tokens.
        calls: the same in replies that are paid for.
        run: bound on each making and each question; a making that is taken up again counts as one.
        task: bound on each task, over the engine's life.
        day: bound on each day (UTC), over all engines on the same library.
        roles: bound on each role, by its name, over the engine's life; on training jobs as ``tuner``.
        output_tokens: cap on the replies of a role that has none of its own, while money or tokens are
            bounded: without one there is no knowing what a call may cost.
    """

    usd: Decimal | None = None
    tokens: int | None = None
    calls: int | None = None
    run: Limit = Limit()
    task: Limit = Limit()
    day: Limit = Limit()
    roles: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    output_tokens: int = 8192

    def __post_init__(self) -> None:
        """Refuse what is no amount and no role."""
        amounts(usd=self.usd)
        at_least(0, tokens=self.tokens, calls=self.calls)
        at_least(1, output_tokens=self.output_tokens)
        known = (*ROLES, TUNER)
        for role in self.roles:
            if role not in known:
                raise ConfigError(f"no such role: {role!r}.{nearest(role, known)}", where="roles")

    @property
    def engine(self) -> Limit:
        """The bound on the whole engine."""
        return Limit(usd=self.usd, tokens=self.tokens, calls=self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """When a failed call of a model is made again.

    Attributes:
        attempts: how often a call is made at most, the first time included.
        total_s: seconds for all attempts and the waits between them. The first attempt has its whole timeout
            even where that is more. Waiting for a place (``concurrency``) or for a budget does not count.
        longest_wait_s: where a service asks for a longer wait than this, its error is raised at once.
    """

    attempts: int = 4
    total_s: float = 300.0
    longest_wait_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what no call could be made with."""
        at_least(1, attempts=self.attempts)
        seconds(total_s=self.total_s, longest_wait_s=self.longest_wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsConfig:
    """What events tell.

    Attributes:
        content: whether events about a model's call hold the texts of the request and the reply.
    """

    content: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Price of a model, USD per million tokens.

    Attributes:
        input: of tokens read.
        output: of tokens written, reasoning included. This and ``input`` may be left out where ``training``
            is given: others may know them.
        cache_read: of tokens read from a cache; that of ``input`` if unset.
        cache_write: of tokens written to a cache; that of ``input`` if unset.
        as_of: the day on which the price was looked up; kept with each call that it priced.
        training: of tokens that it is tuned with: those of the data, as often as they are gone through.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    as_of: date | None = None
    training: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount, and what prices nothing."""
        own = {name: getattr(self, name) for name in ("input", "output", "cache_read", "cache_write")}
        amounts(**own, training=self.training)
        lacks = [name for name in ("input", "output") if own[name] is None]
        if lacks and (self.training is None or any(value is not None for value in own.values())):
            raise ConfigError(f"lacks {', '.join(lacks)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLimit:
    """A bound on each stage of a making, over all its replies; None for none.

    Attributes:
        seconds: of wall time, waits for a model's service included.
        calls: replies that are paid for.
        tokens: tokens in all buckets.
        usd: in USD, as far as prices are known.
    """

    seconds: float | None = None
    calls: int | None = None
    tokens: int | None = None
    usd: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount."""
        seconds(seconds=self.seconds)
        amounts(usd=self.usd)
        at_least(1, calls=self.calls, tokens=self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class MakingConfig:
    """How tools are made. The counts are the paper's (arXiv 2305.17126, section 4).

    Attributes:
        protocol: ``strict`` or ``paper``.
        demonstrations: examples shown to the maker when it proposes.
        validation: examples that it verifies its function on.
        attempts: tries a stage.
        instances: answered questions of a task before a tool is made for it; None means
            ``demonstrations + validation``, and for ``strict`` those of the exam as well: half as many more
            where ``exam`` does not say.
        exam: examples that only the user model answers, in ``strict``; None means a third of them when there
            are at least 9, else none.
        exam_score: the share of them that has to be right; None means all of up to 5, else 0.95.
        cases: inputs that each property is tried on, in ``strict``.
        second_opinion: the role whose model writes the function again from its description alone, in
            ``strict``; None for nobody's.
        seconds: of wall time for a making; one that takes more fails before its next request. A making that
            is taken up again begins to count anew. Tokens and money in all are bounded by ``[budget] run``.
        stage: the same for each of its stages.
    """

    protocol: str = "strict"
    demonstrations: int = 3
    validation: int = 3
    attempts: int = 3
    instances: int | None = None
    exam: int | None = None
    exam_score: float | None = None
    cases: int = 100
    second_opinion: str | None = None
    seconds: float = 900.0
    stage: StageLimit = StageLimit()

    def __post_init__(self) -> None:
        """Refuse counts with which no tool could ever be made, and what is no protocol and no role."""
        if self.protocol not in PROTOCOLS:
            raise ConfigError(
                f"no such protocol: {self.protocol!r}.{nearest(self.protocol, PROTOCOLS)}", where="protocol"
            )
        if self.second_opinion is not None and self.second_opinion not in ROLES:
            raise ConfigError(
                f"no such role: {self.second_opinion!r}.{nearest(self.second_opinion, ROLES)}",
                where="second_opinion",
            )
        seconds(seconds=self.seconds)
        at_least(1, demonstrations=self.demonstrations, validation=self.validation, attempts=self.attempts)
        at_least(1, cases=self.cases)
        at_least(0, exam=self.exam)
        if self.exam_score is not None and not 0 <= self.exam_score <= 1:
            raise ConfigError("must be from 0 to 1", where="exam_score")
        at_least(self.demonstrations + self.validation, instances=self.instances)

    @property
    def pending(self) -> int:
        """How many answered questions of a task start a making."""
        if self.instances is not None:
            return self.instances
        needed = self.demonstrations + self.validation
        if self.protocol == "paper":
            return needed
        # A third of them is for the exam, unless its size is given.
        return needed + (-(-needed // 2) if self.exam is None else self.exam)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditingConfig:
    """How answers of tools are looked at once more: the strong model is asked the same, in the background.

    Attributes:
        share: of the answers of a version; one of every ``1 / share`` in a row is drawn. 0 for none.
        first: answers of a new version that are all audited.
        at_once: audits under way at the same time; what is drawn beyond them is let go.
    """

    share: float = 0.02
    first: int = 5
    at_once: int = 4

    def __post_init__(self) -> None:
        """Refuse what is no share and no count."""
        if not 0 <= self.share <= 1:
            raise ConfigError("must be from 0 to 1", where="share")
        at_least(0, first=self.first)
        at_least(1, at_once=self.at_once)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginsConfig:
    """Which plugins are left out.

    Attributes:
        disable: names of their entry points.
    """

    disable: tuple[str, ...] = ()
