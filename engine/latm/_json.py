"""JSON of a service, read strictly, and texts of it, shown briefly."""

from __future__ import annotations

import json
from typing import Any, cast

__all__ = ["parse_object", "shorten"]

_SHOWN_CHARACTERS = 300
# Of what is no JSON; more than is shown, so that a secret in it is whole when it is looked for.
_KEPT_BYTES = 4096


def parse_object(raw: bytes) -> dict[str, Any]:
    """A JSON object, strictly.

    Raises:
        ValueError: it is not JSON, no object, or names a key twice. The text may be long, see `shorten`.
    """
    try:
        value = json.loads(raw, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        start = raw[:_KEPT_BYTES].decode("utf-8", "replace")
        raise ValueError(f"not JSON ({error.msg}): {start!r}" if raw.strip() else "it is empty") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"a JSON {type(value).__name__} instead of an object")  # noqa: TRY004 - one kind
    return cast("dict[str, Any]", value)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def shorten(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "..."
