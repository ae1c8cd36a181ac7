"""``latm doctor``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import typer
from rich.markup import escape

from latm._events import Events
from latm._plugins import ModelRef, Plugins, create_backend
from latm._roles import provider_options
from latm._rooms import load_plugins, open_sandbox
from latm.cli._bars import waiting
from latm.cli._models import key_of
from latm.cli._say import NOT_ACHIEVED, data_console, print_json
from latm.cli._setting import ConfigOption, JsonOption, LibraryOption, find_config, library_url
from latm.config import Config
from latm.errors import ConfigError, LatmError
from latm_sandbox import Finding, SandboxError


def doctor(
    library: LibraryOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Check Python, Docker, the image, plugins, keys and the library, and say what to do for each failure.

    Keys are only said to be present or absent. No model is called.

    Examples: latm doctor · latm doctor --library shared.db --json
    """
    with waiting("looking"):
        findings = list(_examine(config, library))
    if json_:
        print_json(findings)
    else:
        console = data_console()
        for each in findings:
            mark = "[green]ok     [/green]" if each.ok else "[red]problem[/red]"
            console.print(f"{mark} [bold]{escape(each.name)}[/bold]: {escape(each.detail)}")
            if each.remedy and not each.ok and each.remedy not in each.detail:
                console.print(f"        {escape(each.remedy)}")
    if not all(each.ok for each in findings):
        raise typer.Exit(NOT_ACHIEVED)


def _examine(path: Path | None, library: str | None) -> Iterator[Finding]:
    yield _finding("python", f"{sys.version.split()[0]} at {sys.executable}")
    settings = Config()
    try:
        settings, source = find_config(path)
        yield _finding("configuration", source or "none; the defaults hold")
    except ConfigError as error:
        yield _problem("configuration", str(error), "mend the file, or give another with --config")
    try:
        plugins = load_plugins(settings)
    except ConfigError as error:
        yield _problem("providers", str(error), "mend it in the configuration")
        plugins = load_plugins(Config())
    yield _finding("providers", ", ".join(plugins.providers()) or "none")
    for each in plugins.broken:
        yield _problem(
            f"plugin {each.name}",
            f"{each.source}: {each.cause}",
            "mend or uninstall it, or add it to [plugins] disable",
        )
    for stray in plugins.strays:
        # Not to be there is what a disabled plugin is to be; a near name is a slip that lets one in.
        note = _finding("plugins", str(stray)) if stray.near is None else None
        yield note or _problem("plugins", str(stray), f"write {stray.near!r} in {stray.where}")
    yield from _roles(settings, plugins)
    yield from _keys(settings, plugins)
    yield from _sandbox(settings, plugins)
    yield from _library(library, settings)


def _roles(settings: Config, plugins: Plugins) -> Iterator[Finding]:
    if not settings.filled:
        yield _finding("roles", "no model fills one yet; [roles] in latm.toml names them")
    for name, role in settings.filled.items():
        title = f"role {name}"
        try:
            ref = ModelRef.parse(role.model, where=f"roles.{name}")
            backend = create_backend(plugins, ref, provider_options(settings, ref.provider))
        except LatmError as error:
            yield _problem(title, str(error), "")
        else:
            anyio.run(backend.aclose)
            yield _finding(title, role.model)


def _keys(settings: Config, plugins: Plugins) -> Iterator[Finding]:
    in_use = {role.model.partition(":")[0] for role in settings.filled.values()}
    for name in plugins.providers():
        variable, present = key_of(settings, plugins, name)
        # Whether one is missing where a role needs it has been said with the role.
        if variable is not None and (present or name not in in_use):
            state = "present" if present else "absent; needed only if a role uses this provider"
            yield _finding(f"key of {name}", f"{variable} is {state}")


def _sandbox(settings: Config, plugins: Plugins) -> Iterator[Finding]:
    async def check() -> tuple[Finding, ...]:
        async with open_sandbox(settings, plugins, Events(None, plugins.event)) as sandbox:
            return await sandbox.check()

    try:
        yield from anyio.run(check)
    except (LatmError, SandboxError) as error:
        yield _problem("sandbox", str(error), getattr(error, "remedy", ""))


def _library(library: str | None, settings: Config) -> Iterator[Finding]:
    from latm.library import Library, missing_file
    from latm.tuner.promotion import watch

    url = settings.library.url if library is None else library_url(library)
    if (absent := missing_file(url)) is not None:
        yield _finding("library", f"{absent} does not exist yet; it is made when it is first used")
        return
    try:
        store = Library(url)
    except LatmError as error:
        yield _problem("library", str(error), "")
        return
    try:
        yield _finding("library", f"{store.url}, tools in use: {len(store.list())}")
        for said, well in watch(store, now=datetime.now(UTC)):
            yield Finding(name="promotion", ok=well, detail=said, remedy="")
    except LatmError as error:
        yield _problem("library", str(error), "")
    finally:
        store.close()


def _finding(name: str, detail: str) -> Finding:
    return Finding(name=name, ok=True, detail=detail, remedy="")


def _problem(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name=name, ok=False, detail=detail, remedy=remedy)
