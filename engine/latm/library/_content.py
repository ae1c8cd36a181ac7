"""Tools as JSON data, and the digest of what a version is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import msgspec

from latm._records import Tool, digest

# What a version is, with the defaults of records from before they had it. Scorecard and provenance are not of
# it: the same tool made twice is the same tool.
_CONTENT: Mapping[str, object] = MappingProxyType(
    {
        "source": None,
        "function": None,
        "contract": "",
        "demonstrations": [],
        "tests": {},
        "checks": [],
        "answer_type": "text",
        "call_style": "code",
        "parser": None,
    }
)


def plain(record: object) -> Any:
    """A record as JSON data."""
    return msgspec.to_builtins(record, enc_hook=_plain_mapping)


def tool_of(record: object) -> Tool:
    """The tool that `plain` was given."""
    return msgspec.convert(record, Tool)


def content_digest(record: Mapping[str, object]) -> str:
    """SHA-256 over what decides on how a tool is used and tested.

    Args:
        record: the tool as JSON data.
    """
    parts = {name: record.get(name, default) for name, default in _CONTENT.items()}
    return digest(json.dumps(parts, ensure_ascii=True, sort_keys=True))


def _plain_mapping(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    raise TypeError(f"{type(value).__name__} has no place in a library")
