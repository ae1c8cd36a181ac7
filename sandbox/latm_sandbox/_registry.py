"""The launchers there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from latm_sandbox._launcher import Launcher, LauncherOptions, LauncherSpec


def _docker(options: LauncherOptions) -> Launcher:
    from latm_sandbox.docker import SPEC

    return SPEC.create(options)


def _bubblewrap(options: LauncherOptions) -> Launcher:
    from latm_sandbox._bubblewrap import SPEC

    return SPEC.create(options)


BUILT_IN = (
    LauncherSpec(name="docker", create=_docker, summary="containers of a Docker engine"),
    LauncherSpec(name="bubblewrap", create=_bubblewrap, summary="namespaces on this machine; weaker"),
)


def find_launcher(name: str, extra: Iterable[LauncherSpec]) -> LauncherSpec:
    """The launcher of that name; an extra one comes before a built-in one.

    Raises:
        ValueError: there is none; names the nearest.
    """
    known = {spec.name: spec for spec in (*BUILT_IN, *extra)}
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(sorted(known))}."
    raise ValueError(f"no launcher is called {name!r}. {hint}")
