"""What is wrong with a configuration, found before a library is made and a model is asked and paid."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio

from latm._backends import make_backend, resolve
from latm._events import Events
from latm._examples import distinct
from latm._plugins import ModelRef, Plugins
from latm._records import Example, slug
from latm._roles import provider_options
from latm._rooms import load_plugins, open_sandbox
from latm.cli._say import note
from latm.config import Config
from latm.errors import ConfigError, LatmError, Unauthorized

if TYPE_CHECKING:
    from latm.tuner import TuningSpec


def wrong_models(settings: Config, plugins: Plugins) -> Iterator[tuple[str, str]]:
    """The roles whose model nobody can be, and why; whether a service has the model is not asked."""
    for name, role in settings.filled.items():
        try:
            plugins.provider(ModelRef.parse(role.model, where=f"roles.{name}").provider)
        except LatmError as error:
            said = str(error)
            yield name, said if said.startswith("roles.") else f"roles.{name}: {said}"


def check_solving(settings: Config) -> LatmError | None:
    """Look whether all whom a question may lead to can be asked.

    A library with tools is of use without the strong model, too: a note says what is missing then.

    Returns:
        Why not even a tool can be chosen and used; None where it can. A question that came before, or that a
        tool's own parser takes, is answered all the same.

    Raises:
        LatmError: the configuration is wrong; or somebody cannot be asked, and there is no tool yet.
    """
    from latm.library import Library, missing_file

    config, plugins = _looked_at(settings)
    if said := [problem for _, problem in wrong_models(config, plugins)]:
        raise ConfigError("; ".join(said))
    using = ["dispatcher", *(["user"] if "user" in config.roles else [])]
    strong = ["fallback"] if config.has_fallback else []
    absent = missing_file(settings.library.url) is not None
    lack = _lack(config, plugins, [*using, *strong], create=absent)
    if lack is None:
        if "maker" in config.roles and (none := _lack(config, plugins, ["maker"])) is not None:
            note(f"no tool will be made: {none}", "yellow")
        return None
    with closing(Library(settings.library.url, create=False)) as library:
        if not library.names():
            raise lack
    if _lack(config, plugins, using) is not None:
        return lack
    note(f"what no tool answers stays unanswered: {lack}", "yellow")
    return None


def check_making(
    settings: Config, task: str, examples: Sequence[Example], *, protocol: str | None, answer_type: str | None
) -> None:
    """Look whether all whom a making asks can be asked, and whether what it is given is anything.

    Raises:
        LatmError: something is wrong or missing.
    """
    from latm._answers import answer_type as named
    from latm.maker import check_enough
    from latm.maker.strict import split

    config, plugins = _looked_at(settings)
    slug(task)
    if answer_type is not None:
        named(answer_type)
    chosen: dict[str, Any] = {} if protocol is None else {"protocol": protocol}
    making = dataclasses.replace(config.making, instances=None, **chosen)
    known = distinct(examples)
    check_enough(task, known, making)
    asked = ["maker"]
    if making.protocol == "strict":
        asked += [] if making.second_opinion is None else [making.second_opinion]
        asked += ["user"] if "user" in config.roles and split(known, making).unseen else []
    if (lack := _lack(config, plugins, asked, create=True)) is not None:
        raise lack


def check_tuning(settings: Config, spec: TuningSpec) -> None:
    """Look whether the model that is tuned can be had, before the texts that it is tuned on are paid for.

    Raises:
        LatmError: something is wrong or missing.
    """
    from latm.tuner.offers import find

    config, plugins = _looked_at(settings)
    base = find(plugins, spec).base
    resolve(plugins, base, provider_options(config, base.provider))


def _looked_at(settings: Config) -> tuple[Config, Plugins]:
    """The configuration as an engine will have it, with what its library promotes; no library is made."""
    from latm.library import Library
    from latm.tuner.promotion import with_promotions

    plugins, unheard = load_plugins(settings), Events(None, _ignore)
    open_sandbox(settings, plugins, unheard)
    with closing(Library(settings.library.url, create=False)) as library:
        config = with_promotions(settings, library, now=datetime.now(UTC), events=unheard)
    return config, plugins


def _lack(
    config: Config, plugins: Plugins, roles: Iterable[str], *, create: bool = False
) -> LatmError | None:
    """Why some of these roles cannot be asked; with `create` all is tried, but for the call itself."""
    keyless: dict[str, list[str]] = {}
    for name in dict.fromkeys(roles):
        own = "maker" if name == "fallback" and name not in config.roles else name
        try:
            ref = ModelRef.parse(config.role(name).model, where=f"roles.{own}")
            found = resolve(plugins, ref, provider_options(config, ref.provider))
            if create:
                anyio.run(make_backend(found).aclose)
        except Unauthorized as error:
            keyless.setdefault(str(error), []).append(f"roles.{own}")
        except LatmError as error:
            return error
    if not keyless:
        return None
    return Unauthorized("; ".join(f"{', '.join(names)}: {said}" for said, names in keyless.items()))


def _ignore(_name: str, _fields: Mapping[str, object]) -> None:
    """The engine that is opened next tells of the same."""
