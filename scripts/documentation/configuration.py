"""Write the tables of docs/configuration.md from the records of latm, of the sandbox and of the providers.

`python scripts/documentation/configuration.py` writes what stands behind the mark; a test compares it. What a
key means is said once, in the docstring of its record.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import griffe

from latm import config
from latm.plugin import ProviderSpec
from latm_anthropic import latm_providers as anthropic
from latm_local import latm_providers as local
from latm_openai import latm_providers as openai
from latm_replay import latm_providers as replay
from latm_sandbox import Limits

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
MARK = "<!-- From here on written by scripts/documentation/configuration.py. -->\n"
TABLES: tuple[tuple[str, type], ...] = (
    ("roles.ROLE", config.RoleConfig),
    ("sandbox", config.SandboxConfig),
    ("sandbox.limits", Limits),
    ("library", config.LibraryConfig),
    ("making", config.MakingConfig),
    ("making.stage", config.StageLimit),
    ("auditing", config.AuditingConfig),
    ("budget", config.BudgetConfig),
    ("budget.run", config.Limit),
    ('prices."PROVIDER:MODEL"', config.Price),
    ("retry", config.RetryConfig),
    ("events", config.EventsConfig),
    ("plugins", config.PluginsConfig),
)
NOTES = {
    "roles.ROLE": "ROLE is `maker`, `user`, `dispatcher` or `fallback`. A role may also be its model alone: "
    '`user = "openai:gpt-5.6-luna"`.',
    'prices."PROVIDER:MODEL"': "A key may end with `*`, for all models whose names begin so; a model's "
    "own entry goes before the longest such beginning. See [costs and budgets](costs.md#prices).",
    "budget.run": "The same keys as in `[budget.task]`, `[budget.day]` and each table in `[budget.roles]`.",
}
PLAIN: dict[Any, str] = {
    bool: "true or false",
    date: "date",
    Decimal: "amount",
    float: "number",
    int: "whole number",
    str: "text",
}


def type_of(hint: Any) -> str:
    """What one writes for a type in TOML."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, inside = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return " or ".join(type_of(each) for each in inside if each is not NoneType)
    if origin is Literal:
        return " or ".join(f'`"{each}"`' for each in inside)
    if origin is tuple:
        return f"list of {type_of(inside[0])}s"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "table"
    if dataclasses.is_dataclass(hint):
        return "table"
    raise TypeError(f"no word for {hint!r} in a configuration: add it to {__file__}")


def default_of(field: dataclasses.Field[Any]) -> str:
    """A key's default as TOML; a dash for a key that has to be there, and for none."""
    if field.default is dataclasses.MISSING:
        return "" if field.default_factory is dataclasses.MISSING else "`{}`"
    value = field.default
    if value is None:
        return ""
    if dataclasses.is_dataclass(value):
        return "`{}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    return "`[]`" if value == () else f"`{value}`"


def prose(text: str) -> str:
    """A docstring's text on one line of Markdown, as it may stand in a table."""
    return re.sub(r"``([^`]+)``", r"`\1`", " ".join(text.split())).replace("|", "\\|")


def public(record: type) -> list[dataclasses.Field[Any]]:
    """What can be given to a record."""
    fields: list[dataclasses.Field[Any]] = list(dataclasses.fields(record))
    return [field for field in fields if field.init and not field.name.startswith("_")]


def described(record: type) -> tuple[str, dict[str, str]]:
    """The first paragraph of a record's docstring, and what it says of each attribute.

    Raises:
        LookupError: an attribute is not described.
    """
    sections = griffe.parse_google(griffe.Docstring(record.__doc__ or "", lineno=1))
    said: dict[str, str] = {}
    summary = ""
    for section in sections:
        if isinstance(section, griffe.DocstringSectionText):
            summary = prose(section.value.split("\n\n")[0])
        elif isinstance(section, griffe.DocstringSectionAttributes):
            said |= {item.name: prose(item.description) for item in section.value}
    missing = [field.name for field in public(record) if field.name not in said]
    if missing:
        raise LookupError(f"the docstring of {record.__name__} does not say what {', '.join(missing)} is")
    return summary, said


def table(name: str, record: type) -> Iterator[str]:
    """The section of one table."""
    summary, said = described(record)
    hints = get_type_hints(record)
    yield f"## `[{name}]`\n"
    yield f"{summary}\n"
    if name in NOTES:
        yield f"{NOTES[name]}\n"
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    for field in public(record):
        yield f"| `{field.name}` | {type_of(hints[field.name])} | {default_of(field)} | {said[field.name]} |"
    yield ""


def provided() -> Iterator[tuple[str, type]]:
    """The options of the providers that come with latm."""
    for offered in (openai, anthropic, replay, local):
        for spec in offered():
            assert isinstance(spec, ProviderSpec)
            if spec.options is not None:
                yield f"providers.{spec.name}", spec.options


def written() -> str:
    """What stands behind the mark."""
    tables = [*TABLES, *provided()]
    return "\n".join(line for name, record in tables for line in table(name, record))


def main() -> None:
    """Write the page anew behind its mark."""
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{head}{mark}\n{written()}", encoding="utf-8")


if __name__ == "__main__":
    main()
