"""Python literals as people write them: double quotes, no clutter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast


def literal(value: object) -> str:
    """Source of a value made of texts, lists, tuples and mappings."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return f"{{{', '.join(f'{literal(key)}: {literal(each)}' for key, each in pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(literal(each) for each in cast('list[object]', value))}]"
    assert isinstance(value, tuple)
    inside = ", ".join(literal(each) for each in cast("tuple[object, ...]", value))
    return f"({inside},)" if len(cast("tuple[object, ...]", value)) == 1 else f"({inside})"
