"""Backends, made of what plugins offer: the key is found, the options are handed on, what fails is said."""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from latm._discovery import ModelRef, ProviderEntry, one_line, typename
from latm.errors import ConfigError, LatmError, MissingDependency, PluginError, Unauthorized
from latm.plugin import Backend, ProviderSpec, Tuner, TunerSpec, read_options

if TYPE_CHECKING:
    from latm._plugins import Plugins

__all__ = ["Resolved", "check_options", "create_backend", "make_backend", "make_tuner", "resolve"]

_OWN_OPTIONS = frozenset({"concurrency", "key_env", "use"})
# Another one in every process, so that a credential that was seen somewhere tells nothing of its key.
_SALT = os.urandom(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A model's provider, and all that its backend is made of.

    Attributes:
        ref: the model.
        entry: its provider; of a name that the configuration defines, the provider behind it.
        options: for `ProviderSpec.create`, ``api_key`` among them; never shown.
        credential: stands for the provider, its ``base_url`` and the key: the same for all models that a
            service counts as one caller's. Worth nothing outside of this process, and never shown.
    """

    ref: ModelRef
    entry: ProviderEntry
    options: Mapping[str, object] = field(repr=False)
    credential: str = field(repr=False)


def create_backend(
    plugins: Plugins,
    ref: ModelRef,
    options: Mapping[str, object] = MappingProxyType({}),
    api_key: str | None = None,
) -> Backend:
    """Make the backend of a model: `resolve`, then `make_backend`, with the errors of both."""
    return make_backend(resolve(plugins, ref, options, api_key))


def resolve(
    plugins: Plugins,
    ref: ModelRef,
    options: Mapping[str, object] = MappingProxyType({}),
    api_key: str | None = None,
) -> Resolved:
    """Find a model's provider, its key and its options; nothing is created, and no SDK imported.

    The key is the explicit one (``api_key``, or the option of that name), else what a plugin's `latm_secret`
    says, else the environment's. The option ``key_env`` names another variable than the provider's own; an
    empty one says that no key is needed. With a ``base_url`` and no ``key_env`` beside it there may be none:
    the provider knows whether it can do without. The option ``use`` names the provider that does the work
    where the reference's is a name of the configuration only, see `Plugins.define`.

    Args:
        plugins: where the provider is looked up.
        ref: the model.
        options: the provider's table of the configuration; passed on, without ``key_env``, ``use`` and
            ``concurrency``.
        api_key: the key, where the application has it at hand.

    Raises:
        UnknownProvider: no plugin offers the provider.
        ConfigError: an option is wrong, or several plugins offer the provider.
        Unauthorized: there is no key; says the environment variable.
    """
    where = f"providers.{ref.provider}"
    if (use := _text(options, "use", where)) is not None:
        plugins.define(ref.provider, use)
    entry = plugins.entry(ref.provider)
    check_options(entry.spec, options, where=where)
    passed = {name: value for name, value in options.items() if name not in _OWN_OPTIONS}
    if api_key is not None:
        passed["api_key"] = api_key
    if passed.get("api_key") is None:
        passed.pop("api_key", None)
        if (key := _find_key(plugins, ref.provider, entry.spec, options)) is not None:
            passed["api_key"] = key
    return Resolved(
        ref=ref,
        entry=entry,
        options=MappingProxyType(passed),
        credential=_credential(entry.spec.name, passed),
    )


def check_options(spec: ProviderSpec, table: Mapping[str, object], *, where: str) -> None:
    """Check a provider's table of the configuration, what is latm's own in it and what is the provider's.

    The latter can be judged only where the provider says what its options are: see `ProviderSpec.options`.

    Raises:
        ConfigError: an unknown option, with the nearest known one, or a value of another type. The value
            itself is never shown: it may be the key.
    """
    _text(table, "use", where)
    _text(table, "key_env", where)
    places = table.get("concurrency", 1)
    if not isinstance(places, int) or isinstance(places, bool) or places < 1:
        raise ConfigError("must be a whole number above 0", where=f"{where}.concurrency")
    if spec.options is not None:
        theirs = {name: value for name, value in table.items() if name not in _OWN_OPTIONS}
        read_options(spec.options, theirs, where=where)


def make_backend(resolved: Resolved) -> Backend:
    """Have the provider make the backend; its SDK is imported now.

    Raises:
        LatmError: what the provider says: a wrong option, a missing key.
        MissingDependency: the SDK is not installed; says the pip line.
        PluginError: the plugin failed otherwise, or what it made is no `Backend`.
    """
    entry, ref = resolved.entry, resolved.ref
    secret = resolved.options.get("api_key")
    try:
        backend = entry.spec.create(ref.model, resolved.options)
    except LatmError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        failure = _creation_error(entry, error, secret if isinstance(secret, str) else "")
    else:
        problem = _no_backend(backend)
        if problem is None:
            return backend
        failure = PluginError(
            f"the provider {ref.provider!r} made {problem}", distribution=entry.distribution
        )
    # Raised out here so that an exception which holds the key does not travel along as context.
    raise failure


def make_tuner(resolved: Resolved, spec: TunerSpec) -> Tuner:
    """Have a plugin make a tuner, with the options and the key of the provider whose models it tunes.

    Raises:
        LatmError: what the plugin says: a wrong option, a missing key.
        MissingDependency: what it needs is not installed; says the pip line.
        PluginError: the plugin failed otherwise, or what it made is no `Tuner`.
    """
    entry = resolved.entry
    secret = resolved.options.get("api_key")
    made: object = None
    failure: LatmError | None = None
    try:
        made = spec.create(resolved.options)
    except LatmError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        like = ProviderSpec(name=spec.name, create=entry.spec.create, extra=spec.extra)
        failure = _creation_error(
            replace(entry, spec=like), error, secret if isinstance(secret, str) else "", what="tuner"
        )
    if failure is None and not isinstance(made, Tuner):
        failure = PluginError(
            f"the tuner {spec.name!r} made {typename(made)}, which is no Tuner",
            distribution=entry.distribution,
        )
    if failure is not None:
        raise failure
    return cast("Tuner", made)


def _credential(provider: str, options: Mapping[str, object]) -> str:
    import hashlib

    place, key = options.get("base_url"), options.get("api_key")
    place = place.rstrip("/") if isinstance(place, str) else place
    key = key.strip() if isinstance(key, str) else key
    return hashlib.sha256(_SALT + repr((provider, place, key)).encode("utf-8", "surrogatepass")).hexdigest()


def _text(options: Mapping[str, object], name: str, where: str) -> str | None:
    value = options.get(name)
    if isinstance(value, str | None):
        return value
    raise ConfigError(f"expected text, got {typename(value)}", where=f"{where}.{name}")


def _find_key(plugins: Plugins, name: str, spec: ProviderSpec, options: Mapping[str, object]) -> str | None:
    """A provider's key; None where there may be none.

    Raises:
        Unauthorized: one is needed, and there is none.
    """
    key_env = options.get("key_env", spec.key_env)
    if key_env == "":
        return None
    if isinstance(key_env, str) and key_env:
        if key := plugins.secret(name, key_env) or os.environ.get(key_env):
            return key
        remedy = (
            f"set the environment variable {key_env}, or name another one as key_env in [providers.{name}]"
        )
    elif name != spec.name and plugins.entry(spec.name).spec.key_env:
        # It has no variable of its own, and the provider behind it would name the wrong one.
        remedy = (
            f"name a variable as key_env in [providers.{name}] and set it, or give the base_url of a server "
            "that needs none"
        )
    else:
        return None
    if "key_env" not in options and options.get("base_url") is not None:
        return None
    raise Unauthorized(f"the provider {name!r} has no key: {remedy}")


def _creation_error(
    entry: ProviderEntry, error: BaseException, secret: str, *, what: str = "provider"
) -> LatmError:
    failure: LatmError
    if isinstance(error, ImportError):
        ours = entry.distribution.partition(" ")[0] == "latm"
        failure = MissingDependency(
            f"the {what} {entry.spec.name!r}",
            module=error.name or str(error),
            extra=entry.spec.extra if ours else None,
            requirement=None if ours else entry.spec.extra,
        )
    else:
        text = one_line(error)
        text = text.replace(secret, "***") if secret else text
        failure = PluginError(
            f"the {what} {entry.spec.name!r} cannot be used: {text}",
            distribution=entry.distribution,
        )
    if not secret or secret not in "".join(traceback.format_exception(error)):
        failure.__cause__ = error
    return failure


def _no_backend(backend: object) -> str | None:
    for method in ("complete", "aclose"):
        if not inspect.iscoroutinefunction(getattr(backend, method, None)):
            return f"{typename(backend)} without an async method {method!r}"
    return None
