"""Requests and replies as plain JSON values, and back."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar, cast

from latm.plugin import Call, Function, Message, Reply, Request, Usage

Kind = TypeVar("Kind", Request, Reply)
_PARTS: Mapping[str, type] = {"messages": Message, "functions": Function, "calls": Call}


def encode(value: Any, where: str) -> dict[str, Any]:
    """A record as plain JSON values, without what is at its default.

    Raises:
        ValueError: a value is not JSON; says where.
    """
    encoded: dict[str, Any] = {}
    for name, default in _defaults(value.__class__):
        held = getattr(value, name)
        if default is not MISSING and held == default:
            continue
        place = f"{where}.{name}"
        if name in _PARTS:
            encoded[name] = [encode(part, f"{place}[{at}]") for at, part in enumerate(held)]
        elif isinstance(held, Usage):
            encoded[name] = encode(held, place)
        elif name in ("temperature", "timeout_s") and held is not None:
            encoded[name] = float(held)  # 1 and 1.0 ask the same
        else:
            encoded[name] = _plain(held, place)
    return encoded


@functools.cache
def _defaults(kind: Any) -> tuple[tuple[str, object], ...]:
    """The fields of a kind with their defaults; MISSING where one has none."""
    return tuple(
        (entry.name, entry.default if entry.default_factory is MISSING else entry.default_factory())
        for entry in fields(kind)
    )


def _plain(value: object, where: str) -> object:
    """A value as JSON has it; refused where JSON would silently change it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}, which JSON does not have")
        return value
    if isinstance(value, Mapping):
        plain: dict[str, object] = {}
        for key, held in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise ValueError(f"{where} has the key {key!r}, which is not text")  # noqa: TRY004 - one kind
            plain[key] = _plain(held, f"{where}.{key}")
        return plain
    if isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        return [_plain(held, f"{where}[{at}]") for at, held in enumerate(items)]
    raise ValueError(f"{where} is a {type(value).__name__}, which is not JSON")


def decode(kind: type[Kind], data: object, where: str) -> Kind:
    """The record that `encode` wrote.

    Raises:
        ValueError: the data are not of that shape; says where.
    """
    import msgspec

    try:
        return msgspec.convert(data, type=kind)
    except msgspec.ValidationError as error:
        text = str(error)
        place = text.replace("`$", f"`{where}") if "`$" in text else f"{text} - at `{where}`"
        raise ValueError(place) from error
