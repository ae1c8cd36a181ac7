"""What a function gave, as JSON, for programs that know nothing of Python."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any, cast


def as_json(value: object) -> Any:  # noqa: PLR0911 - one return for each kind of value
    """A value of a cell as JSON data.

    Tuples and sets are lists, a set's in the order of its items' JSON; dates and times are ISO 8601; bytes
    are base64; a mapping whose keys are not all texts is a list of pairs; NaN, the infinities and the other
    numbers are texts.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)  # JSON has no NaN and no infinity
        case str():
            return as_text(value)
        case bytes():
            return base64.b64encode(value).decode()
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return [as_json(each) for each in cast("Iterable[object]", value)]
        case set() | frozenset():
            return sorted(
                (as_json(each) for each in cast("Iterable[object]", value)),
                key=lambda each: json.dumps(each, sort_keys=True),
            )
        case dict():
            return _mapping(cast("Mapping[object, object]", value))
        case _:
            return str(value)


def as_text(text: str) -> str:
    """A text that UTF-8 can hold: lone surrogates, which models and functions may write, are replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shown(value: object) -> str:
    """A value as a text to read: a text as it is, all else as JSON."""
    return as_text(value) if isinstance(value, str) else json.dumps(as_json(value), ensure_ascii=False)


def _mapping(mapping: Mapping[object, object]) -> Any:
    if all(isinstance(key, str) for key in mapping):
        return {as_text(str(key)): as_json(each) for key, each in mapping.items()}
    # 1 and "1" would be one key of a JSON object.
    return [[as_json(key), as_json(each)] for key, each in mapping.items()]
