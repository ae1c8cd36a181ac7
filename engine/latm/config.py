"""Configuration: latm.toml and the frozen tree that it becomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from latm._settings import (
    NOBODY,
    ROLES,
    AuditingConfig,
    BudgetConfig,
    EventsConfig,
    LibraryConfig,
    Limit,
    MakingConfig,
    PluginsConfig,
    Price,
    RetryConfig,
    RoleConfig,
    SandboxConfig,
    StageLimit,
)
from latm._tables import record, shown_options, table
from latm.errors import ConfigError, nearest

__all__ = [
    "NOBODY",
    "ROLES",
    "AuditingConfig",
    "BudgetConfig",
    "Config",
    "EventsConfig",
    "LibraryConfig",
    "Limit",
    "MakingConfig",
    "PluginsConfig",
    "Price",
    "RetryConfig",
    "RoleConfig",
    "SandboxConfig",
    "StageLimit",
]

_NOTHING: Mapping[str, Any] = MappingProxyType({})

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
    retry: RetryConfig
    events: EventsConfig
    auditing: AuditingConfig

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
        retry: RetryConfig | Mapping[str, object] = _NOTHING,
        events: EventsConfig | Mapping[str, object] = _NOTHING,
        auditing: AuditingConfig | Mapping[str, object] = _NOTHING,
    ) -> None:
        for role in table(roles, "roles"):
            if role not in ROLES:
                raise ConfigError(f"no such role: {role!r}.{nearest(role, ROLES)}", where="roles")
        for name, options in table(providers, "providers").items():
            table(options, f"providers.{name}")
        values: dict[str, object] = {
            "roles": MappingProxyType({name: _role(value, f"roles.{name}") for name, value in roles.items()}),
            "providers": MappingProxyType({name: dict(options) for name, options in providers.items()}),
            "sandbox": record(SandboxConfig, sandbox, "sandbox"),
            "library": record(
                LibraryConfig, {"url": library} if isinstance(library, str) else library, "library"
            ),
            "budget": record(BudgetConfig, budget, "budget"),
            "prices": MappingProxyType(
                {model: record(Price, price, f"prices.{model!r}") for model, price in prices.items()}
            ),
            "making": record(MakingConfig, making, "making"),
            "plugins": record(PluginsConfig, plugins, "plugins"),
            "retry": record(RetryConfig, retry, "retry"),
            "events": record(EventsConfig, events, "events"),
            "auditing": record(AuditingConfig, auditing, "auditing"),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Without what may be secret in a provider's options or the library's URL."""
        shown: dict[str, object] = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        shown["providers"] = {name: shown_options(options) for name, options in self.providers.items()}
        for name in ("roles", "prices"):
            shown[name] = dict(getattr(self, name))
        return f"Config({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

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
                "no such file; give --config PATH, or write one: a [roles] table with maker, user and "
                'dispatcher, each "provider:model"',
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
        if found is not None and name == "fallback" and found.model == NOBODY:
            raise ConfigError("nobody answers what no tool can: it is none", where="roles.fallback")
        if found is None:
            raise ConfigError(
                f'no model fills the role: add {name} = "provider:model" to [roles] of the configuration, '
                "such as latm.toml",
                where=f"roles.{name}",
            )
        return found

    @property
    def filled(self) -> Mapping[str, RoleConfig]:
        """The roles that a model fills."""
        return {name: role for name, role in self.roles.items() if (name, role.model) != ("fallback", NOBODY)}

    @property
    def has_fallback(self) -> bool:
        """Whether a strong model answers what no tool can; ``fallback = "none"`` says that none does."""
        return "fallback" not in self.roles or "fallback" in self.filled


def _role(value: RoleTable, where: str) -> RoleConfig:
    return record(RoleConfig, {"model": value} if isinstance(value, str) else value, where)
