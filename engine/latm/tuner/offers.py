"""Which tuner tunes which model, found out before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from latm._backends import make_tuner, resolve
from latm._discovery import ModelRef
from latm.errors import ConfigError, UnknownProvider, nearest
from latm.plugin import read_options
from latm.tuners import Tuner, TunerSpec

if TYPE_CHECKING:
    from latm._plugins import Plugins
    from latm._roles import Roles
    from latm.tuner._runs import Training
    from latm.tuner._spec import TuningSpec

__all__ = ["Offer", "find", "find_again", "open_tuner", "untrained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A tuner for a model.

    Attributes:
        tuner: what the plugin offers.
        base: the model to tune.
        settings: the tuner's own, as the spec has them, checked.
    """

    tuner: TunerSpec
    base: ModelRef
    settings: Mapping[str, object] = field(default_factory=dict[str, object])


def find(plugins: Plugins, spec: TuningSpec) -> Offer:
    """The tuner that a spec names, for the model that it names.

    Raises:
        ConfigError: there is no such tuner, it cannot tune, not this model, or a setting is wrong.
    """
    tuner = _named(plugins, spec.tuner)
    base = _base(plugins, tuner, spec)
    if tuner.settings is not None:
        read_options(tuner.settings, spec.training, where="training")
    elif spec.training:
        raise ConfigError(f"the tuner {tuner.name!r} has nothing to set", where="training")
    return Offer(tuner=tuner, base=base, settings=spec.training)


def find_again(plugins: Plugins, job: Training) -> Offer:
    """The tuner of a job that was begun.

    Raises:
        ConfigError: no plugin offers it any more.
    """
    tuner = _named(plugins, job.tuner)
    return Offer(tuner=tuner, base=ModelRef(job.provider, job.base), settings=job.settings)


def open_tuner(offer: Offer, roles: Roles) -> Tuner:
    """The tuner, ready to work; its SDK is imported now.

    Raises:
        LatmError: the key is missing, an option is wrong, or the plugin is broken.
    """
    from latm._roles import provider_options

    options = provider_options(roles.config, offer.base.provider)
    return make_tuner(resolve(roles.plugins, offer.base, options), offer.tuner)


def untrained(plugins: Plugins) -> tuple[str, ...]:
    """The models that pick labels by their descriptions alone, of every tuner that has one."""
    offered = (each for each in plugins.tuners() if each.untrained and each.unavailable is None)
    return tuple(f"{each.provider or each.name}:{each.untrained}" for each in offered)


def _named(plugins: Plugins, name: str) -> TunerSpec:
    known = [each.name for each in plugins.tuners()]
    found = [each for each in plugins.tuners() if each.name == name]
    usable = ", ".join(sorted({each.name for each in plugins.tuners() if each.unavailable is None})) or "none"
    where = "training.tuner"
    if not found:
        raise ConfigError(
            f"no plugin offers the tuner {name!r}; there are: {usable}.{nearest(name, known)}", where=where
        )
    if len(found) > 1:
        raise ConfigError(f"several plugins offer the tuner {name!r}: disable all but one", where=where)
    if found[0].unavailable is not None:
        raise ConfigError(f"{found[0].unavailable} Tuners that can be used: {usable}", where=where)
    return found[0]


def _base(plugins: Plugins, tuner: TunerSpec, spec: TuningSpec) -> ModelRef:
    provider, where = tuner.provider or tuner.name, "roles.base"
    if spec.roles.base is None:
        if tuner.untrained is None:
            raise ConfigError(f'name the model to tune: base = "{provider}:MODEL" in [roles]', where=where)
        return ModelRef(provider, tuner.untrained)
    base = ModelRef.parse(spec.roles.base, where=where)
    if base.provider == provider or _behind(plugins, base.provider) == provider:
        return base
    others = [each for each in plugins.tuners() if (each.provider or each.name) == base.provider]
    for other in others:
        if other.unavailable is not None:
            raise ConfigError(f"{base} cannot be tuned: {other.unavailable}", where=where)
    better = f"; there is the tuner {others[0].name!r}" if others else ""
    raise ConfigError(
        f"the tuner {tuner.name!r} tunes models of {provider}, and {base} is none{better}", where=where
    )


def _behind(plugins: Plugins, name: str) -> str | None:
    """The provider that does the work of a name of the configuration."""
    try:
        return plugins.entry(name).spec.name
    except UnknownProvider:
        return None
