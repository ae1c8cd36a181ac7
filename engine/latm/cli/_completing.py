"""What a shell may complete: names out of the library, roles and providers. Nothing here prints or raises."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from latm.config import ROLES

if TYPE_CHECKING:
    from latm.library import Library

Completer = Callable[[typer.Context, str], list[str]]


def tool_names(context: typer.Context, incomplete: str) -> list[str]:
    """The tools of the library that the command line names so far."""
    with suppress(Exception), _looked(context) as store:
        return _beginning(store.names(), incomplete)
    return []


def tunings(context: typer.Context, incomplete: str) -> list[str]:
    """The tunings that have a training job, and the runs of the jobs."""
    with suppress(Exception), _looked(context) as store:
        jobs = store.tunings()
        return _beginning(
            [*dict.fromkeys(each.name for each in jobs), *(each.key for each in jobs)], incomplete
        )
    return []


def role_names(_context: typer.Context, incomplete: str) -> list[str]:
    """The roles."""
    return _beginning(ROLES, incomplete)


def providers(context: typer.Context, incomplete: str) -> list[str]:
    """The providers that plugins offer, each with the colon behind which its own model's name stands."""
    from latm._rooms import load_plugins
    from latm.cli._setting import find_config

    with suppress(Exception):
        settings, _ = find_config(_path(context))
        return _beginning([f"{name}:" for name in load_plugins(settings).providers()], incomplete)
    return []


def one_of(*names: str) -> Completer:
    """Completes one of a few names."""

    def complete(_context: typer.Context, incomplete: str) -> list[str]:
        return _beginning(names, incomplete)

    return complete


@contextmanager
def _looked(context: typer.Context) -> Generator[Library, None, None]:
    from latm.cli._setting import build_config
    from latm.library import Library

    config = build_config(_path(context), library=context.params.get("library"))
    store = Library(config.library.url, create=False)
    try:
        yield store
    finally:
        store.close()


def _path(context: typer.Context) -> Path | None:
    given = context.params.get("config")
    return None if given is None else Path(given)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
