"""Python literals as people write them: double quotes, no clutter."""

from __future__ import annotations

import json
from collections.abc import Mapping


def literal(value: object) -> str:
    """Source of a value of texts, sequences and mappings."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case tuple():
            inside = ", ".join(literal(each) for each in value)
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        case list():
            return f"[{', '.join(literal(each) for each in value)}]"
        case Mapping():
            return f"{{{', '.join(f'{literal(key)}: {literal(each)}' for key, each in value.items())}}}"
        case _:
            return repr(value)
