"""Every hook that a plugin can implement, with its contract.

All hooks are synchronous and are called when plugins are loaded or a backend is created, never between a
question and its answer (`latm_event` apart, which only listens). An implementation may take fewer arguments
than its hook has. A hook that raises, or returns something else than is promised here, is recorded as broken
with its plugin's distribution; the other plugins go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import pluggy

from latm.plugin import ProviderSpec, TunerSpec, Usage
from latm_sandbox import LauncherSpec

__all__ = ["latm_event", "latm_launchers", "latm_price", "latm_providers", "latm_secret", "latm_tuners"]

hookspec = pluggy.HookspecMarker("latm")


@hookspec
def latm_providers() -> Iterable[ProviderSpec]:
    """The providers of models that this plugin offers.

    Called once, when plugins are loaded. The models' SDK must not be imported here, nor at the top of the
    plugin's module, but in `ProviderSpec.create`.

    Returns:
        One spec for each provider name; no name twice. A name that two plugins offer is an error which names
        both distributions, when a model of that provider is asked for.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def latm_secret(provider: str, env: str) -> str | None:
    """The API key of a provider, from a vault, a keyring or wherever it is kept.

    Asked when a backend is created and no key was given explicitly, before the environment is looked at.

    Args:
        provider: the provider's name, such as ``openai``.
        env: the environment variable that would hold the key otherwise, such as ``OPENAI_API_KEY``.

    Returns:
        The key, or None to let the next plugin, and then the environment, answer. What a failing
        implementation says is not recorded, only the type of its exception: its text may hold the secret.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def latm_price(model: str, usage: Usage) -> Decimal | None:
    """What a call cost.

    Args:
        model: ``provider:model``.
        usage: the tokens of the call, in buckets that share none.

    Returns:
        USD, exact and never negative; None where the price is unknown, which is not the same as free.
    """
    raise NotImplementedError


@hookspec
def latm_launchers() -> Iterable[LauncherSpec]:
    """The launchers of sandbox cells that this plugin offers; called once, when plugins are loaded."""
    raise NotImplementedError


@hookspec
def latm_tuners() -> Iterable[TunerSpec]:
    """The ways to fine-tune models that this plugin offers; called once, when plugins are loaded."""
    raise NotImplementedError


@hookspec
def latm_event(name: str, fields: Mapping[str, object]) -> None:
    """Something happened. Called from whichever thread it happened in; be quick, and block on nothing.

    Args:
        name: what happened, dotted: ``model.replied``, ``tool.made``.
        fields: the particulars; read only. Never a key. Texts of prompts and replies are left out unless the
            application asked for them.

    What it returns is ignored and what it raises never reaches the caller.
    """
    raise NotImplementedError
