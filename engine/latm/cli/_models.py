"""``latm models``."""

from __future__ import annotations

import os

from rich.table import Table

from latm._plugins import Plugins
from latm._rooms import load_plugins
from latm.cli._say import data_console, note, print_json
from latm.cli._setting import ConfigOption, JsonOption, find_config
from latm.config import ROLES


def models(
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """List the providers that plugins offer, and which model fills each role.

    A model is written PROVIDER:MODEL; the provider's own documentation lists its models.
    """
    settings, _ = find_config(config)
    plugins = load_plugins(settings)
    roles = {name: settings.roles[name].model if name in settings.roles else None for name in ROLES}
    providers: list[dict[str, object]] = [
        {
            "provider": name,
            "from": entry.distribution,
            "key_env": entry.spec.key_env,
            "key": None if entry.spec.key_env is None else _has_key(plugins, name, entry.spec.key_env),
        }
        for name, entry in plugins.providers().items()
    ]
    broken = [{"plugin": each.name, "from": each.source, "cause": each.cause} for each in plugins.broken]
    if json_:
        print_json({"providers": providers, "roles": roles, "broken": broken})
        return
    table = Table("provider", "from", "key", box=None, pad_edge=False, header_style="bold")
    for each in providers:
        key = "needs none" if each["key_env"] is None else f"{each['key_env']}: {_word(each['key'])}"
        table.add_row(str(each["provider"]), str(each["from"]), key)
    console = data_console()
    console.print(table)
    console.print()
    table = Table("role", "model", box=None, pad_edge=False, header_style="bold")
    for role, model in roles.items():
        table.add_row(role, model or ("the maker's" if role == "fallback" else "-"))
    console.print(table)
    for fault in broken:
        note(f"broken plugin {fault['plugin']} of {fault['from']}: {fault['cause']}", style="yellow")


def _has_key(plugins: Plugins, provider: str, variable: str) -> bool:
    return bool(plugins.secret(provider, variable) or os.environ.get(variable))


def _word(present: object) -> str:
    return "present" if present else "absent"
