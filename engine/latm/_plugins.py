"""Find plugins, and load each behind a guard of its own; `latm._backends` makes backends of what they offer.

pluggy registers and orders hook implementations. They are then called one by one, here, because pluggy stops
at the first that raises and cannot say whose it was; and they are called at load or create time only, so that
nothing of it is on the way of a question.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar, cast, final

import pluggy

from latm._backends import Resolved, check_options, create_backend, make_backend, resolve
from latm._discovery import (
    HOOKS,
    BrokenPlugin,
    Candidate,
    Hook,
    ModelRef,
    ProviderEntry,
    Stray,
    bad_spec,
    closest,
    given,
    inspect_plugin,
    installed,
    new_manager,
    one_line,
    strays,
    typename,
)
from latm.errors import ConfigError, UnknownProvider, nearest
from latm.plugin import LauncherSpec, ProviderSpec, TunerSpec, Usage

__all__ = [
    "BrokenPlugin",
    "ModelRef",
    "Plugins",
    "ProviderEntry",
    "Resolved",
    "create_backend",
    "make_backend",
    "resolve",
]

ALLOW_VARIABLE = "LATM_PLUGINS"
# So near is a slip; "azure-openai", which is no slip for "openai", is at 0.67.
_SLIP = 0.8
_Spec = TypeVar("_Spec", ProviderSpec, LauncherSpec, TunerSpec)


@final
class Plugins:
    """All plugins that could be loaded, what they offer, and what is wrong with the others.

    Make one with `Plugins.load`.
    """

    def __init__(self) -> None:
        self._broken: list[BrokenPlugin] = []
        self._skipped: dict[str, str] = {}
        self._hooks: dict[str, list[Hook]] = {name: [] for name in HOOKS}
        self._offers: dict[str, list[ProviderEntry]] = {}
        self._aliases: dict[str, str] = {}
        self._launchers: tuple[LauncherSpec, ...] = ()
        self._tuners: tuple[TunerSpec, ...] = ()
        self._strays: tuple[Stray, ...] = ()
        self._failing: set[tuple[str, str, str]] = set()

    @classmethod
    def load(
        cls,
        extra: Mapping[str, object] = MappingProxyType({}),
        *,
        allow: frozenset[str] | None = None,
        disable: Iterable[str] = (),
    ) -> Plugins:
        """Find and load the plugins of all installed distributions, and those handed in.

        Never raises for a plugin's sake: see `broken`.

        Args:
            extra: plugins that need no package, by a name for messages. They are asked before all others
                for secrets and prices.
            allow: names of entry points or distributions that may be loaded, and no others; if None, those
                of the environment variable ``LATM_PLUGINS`` (comma-separated) where it is set, else all.
                Plugins in ``extra`` are always allowed.
            disable: names of entry points, distributions or keys of ``extra`` that are not loaded.
        """
        if allow is None and (listed := os.environ.get(ALLOW_VARIABLE)) is not None:
            allow = frozenset(name.strip() for name in listed.split(",") if name.strip())
        plugins = cls()
        manager = new_manager()
        off = frozenset(disable)
        candidates = (*installed(plugins._broken), *given(extra))
        plugins._strays = (
            *strays(off, candidates, where="[plugins] disable"),
            *strays(allow or (), candidates, where=ALLOW_VARIABLE),
        )
        for candidate in candidates:
            names = {candidate.name, candidate.distribution}
            if off & names:
                plugins._skipped[candidate.name] = f"{candidate.source} is disabled"
            elif allow is not None and candidate.distribution and not (allow & names):
                plugins._skipped[candidate.name] = f"{candidate.source} is not in {ALLOW_VARIABLE}"
            else:
                plugins._register(manager, candidate)
        plugins._collect(manager)
        return plugins

    @property
    def broken(self) -> tuple[BrokenPlugin, ...]:
        """Plugins, or single hooks of them, that failed; it may grow as hooks are called."""
        return tuple(self._broken)

    @property
    def strays(self) -> tuple[Stray, ...]:
        """Names in the lists of disabled and allowed plugins that no plugin has: misspelt, or not there.

        And tables for providers that no plugin offers, as far as `check_options` was asked.
        """
        return self._strays

    @property
    def conflicts(self) -> Mapping[str, tuple[str, ...]]:
        """Provider names that several plugins offer, and the distributions that do."""
        return {
            name: tuple(sorted(entry.distribution for entry in entries))
            for name, entries in self._offers.items()
            if len(entries) > 1
        }

    def providers(self) -> Mapping[str, ProviderEntry]:
        """Every provider that can be used, by name; those in `conflicts` cannot."""
        found = {name: entries[0] for name, entries in self._offers.items() if len(entries) == 1}
        found |= {alias: self.entry(alias) for alias, use in self._aliases.items() if use in found}
        return dict(sorted(found.items()))

    def define(self, alias: str, use: str) -> None:
        """Make a provider name that is another provider with options of its own.

        Its key is its own as well: the environment variable of the other provider is not looked at, since
        its key would go to a host that it is not meant for.

        Args:
            alias: the new name.
            use: the provider that does the work.

        Raises:
            ConfigError: a plugin offers a provider of the new name already.
            UnknownProvider: no plugin offers ``use``.
        """
        where = f"providers.{alias}.use"
        if alias in self._offers:
            sources = " and ".join(entry.distribution for entry in self._offers[alias])
            raise ConfigError(
                f"{alias!r} is a provider of {sources} already; choose another name", where=where
            )
        if use in self._aliases:
            raise ConfigError(f"{use!r} is itself defined by use; name the provider behind it", where=where)
        try:
            self.entry(use)
        except UnknownProvider as error:
            raise UnknownProvider(f"{where}: {error}", provider=use) from None
        self._aliases[alias] = use

    def check_options(self, name: str, table: Mapping[str, object]) -> None:
        """Check a provider's table of the configuration, before any backend is made of it.

        A table for a provider that is not there is let pass and noted in `strays`, since one configuration
        may serve several machines; one whose name is close to a provider's is refused.

        Raises:
            ConfigError: an option is unknown, with the nearest known one, or has a value of another type.
            UnknownProvider: no plugin offers the provider, and one offers another of nearly that name.
        """
        where = f"providers.{name}"
        if name in self._aliases or name in self._offers:
            # Of a name that several offer, each would have to agree: it is an error when it is asked for.
            if name not in self.conflicts:
                check_options(self.entry(name).spec, table, where=where)
            return
        absent = name in self._skipped or any(broken.name == name for broken in self._broken)
        if absent:
            return
        near = closest(name, {*self._offers, *self._aliases}, cutoff=_SLIP)
        if near is not None:
            raise UnknownProvider(
                f"{where}: {self._why_unknown(name)} A name of your own needs use = {near!r}.", provider=name
            )
        self._strays += (Stray(name, "[providers]", None, lack="no plugin offers it"),)

    def provider(self, name: str) -> ProviderSpec:
        """The provider of that name.

        Raises:
            UnknownProvider: no working plugin offers it; says the nearest name, and the broken, disabled or
                not allowed plugins that might have.
            ConfigError: more than one plugin offers it; names their distributions.
        """
        return self.entry(name).spec

    def entry(self, name: str) -> ProviderEntry:
        """Like `provider`, with the distribution that offers it."""
        if name in self._aliases:
            entry = self.entry(self._aliases[name])
            return replace(entry, spec=replace(entry.spec, key_env=None))
        entries = self._offers.get(name, [])
        if len(entries) > 1:
            sources = " and ".join(self.conflicts[name])
            raise ConfigError(
                f"the provider {name!r} is offered by {sources}: disable all but one of them "
                "([plugins] disable = [...])"
            )
        if entries:
            return entries[0]
        raise UnknownProvider(self._why_unknown(name), provider=name)

    def _why_unknown(self, name: str) -> str:
        text = f"no plugin offers the provider {name!r}."
        if name in self._skipped:
            return f"{text} The plugin {name!r} of {self._skipped[name]}."
        # The plugin that is called like the provider is the culprit; failing that, any broken one may be.
        culprits = [broken for broken in self._broken if broken.name == name] or self._broken
        if not any(broken.name == name for broken in culprits):
            text += nearest(name, {*self._offers, *self._aliases})
        for broken in culprits:
            text += f" The plugin {broken.name!r} of {broken.source} is broken: {broken.cause.rstrip('.')}."
        if self._skipped:
            text += f" Not loaded: {', '.join(sorted(self._skipped.values()))}."
        return text

    def secret(self, provider: str, env: str) -> str | None:
        """What the first plugin with an answer gives as a provider's key; None if none has one."""
        for hook in self._hooks["latm_secret"]:
            # Its exception's text may hold the secret, so neither that nor the exception is kept.
            failed = ""
            try:
                key = hook(provider=provider, env=env)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
                failed = f"latm_secret raised {type(error).__name__}"
            else:
                if isinstance(key, str) and key:
                    return key
                if key is not None and key != "":
                    failed = f"latm_secret returned {typename(key)}, not a str or None"
            if failed:
                self._fail(hook.owner, failed)
        return None

    def price(self, model: str, usage: Usage) -> Decimal | None:
        """USD for a call of ``provider:model`` by the first plugin that knows; None if none does."""
        quoted = self.quote(model, usage)
        return None if quoted is None else quoted[0]

    def quote(self, model: str, usage: Usage) -> tuple[Decimal, str] | None:
        """Like `price`, with the distribution of the plugin that knew."""
        for hook in self._hooks["latm_price"]:
            try:
                price = hook(model=model, usage=usage)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
                self._fail(hook.owner, f"latm_price raised {one_line(error)}", error)
                continue
            if isinstance(price, Decimal) and price.is_finite() and price >= 0:
                return price, hook.owner.source
            if price is not None:
                what = f"{price}" if isinstance(price, Decimal) else typename(price)
                self._fail(hook.owner, f"latm_price returned {what}, not a Decimal >= 0 or None")
        return None

    def launchers(self) -> tuple[LauncherSpec, ...]:
        """Every launcher that plugins offer."""
        return self._launchers

    def tuners(self) -> tuple[TunerSpec, ...]:
        """Every tuner that plugins offer."""
        return self._tuners

    def event(self, name: str, fields: Mapping[str, object]) -> None:
        """Tell every listener; what one raises is recorded in `broken`, once for each kind, and no more."""
        listeners = self._hooks["latm_event"]
        if not listeners:
            return
        shown = MappingProxyType(dict(fields))
        for hook in listeners:
            try:
                hook(name=name, fields=shown)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a listener may raise anything
                self._fail(hook.owner, f"latm_event raised {one_line(error)}", error)

    def _fail(self, owner: Candidate, cause: str, error: BaseException | None = None) -> None:
        # A listener that fails fails often: once for each distinct kind is enough, and bounded in memory.
        kind = (owner.source, owner.name, cause.partition(":")[0])
        if kind not in self._failing:
            self._failing.add(kind)
            self._broken.append(owner.broken(cause, error))

    def _register(self, manager: pluggy.PluginManager, candidate: Candidate) -> None:
        name = f"{candidate.source}: {candidate.name}"
        try:
            plugin = candidate.load()
            if any(known is plugin for _, known in manager.list_name_plugin()):
                return  # the application handed in what is installed as well
            problem = inspect_plugin(plugin)
            if problem is None:
                manager.register(plugin, name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - importing it runs its code
            self._broken.append(candidate.broken(one_line(error), error))
            return
        if problem is not None:
            self._broken.append(candidate.broken(problem))
            return
        for caller in manager.get_hookcallers(plugin) or ():
            for implementation in caller.get_hookimpls():
                if implementation.plugin_name == name:
                    hook = Hook(candidate, implementation.function, tuple(implementation.argnames))
                    self._hooks[caller.name].append(hook)

    def _collect(self, manager: pluggy.PluginManager) -> None:
        """Put the hooks into pluggy's order, and ask once for all that is offered."""
        for name, hooks in self._hooks.items():
            # pluggy keeps them in the reverse of the order in which it calls them.
            ranked = [id(each.function) for each in getattr(manager.hook, name).get_hookimpls()][::-1]
            hooks.sort(key=lambda hook: ranked.index(id(hook.function)))
        for owner, spec in self._offered("latm_providers", ProviderSpec):
            entries = self._offers.setdefault(spec.name, [])
            if any(entry.distribution == owner.source for entry in entries):
                self._fail(owner, f"latm_providers offers {spec.name!r} twice")
            else:
                entries.append(ProviderEntry(spec, owner.source))
        self._launchers = tuple(spec for _, spec in self._offered("latm_launchers", LauncherSpec))
        self._tuners = tuple(spec for _, spec in self._offered("latm_tuners", TunerSpec))

    def _offered(self, hook_name: str, kind: type[_Spec]) -> Iterator[tuple[Candidate, _Spec]]:
        for hook in self._hooks[hook_name]:
            try:
                offered = list(cast("Iterable[object]", hook()))
                wrong = next((each for each in offered if not isinstance(each, kind)), None)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise or return anything
                self._fail(hook.owner, f"{hook_name} failed with {one_line(error)}", error)
                continue
            if wrong is not None:
                self._fail(hook.owner, f"{hook_name} returned {typename(wrong)} among its {kind.__name__}s")
                continue
            for spec in cast("list[_Spec]", offered):
                problem = bad_spec(spec)
                if problem is not None:
                    self._fail(hook.owner, f"{hook_name} returned {problem}")
                else:
                    yield hook.owner, spec
