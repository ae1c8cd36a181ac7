"""``latm models``."""

from __future__ import annotations

import os

import typer
from rich.table import Table

from latm._plugins import Plugins
from latm._rooms import load_plugins
from latm.cli._ready import wrong_models
from latm.cli._say import note, print_json, print_table
from latm.cli._setting import ConfigOption, JsonOption, find_config
from latm.config import ROLES, Config


def models(
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List the providers that plugins offer, and which model fills each role.

    A model is written PROVIDER:MODEL; the provider's own documentation lists its models.

    Examples: latm models · latm models --config other.toml --json
    """
    settings, _ = find_config(config)
    plugins = load_plugins(settings)
    roles = {name: settings.roles[name].model if name in settings.roles else None for name in ROLES}
    providers: list[dict[str, object]] = [
        {
            "provider": name,
            "from": entry.distribution,
            "key_env": key_of(settings, plugins, name)[0],
            "key": key_of(settings, plugins, name)[1],
        }
        for name, entry in plugins.providers().items()
    ]
    problems = dict(wrong_models(settings, plugins))
    broken = [{"plugin": each.name, "from": each.source, "cause": each.cause} for each in plugins.broken]
    if json_:
        print_json({"providers": providers, "roles": roles, "problems": problems, "broken": broken})
        return
    table = Table("provider", "from", "key", box=None, pad_edge=False, header_style="bold")
    for each in providers:
        key = "needs none" if each["key_env"] is None else f"{each['key_env']}: {_word(each['key'])}"
        table.add_row(str(each["provider"]), str(each["from"]), key)
    print_table(table)
    typer.echo()
    table = Table("role", "model", box=None, pad_edge=False, header_style="bold")
    for role, model in roles.items():
        table.add_row(role, model or ("the maker's" if role == "fallback" and roles["maker"] else "-"))
    print_table(table)
    for problem in problems.values():
        note(problem, style="yellow")
    for fault in broken:
        note(f"broken plugin {fault['plugin']} of {fault['from']}: {fault['cause']}", style="yellow")


def key_of(settings: Config, plugins: Plugins, provider: str) -> tuple[str | None, bool | None]:
    """The variable of a provider's key, and whether there is a key; None twice where it needs none."""
    options = settings.providers.get(provider, {})
    variable = options.get("key_env", plugins.provider(provider).key_env)
    if not isinstance(variable, str) or not variable:
        return None, None
    key = options.get("api_key") or plugins.secret(provider, variable) or os.environ.get(variable)
    return variable, bool(key)


def _word(present: object) -> str:
    return "present" if present else "absent"
