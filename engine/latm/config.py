"""Configuration: latm.toml and the frozen tree that it becomes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast, get_type_hints

from latm.errors import ConfigError, nearest
from latm_sandbox import Limits

__all__ = [
    "ROLES",
    "BudgetConfig",
    "Config",
    "LibraryConfig",
    "MakingConfig",
    "PluginsConfig",
    "Price",
    "RoleConfig",
    "SandboxConfig",
]

ROLES = ("maker", "user", "dispatcher", "fallback")
"""The places that a model fills. ``fallback`` answers what no tool can; the maker's model if unset."""

T = TypeVar("T")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleConfig:
    """A model in a role.

    Attributes:
        model: ``provider:model``.
        max_output_tokens: bound on each reply.
        temperature: passed to the provider, which refuses it where its model has none.
        timeout_s: seconds for each attempt of a call.
        record: a file to which every exchange of this role is appended as a cassette.
    """

    model: str
    max_output_tokens: int | None = None
    temperature: float | None = None
    timeout_s: float | None = 120.0
    record: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no call could be made with."""
        _at_least(1, max_output_tokens=self.max_output_tokens)
        if self.timeout_s is not None and not 0 < self.timeout_s < math.inf:
            raise ConfigError("must be a number of seconds above 0", where="timeout_s")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetConfig:
    """What an engine may spend.

    Attributes:
        usd: in USD, over the engine's life; None for no bound.
    """

    usd: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount."""
        _amounts(usd=self.usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Price of a model, USD per million tokens. An unset cache price is that of ``input``."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse what is no amount."""
        _amounts(
            input=self.input, output=self.output, cache_read=self.cache_read, cache_write=self.cache_write
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MakingConfig:
    """How tools are made. The counts are the paper's (arXiv 2305.17126, section 4).

    Attributes:
        protocol: ``paper`` or ``strict``.
        demonstrations: examples shown to the maker when it proposes.
        validation: examples that it verifies its function on.
        attempts: tries a stage.
        instances: answered questions of a task before a tool is made for it; None means
            ``demonstrations + validation``, and for ``strict`` half as many more, for the exam.
        exam: examples that only the user model answers, in ``strict``; None means a third of them when there
            are at least 9, else none.
        exam_score: the share of them that has to be right; None means all of up to 5, else 0.95.
        cases: inputs that each property is tried on, in ``strict``.
    """

    protocol: str = "paper"
    demonstrations: int = 3
    validation: int = 3
    attempts: int = 3
    instances: int | None = None
    exam: int | None = None
    exam_score: float | None = None
    cases: int = 100

    def __post_init__(self) -> None:
        """Refuse counts with which no tool could ever be made."""
        _at_least(1, demonstrations=self.demonstrations, validation=self.validation, attempts=self.attempts)
        _at_least(self.demonstrations + self.validation, instances=self.instances)

    @property
    def pending(self) -> int:
        """How many answered questions of a task start a making."""
        if self.instances is not None:
            return self.instances
        needed = self.demonstrations + self.validation
        # A third of them is for the exam.
        return needed if self.protocol == "paper" or self.exam == 0 else needed + -(-needed // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginsConfig:
    """Which plugins are left out, by entry-point name."""

    disable: tuple[str, ...] = ()


RoleTable = str | Mapping[str, object] | RoleConfig
"""A role in a configuration: a model reference, its table, or the record."""


@dataclass(frozen=True, slots=True, init=False)
class Config:
    """The whole configuration.

    Every table may be given as a mapping with the keys of latm.toml or as its record; a role also as its
    model reference alone, and ``library`` as its URL alone. All become the records of this module.

    Raises:
        ConfigError: a key is unknown or a value has the wrong type; says where.
    """

    roles: Mapping[str, RoleConfig]
    providers: Mapping[str, Mapping[str, object]]
    sandbox: SandboxConfig
    library: LibraryConfig
    budget: BudgetConfig
    prices: Mapping[str, Price]
    making: MakingConfig
    plugins: PluginsConfig

    def __init__(
        self,
        *,
        roles: Mapping[str, RoleTable] = _NOTHING,
        providers: Mapping[str, Mapping[str, object]] = _NOTHING,
        sandbox: SandboxConfig | Mapping[str, object] = _NOTHING,
        library: LibraryConfig | Mapping[str, object] | str = _NOTHING,
        budget: BudgetConfig | Mapping[str, object] = _NOTHING,
        prices: Mapping[str, Price | Mapping[str, object]] = _NOTHING,
        making: MakingConfig | Mapping[str, object] = _NOTHING,
        plugins: PluginsConfig | Mapping[str, object] = _NOTHING,
    ) -> None:
        for role in _table(roles, "roles"):
            if role not in ROLES:
                raise ConfigError(f"no such role: {role!r}.{nearest(role, ROLES)}", where="roles")
        for name, options in _table(providers, "providers").items():
            _table(options, f"providers.{name}")
        values: dict[str, object] = {
            "roles": MappingProxyType({name: _role(value, f"roles.{name}") for name, value in roles.items()}),
            "providers": MappingProxyType({name: dict(options) for name, options in providers.items()}),
            "sandbox": _record(SandboxConfig, sandbox, "sandbox"),
            "library": _record(
                LibraryConfig, {"url": library} if isinstance(library, str) else library, "library"
            ),
            "budget": _record(BudgetConfig, budget, "budget"),
            "prices": MappingProxyType(
                {model: _record(Price, price, f"prices.{model!r}") for model, price in prices.items()}
            ),
            "making": _record(MakingConfig, making, "making"),
            "plugins": _record(PluginsConfig, plugins, "plugins"),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def load(cls, path: str | Path = "latm.toml") -> Config:
        """Read a configuration file.

        A relative SQLite path and a relative ``record`` are taken from the current directory.

        Raises:
            ConfigError: the file cannot be read, is no TOML, or holds an unknown key or a wrong value.
        """
        import tomllib

        try:
            text = Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigError(
                "no such file; give --config PATH, or write one: docs/embedding.md has a whole example",
                where=str(path),
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
        try:
            return cls.from_mapping(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"is no TOML: {error}", where=str(path)) from None
        except ConfigError as error:
            raise ConfigError(str(error), where=str(path)) from None

    @classmethod
    def from_mapping(cls, tree: Mapping[str, object]) -> Config:
        """Build a configuration from the tree of a latm.toml.

        Raises:
            ConfigError: a key is unknown or a value has the wrong type; says where.
        """
        known = [item.name for item in dataclasses.fields(cls)]
        for key in tree:
            if key not in known:
                raise ConfigError(f"unknown table {key!r}.{nearest(key, known)}")
        return cls(**cast("dict[str, Mapping[str, object]]", dict(tree)))  # type: ignore[arg-type]  # checked within

    def role(self, name: str) -> RoleConfig:
        """What fills a role.

        Raises:
            ConfigError: nothing does; says the line to add.
        """
        found = self.roles.get(name)
        if found is None and name == "fallback":
            found = self.roles.get("maker")
        if found is None:
            raise ConfigError(
                f'no model fills the role: add {name} = "provider:model" to [roles]', where=f"roles.{name}"
            )
        return found


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"must be a table, not {type(value).__name__}", where=where)
    return cast("Mapping[str, object]", value)


def _role(value: RoleTable, where: str) -> RoleConfig:
    return _record(RoleConfig, {"model": value} if isinstance(value, str) else value, where)


def _record(kind: type[T], value: object, where: str) -> T:
    """Turn a table into its record, strictly; msgspec knows the types, the names are compared here."""
    if isinstance(value, kind):
        return value
    table = _table(value, where)
    known = [item.name for item in dataclasses.fields(kind)]  # type: ignore[arg-type]  # kind is a dataclass
    for key in table:
        if key not in known:
            raise ConfigError(f"unknown key {key!r}.{nearest(str(key), known)}", where=where)
    hints = get_type_hints(kind)
    converted: dict[str, object] = {}
    import msgspec

    for key, item in table.items():
        try:
            converted[key] = _leaf(item, hints[key])
        except msgspec.ValidationError as error:
            raise ConfigError(str(error), where=f"{where}.{key}") from None
    try:
        return kind(**converted)
    except ConfigError as error:
        reason = str(error).removeprefix(f"{error.where}: ")
        raise ConfigError(reason, where=f"{where}.{error.where}") from None
    except TypeError:
        missing = sorted(
            item.name
            for item in dataclasses.fields(kind)  # type: ignore[arg-type]  # kind is a dataclass
            if item.default is dataclasses.MISSING
            and item.default_factory is dataclasses.MISSING
            and item.name not in converted
        )
        raise ConfigError(f"lacks {', '.join(missing)}", where=where) from None


def _at_least(least: int, **counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and count < least:
            raise ConfigError(f"must be at least {least}, not {count}", where=name)


def _amounts(**amounts: Decimal | None) -> None:
    for name, amount in amounts.items():
        if amount is not None and not (amount.is_finite() and amount >= 0):
            raise ConfigError(f"must be an amount of USD, 0 or more, not {amount}", where=name)


def _leaf(value: object, hint: object) -> object:
    if isinstance(value, Decimal):
        return value
    # TOML has integers and floats where we keep money: 2 and 2.00 are as good as "2.00".
    if Decimal in getattr(hint, "__args__", (hint,)) and isinstance(value, int | float):
        value = str(value)
    import msgspec

    return msgspec.convert(value, cast("type[object]", hint), strict=True)
