"""Samples, and the files that hold them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import cast

from latm.errors import ConfigError, DataError, nearest

_NOTHING: Mapping[str, str] = MappingProxyType({})
_KEYS = ("text", "label", "id", "attributes", "by")
LARGEST_BYTES = 64 * 1024 * 1024
"""No file of samples is larger: tens of thousands of mails."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A text and its label.

    Attributes:
        text: the text.
        label: one of the labels of its tuning.
        id: names it in findings; the line of its file where it has none of its own.
        attributes: what its writer was told to vary: ``{"tone": "angry"}``.
        by: the model that wrote it, ``provider:model``; empty for a real one.
    """

    text: str
    label: str
    id: str = field(default="", kw_only=True)
    attributes: Mapping[str, str] = field(default_factory=lambda: _NOTHING, kw_only=True)
    by: str = field(default="", kw_only=True)


def read_samples(path: str | Path, labels: Iterable[str] = ()) -> tuple[Sample, ...]:
    """Read JSON Lines: an object a line with the texts ``text`` and ``label``; empty lines are skipped.

    ``id``, ``attributes`` and ``by`` may stand beside them. A sample without an id gets ``line 17``.

    Args:
        path: the file.
        labels: those that are allowed; any where none are given.

    Raises:
        ConfigError: the file cannot be read, or is larger than `LARGEST_BYTES`.
        DataError: lines are wrong; names each.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConfigError(
                f"has {path.stat().st_size:,} bytes; at most {LARGEST_BYTES:,} are read", where=str(path)
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"cannot be read: {reason}", where=str(path)) from None
    known = tuple(labels)
    samples: list[Sample] = []
    problems: list[str] = []
    # Not splitlines(): a text may hold U+2028, which JSON allows.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            samples.append(_sample(line, number, known))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise DataError(problems, where=str(path))
    if not samples:
        raise DataError(["holds no sample"], where=str(path))
    return tuple(samples)


def write_samples(path: str | Path, samples: Sequence[Sample]) -> None:
    """Write samples as `read_samples` reads them; the file is whole or as it was.

    Raises:
        ConfigError: it cannot be written.
    """
    path = Path(path)
    lines = "".join(json.dumps(_fields(each), ensure_ascii=False) + "\n" for each in samples)
    fresh: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "wb", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            fresh = Path(file.name)
            file.write(lines.encode("utf-8", "backslashreplace"))
            # On the disk before it takes the place of what may be nowhere else: labels that a person gave.
            file.flush()
            os.fsync(file.fileno())
        # Real mails may be there: whoever closed the file to others keeps it so.
        fresh.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        fresh.replace(path)
    except OSError as error:
        if fresh is not None:
            fresh.unlink(missing_ok=True)
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(path)) from None


def _fields(sample: Sample) -> dict[str, object]:
    found: dict[str, object] = {"id": sample.id, "text": sample.text, "label": sample.label}
    if sample.attributes:
        found["attributes"] = dict(sample.attributes)
    if sample.by:
        found["by"] = sample.by
    return found


def _sample(line: str, number: int, labels: Sequence[str]) -> Sample:
    try:
        data: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError('must be an object: {"text": ..., "label": ...}')  # noqa: TRY004 - read as one kind
    fields = cast("dict[str, object]", data)
    for key in fields:
        if key not in _KEYS:
            raise ValueError(f"unknown key {key!r}.{nearest(key, _KEYS)}")
    text, label = _text(fields, "text"), _text(fields, "label")
    if labels and label not in labels:
        same = next((each for each in labels if each.casefold() == label.strip().casefold()), None)
        hint = f" It differs from {same!r} only in case or space." if same else nearest(label, labels)
        raise ValueError(f"no such label: {label!r}.{hint}")
    attributes = fields.get("attributes", {})
    if not isinstance(attributes, dict):
        raise ValueError("'attributes' must be an object")  # noqa: TRY004 - read as one kind
    pairs = cast("dict[str, object]", attributes)
    return Sample(
        text,
        label,
        id=_text(fields, "id") if fields.get("id") else f"line {number}",
        attributes=MappingProxyType({name: str(value) for name, value in pairs.items()}),
        by=_text(fields, "by") if fields.get("by") else "",
    )


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        what = "is missing" if key not in fields else f"must be text, not {type(value).__name__}"
        raise ValueError(f"{key!r} {what}")  # noqa: TRY004 - read as one kind
    if not value.strip():
        raise ValueError(f"{key!r} is empty")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{key!r} holds half a character (a lone surrogate)") from None
    return value
