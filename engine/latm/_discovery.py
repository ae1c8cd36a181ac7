"""Find plugins and look at each before anything of it is used; what is wrong is said, never raised."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pluggy

from latm import hookspecs
from latm.errors import ConfigError, nearest
from latm.plugin import LauncherSpec, ProviderSpec, TunerSpec

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = [
    "HOOKS",
    "BrokenPlugin",
    "Candidate",
    "Hook",
    "ModelRef",
    "ProviderEntry",
    "Stray",
    "bad_spec",
    "closest",
    "given",
    "inspect_plugin",
    "installed",
    "new_manager",
    "one_line",
    "strays",
    "typename",
]

ENTRY_POINT_GROUP = "latm"
HOOKS = frozenset(hookspecs.__all__)


@dataclass(frozen=True, slots=True)
class ModelRef:
    """``provider:model``; the model is opaque to latm.

    Attributes:
        provider: what stands before the first colon.
        model: all behind it, further colons included.
    """

    provider: str
    model: str

    @classmethod
    def parse(cls, text: str, *, where: str | None = None) -> ModelRef:
        """Split a reference at its first colon.

        Raises:
            ConfigError: there is no colon, or nothing before or behind it.
        """
        provider, colon, model = text.partition(":")
        if not colon:
            raise ConfigError(
                f"{text!r} names no provider: write provider:model, such as 'openai:{text or 'NAME'}'",
                where=where,
            )
        if not provider.strip() or not model.strip():
            missing = "model" if provider.strip() else "provider"
            raise ConfigError(f"{text!r} has an empty {missing}: write provider:model", where=where)
        return cls(provider.strip(), model.strip())

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """A provider and where it came from.

    Attributes:
        spec: as the plugin offered it.
        distribution: name and version of the plugin's distribution.
    """

    spec: ProviderSpec
    distribution: str


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that cannot be used, wholly or in one of its hooks.

    Attributes:
        name: of its entry point, or its key in ``Engine(plugins=...)``.
        distribution: that brought it; empty where the application handed it in.
        version: of that distribution.
        cause: what was wrong, in one line.
        error: the exception, where there was one.
    """

    name: str
    distribution: str
    version: str
    cause: str
    error: BaseException | None = field(default=None, repr=False, compare=False)

    @property
    def source(self) -> str:
        """Name and version of the distribution, for people."""
        return f"{self.distribution} {self.version}".strip() or f"plugins[{self.name!r}]"


@dataclass(frozen=True, slots=True)
class Stray:
    """A name in a list of plugins or providers that no plugin has, or offers.

    Attributes:
        name: as it stands in the list.
        where: the list.
        near: the nearest name that a plugin has; None if none is near.
        lack: what there is not.
    """

    name: str
    where: str
    near: str | None
    lack: str = "no plugin is called so"

    def __str__(self) -> str:
        hint = f" Did you mean {self.near!r}?" if self.near else ""
        return f"{self.where} names {self.name!r}, but {self.lack}.{hint}"


@dataclass(frozen=True, slots=True)
class Candidate:
    name: str
    distribution: str
    version: str
    load: Callable[[], object]

    @property
    def source(self) -> str:
        return self.broken("").source

    def broken(self, cause: str, error: BaseException | None = None) -> BrokenPlugin:
        return BrokenPlugin(self.name, self.distribution, self.version, cause, error)


@dataclass(frozen=True, slots=True)
class Hook:
    """One implementation of one hook, ready to be called without pluggy."""

    owner: Candidate
    function: Callable[..., object]
    arguments: tuple[str, ...]

    def __call__(self, **values: object) -> object:
        return self.function(*(values[name] for name in self.arguments))


def new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("latm")
    manager.add_hookspecs(hookspecs)
    return manager


def inspect_plugin(plugin: object) -> str | None:
    """What is wrong with a plugin's hooks; None if nothing is."""
    if plugin is None:
        return "it is None"
    # A manager of its own, since check_pending() speaks of the first unknown hook of any plugin.
    probe = new_manager()
    try:
        probe.register(plugin, "probe")
    except pluggy.PluginValidationError as error:
        return " ".join(str(error).split())
    callers = probe.get_hookcallers(plugin) or []
    try:
        probe.check_pending()
    except pluggy.PluginValidationError:
        unknown = sorted(caller.name for caller in callers if not caller.has_spec())
        return f"there is no hook {unknown[0]!r}.{nearest(unknown[0], HOOKS)}"
    return _bad_hooks(plugin, callers)


def _bad_hooks(plugin: object, callers: list[pluggy.HookCaller]) -> str | None:
    for caller in callers:
        for implementation in caller.get_hookimpls():
            function = implementation.function
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                return f"{caller.name} is async; hooks are synchronous"
            if implementation.hookwrapper or implementation.wrapper:
                return f"{caller.name} is a wrapper; hooks are called one by one"
    found = {caller.name for caller in callers}
    bare = sorted(name for name in HOOKS - found if inspect.isroutine(getattr(plugin, name, None)))
    if bare:
        return f"{bare[0]} is not marked with @hookimpl"
    return None if found else "it implements no hook"


def bad_spec(spec: ProviderSpec | LauncherSpec | TunerSpec) -> str | None:
    name: Any = spec.name  # a plugin's: the annotation promises more than anyone checked
    if not isinstance(name, str) or not name or ":" in name or name != name.strip():
        return f"a spec whose name is {name!r}; a name is text without a colon"
    if isinstance(spec, LauncherSpec):
        return None  # the sandbox judges its own
    create: Any = spec.create
    if not callable(create):
        return f"the spec {name!r} whose create is {typename(create)}, not callable"
    return _bad_provider(spec) if isinstance(spec, ProviderSpec) else None


def _bad_provider(spec: ProviderSpec) -> str | None:
    texts: dict[str, Any] = {"key_env": spec.key_env, "extra": spec.extra}
    for field_name, value in texts.items():
        if not isinstance(value, str | None):
            return f"the spec {spec.name!r} whose {field_name} is {typename(value)}, not a str or None"
    options: Any = spec.options
    if options is None or (isinstance(options, type) and hasattr(options, "__dataclass_fields__")):
        return None
    return f"the spec {spec.name!r} whose options is {typename(options)}, not a dataclass"


def installed(broken: list[BrokenPlugin]) -> Iterator[Candidate]:
    """The entry points of every distribution on the path; the first of a name hides later ones."""
    from importlib import metadata

    seen: set[str] = set()
    found: list[Candidate] = []
    for distribution in metadata.distributions():
        name = "?"
        try:
            name = _name(distribution)
            normal = re.sub(r"[-_.]+", "-", name).lower()
            if normal in seen:
                continue
            seen.add(normal)
            found += [
                Candidate(point.name, name, distribution.version or "?", point.load)
                for point in distribution.entry_points
                if point.group == ENTRY_POINT_GROUP
            ]
        except Exception as error:  # noqa: BLE001 - damaged metadata of any package on the machine
            broken.append(BrokenPlugin(name, name, "?", f"damaged metadata: {one_line(error)}", error))
    yield from sorted(found, key=lambda each: (each.name, each.distribution))


def _name(distribution: Distribution) -> str:
    """A distribution's name, without parsing the rest of its metadata: that is read of every one there is."""
    text = distribution.read_text("METADATA") or ""
    found = re.search(r"^Name:[ \t]*(\S+)", text, re.MULTILINE)
    return found[1] if found else distribution.metadata["Name"] or "?"


def given(extra: Mapping[str, object]) -> Iterator[Candidate]:
    for name, plugin in extra.items():
        yield Candidate(name, "", "", partial(_same, plugin))


def strays(names: Iterable[str], candidates: Iterable[Candidate], *, where: str) -> Iterator[Stray]:
    """The names of a list that stand for none of the plugins that were found."""
    known = {name for each in candidates for name in (each.name, each.distribution) if name}
    for name in sorted(set(names) - known):
        yield Stray(name, where, closest(name, known))


def closest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The nearest of the known names; None if none is near enough (0.0 any, 1.0 the same) to be meant."""
    import difflib

    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=cutoff)), None)


def _same(plugin: object) -> object:
    return plugin


def one_line(error: BaseException) -> str:
    text = ""
    with contextlib.suppress(Exception):  # an exception of a plugin's own may fail at this too
        text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def typename(value: object) -> str:
    return f"a {type(value).__name__}"
