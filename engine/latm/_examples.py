"""Examples: read from a file, and each question once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from latm._reading import folded
from latm._records import Example
from latm.errors import ConfigError, nearest

_KEYS = ("question", "answer")


def distinct(examples: Iterable[Example]) -> tuple[Example, ...]:
    """The examples without repeated questions, which would verify a function on what it was shown.

    Raises:
        ConfigError: one is no example, or its question or answer is no text; ``where`` says which.
    """
    found: dict[str, Example] = {}
    for number, example in enumerate(examples):
        _check(example, f"examples[{number}]")
        found.setdefault(folded(example.question), example)
    return tuple(found.values())


def _check(example: object, where: str) -> None:
    """Refuse what is no example, whatever the types of its caller say."""
    if not isinstance(example, Example):
        what = type(example).__name__
        raise ConfigError(f"must be an Example(question, answer), not {what}", where=where)
    for key in _KEYS:
        value: object = getattr(example, key)
        if not isinstance(value, str):
            raise ConfigError(f"{key!r} must be text, not {type(value).__name__}", where=where)
    if not example.question.strip():
        raise ConfigError("'question' is empty", where=where)


def read_examples(path: str | Path) -> tuple[Example, ...]:
    """Read JSON Lines: one object a line with the texts ``question`` and ``answer``; empty lines are skipped.

    Raises:
        ConfigError: the file cannot be read, or a line is wrong; ``where`` is ``FILE:LINE``.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"cannot be read: {reason}", where=str(path)) from None
    # Not splitlines(): a question may hold U+2028, which JSON allows inside a text.
    examples = [
        _example(line, f"{path}:{number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not examples:
        raise ConfigError("holds no example", where=str(path))
    return tuple(examples)


def _example(line: str, where: str) -> Example:
    try:
        data: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"is no JSON: {error}", where=where) from None
    if not isinstance(data, dict):
        raise ConfigError('must be an object: {"question": ..., "answer": ...}', where=where)
    fields = cast("dict[str, object]", data)
    for key in fields:
        if key not in _KEYS:
            raise ConfigError(f"unknown key {key!r}.{nearest(key, _KEYS)}", where=where)
    values: list[str] = []
    for key in _KEYS:
        value = fields.get(key)
        if not isinstance(value, str):
            what = "is missing" if key not in fields else f"must be text, not {type(value).__name__}"
            raise ConfigError(f"{key!r} {what}", where=where)
        values.append(value)
    if not values[0].strip():
        raise ConfigError("'question' is empty", where=where)
    return Example(*values)
