"""The options that several commands share, and the configuration that they add up to."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from latm.cli._completing import providers
from latm.config import ROLES, Config, LibraryConfig, RoleConfig
from latm.errors import ConfigError, nearest

DEFAULT_CONFIG = "latm.toml"
CONFIG_VARIABLE = "LATM_CONFIG"

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help=f"Configuration file; else ${CONFIG_VARIABLE}, else {DEFAULT_CONFIG} if it is here.",
    ),
]
LibraryOption = Annotated[str | None, typer.Option("--library", help="Library: a file, or a database URL.")]
MakerOption = Annotated[
    str | None,
    typer.Option("--maker", help="Model that makes tools, PROVIDER:MODEL.", autocompletion=providers),
]
UserOption = Annotated[
    str | None,
    typer.Option("--user", help="Model that uses tools, PROVIDER:MODEL.", autocompletion=providers),
]
DispatcherOption = Annotated[
    str | None,
    typer.Option(
        "--dispatcher", help="Model that chooses the tool, PROVIDER:MODEL.", autocompletion=providers
    ),
]
FallbackOption = Annotated[
    str | None,
    typer.Option(
        "--fallback",
        help="Model that answers what no tool can; the maker's if not given.",
        autocompletion=providers,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def find_config(path: Path | None) -> tuple[Config, str | None]:
    """The configuration and the file that it came from; the defaults where there is none.

    Raises:
        ConfigError: the file that was asked for is absent or wrong.
    """
    chosen = path or os.environ.get(CONFIG_VARIABLE)
    if chosen is None and Path(DEFAULT_CONFIG).is_file():
        chosen = DEFAULT_CONFIG
    return (Config(), None) if chosen is None else (Config.load(chosen), str(chosen))


def say_missing(config: Config, given: str | None) -> bool:
    """Say that the library's file is not there, for a command that only looks and makes none.

    Args:
        config: names the library.
        given: the library that the command line names, if it does.

    Raises:
        ConfigError: it does, and there is no such file: an empty library is not what was meant.
    """
    from latm.cli._say import note
    from latm.library import missing_file

    if (absent := missing_file(config.library.url)) is None:
        return False
    if given is None:
        note(f"{absent} is not there yet: it reads as an empty library")
        return True
    file = Path(absent.partition(":///")[2])
    near = nearest(str(file), (str(each) for each in file.parent.glob("*.db")))
    raise ConfigError(f"there is no file {file}{'.' if near else ''}{near}", where="--library")


def library_url(library: str) -> str:
    """A URL as it is, and a file as the URL of its SQLite database.

    Raises:
        ConfigError: it is neither.
    """
    if not library.strip():
        raise ConfigError("is empty: name a file, or a database by its URL", where="--library")
    return library if re.match(r"[\w+.-]+:/", library) else f"sqlite:///{library}"


def build_config(path: Path | None, *, library: str | None = None, **models: str | None) -> Config:
    """The configuration with the command's options laid over it.

    A model given on the command line keeps the other settings of its role.

    Raises:
        ConfigError: the file is absent or wrong.
    """
    config, _ = find_config(path)
    changes: dict[str, Any] = {}
    if library is not None:
        changes["library"] = LibraryConfig(url=library_url(library))
    given = {role: model for role, model in models.items() if model is not None}
    assert given.keys() <= set(ROLES)
    if given:
        roles: dict[str, Any] = dict(config.roles)
        for role, model in given.items():
            own = roles.get(role, RoleConfig(model=model))
            # What is asked for by name is what is used, whatever was promoted.
            roles[role] = dataclasses.replace(own, model=model, pinned=True)
        changes["roles"] = roles
    tree = {item.name: getattr(config, item.name) for item in dataclasses.fields(config)}
    return Config(**{**tree, **changes})
