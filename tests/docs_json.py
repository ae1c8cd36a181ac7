"""What docs/cli.md says of the JSON of each command, for the tests that hold it against what is printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import cast

from house import ROOT

SHARED = {
    "usage": {"input", "cache_read", "cache_write", "output"},
    "cost": {"calls", "usage", "cost_usd"},
    "spent": {"calls", "usage", "cost_usd"},
}
"""Objects that the page explains once."""


@cache
def documented() -> Mapping[str, frozenset[str]]:
    """The keys that the page has in the first column of its tables, by command, such as ``tools[].name``."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    _, _, part = text.partition("## The JSON\n")
    found: dict[str, frozenset[str]] = {}
    for section in part.split("\n### latm ")[1:]:
        title, _, body = section.partition("\n")
        cells = re.findall(r"^\| (`.*?) \|", body, re.MULTILINE)
        found[title] = frozenset(key for cell in cells for key in re.findall(r"`([^`]+)`", cell))
    return found


def differences(command: str, data: object) -> list[str]:
    """What was printed and is not documented, or the other way round, among the keys that the page names."""
    keys = documented()[command]
    return [*_compared(keys, data, "")]


def _compared(keys: frozenset[str], data: object, at: str) -> Iterator[str]:
    if isinstance(data, list):
        for each in cast("list[object]", data):
            yield from _compared(keys, each, f"{at}[]")
        return
    if not isinstance(data, dict):
        return
    found = cast("dict[str, object]", data)
    start = f"{at}." if at else ""
    known = {key.removeprefix(start).partition(".")[0] for key in keys if key.startswith(start)}
    known = {key.removesuffix("[]") for key in known} or SHARED.get(at.rpartition(".")[2], set())
    if known:
        yield from (f"{start}{key} is not documented" for key in found.keys() - known)
        yield from (f"{start}{key} is not printed" for key in known - found.keys())
    for key, value in found.items():
        yield from _compared(keys, value, f"{start}{key}")
