"""Values on the host's side. `guest.values` says what they look like on the way.

What comes out of a cell is hostile: size and count are checked before anything is built, depth, shape and
time while it is.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import fractions
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

from latm_sandbox.guest import values
from latm_sandbox.guest.values import (
    MAX_DEPTH,
    MAX_FRACTION_BITS,
    Encoder,
    TooLarge,
    Unserialisable,
    encode_text,
)

__all__ = [
    "CodecError",
    "Decoder",
    "Unserialisable",
    "decode",
    "decode_text",
    "dumps",
    "encode",
    "encode_arguments",
    "encode_text",
    "loads",
]

MAX_BYTES: Final = 32 << 20
"""Bytes of one encoded value that is sent to a cell."""
MAX_NODES: Final = 4_000_000
"""Values in one value."""
_BUILD_S: Final = 2.0
"""Seconds that all values of a reply may take. Keys whose hashes collide cost the square of their number."""
_MAX_OFFSET_US: Final = 86_400_000_000


class CodecError(Exception):
    """What a cell sent is no encoded value."""


def encode(value: Any) -> Any:
    """`value` as plain JSON data.

    Raises:
        Unserialisable: some part of it is of a type that cannot cross, lies too deep, or all is too large.
    """
    try:
        return Encoder(MAX_BYTES).encode(value)
    except TooLarge:
        raise Unserialisable(f"something larger than {MAX_BYTES} bytes") from None


def dumps(data: Any) -> bytes:
    """Plain JSON data as bytes."""
    return values.dumps(data).encode()


def encode_arguments(args: Iterable[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a call as plain JSON data.

    Raises:
        Unserialisable: names the argument.
    """
    encoded: list[Any] = []
    named: list[Any] = []
    where = ""
    try:
        for index, item in enumerate(args):
            where = f"argument {index}"
            encoded.append(encode(item))
        for name, item in kwargs.items():
            where = f"argument {name}"
            named.append([encode_text(name), encode(item)])
    except Unserialisable as error:
        error.path.append(where)
        raise
    return {"args": encoded, "kwargs": named}


def loads(payload: bytes) -> Any:
    """Plain JSON data from bytes that a cell sent.

    Raises:
        CodecError: it is no JSON, or has too many values in it.
    """
    if payload.count(b",") + payload.count(b"[") + payload.count(b"{") > MAX_NODES:
        raise CodecError("more values than one value may hold")
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise CodecError(str(error)) from None


_CONTAINERS: Final = ("l", "t", "S", "Z", "d")


class Decoder:
    """Builds the values of one reply, and stops when they take too long together."""

    def __init__(self) -> None:
        self._deadline = 0.0
        self._count = 0

    def decode(self, data: Any) -> Any:
        """The value that a cell encoded as `data`.

        Raises:
            CodecError: it encoded none, or one that is too deep or too slow to build.
        """
        try:
            return self._build(data, 0)
        except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
            raise CodecError(f"no value: {error}") from None

    def _build(self, data: Any, depth: int) -> Any:
        kind: type = type(data)  # pyright: ignore[reportUnknownVariableType]
        if kind is dict:
            self._descend(depth)
            return {key: self._build(item, depth + 1) for key, item in data.items()}
        if kind is not list:
            return data
        if not data or type(data[0]) is not str:
            raise CodecError("a value without a tag")
        tag = data[0]
        if tag in _CONTAINERS:
            self._descend(depth)
            return self._container(tag, data, depth + 1)
        decoder = _TAGS.get(tag)
        if decoder is None:
            raise CodecError(f"the unknown tag {tag[:20]!r}")
        return decoder(*data[1:])

    def _container(self, tag: str, data: list[Any], depth: int) -> Any:
        if tag in ("l", "t"):
            items = [self._build(item, depth) for item in data[1:]]
            return items if tag == "l" else tuple(items)
        if tag in ("S", "Z"):
            found: set[Any] = set()
            for item in data[1:]:
                found.add(self._build(item, depth))
                self._tick()
            return found if tag == "S" else frozenset(found)
        if len(data) % 2 != 1:
            raise CodecError("a key without a value")
        result: dict[Any, Any] = {}
        for index in range(1, len(data), 2):
            result[self._build(data[index], depth)] = self._build(data[index + 1], depth)
            self._tick()
        return result

    def _descend(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise CodecError(f"nested deeper than {MAX_DEPTH}")

    def _tick(self) -> None:
        self._count += 1
        if self._count & 0xFF:
            return
        now = time.monotonic()
        if not self._deadline:
            self._deadline = now + _BUILD_S
        elif now > self._deadline:
            raise CodecError(f"building the value took longer than {_BUILD_S:g} s")


def _of(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise CodecError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _is_tagged(data: Any, tag: str) -> bool:
    kind: type = type(data)  # pyright: ignore[reportUnknownVariableType]
    return kind is list and len(data) == len((tag, "text")) and data[0] == tag


def _decode_float_text(text: Any) -> float:
    return float(_of(text, str))


def _decode_float(data: Any) -> float:
    if _is_tagged(data, "f"):
        return _decode_float_text(data[1])
    return cast("float", _of(data, float))


def _decode_int_text(text: Any) -> int:
    return int(_of(text, str), 16)


def _decode_int(data: Any) -> int:
    if _is_tagged(data, "i"):
        return _decode_int_text(data[1])
    return cast("int", _of(data, int))


def _decode_bytes(data: Any) -> bytes:
    return base64.b64decode(_of(data, str), validate=True)


def _decode_surrogates(text: Any) -> str:
    return _decode_bytes(text).decode("utf-8", "surrogatepass")


def _decode_text(data: Any) -> str:
    if _is_tagged(data, "s"):
        return _decode_surrogates(data[1])
    return cast("str", _of(data, str))


def _decode_zone(data: Any) -> dt.timezone | None:
    if data is None:
        return None
    micros, name = _of(data, list)
    if not -_MAX_OFFSET_US < _of(micros, int) < _MAX_OFFSET_US:
        raise CodecError("an offset of a day or more")
    offset = dt.timedelta(microseconds=micros)
    return dt.timezone(offset) if name is None else dt.timezone(offset, _decode_text(name))


def _decode_complex(real: Any, imag: Any) -> complex:
    return complex(_decode_float(real), _decode_float(imag))


def _decode_date(text: Any) -> dt.date:
    return dt.date.fromisoformat(_of(text, str))


def _decode_decimal(data: Any) -> decimal.Decimal:
    return decimal.Decimal(_of(data, str))


def _decode_fraction(numerator: Any, denominator: Any) -> fractions.Fraction:
    above, below = _decode_int(numerator), _decode_int(denominator)
    if above.bit_length() + below.bit_length() > MAX_FRACTION_BITS:
        raise CodecError(f"a fraction of more than {MAX_FRACTION_BITS} bits")
    return fractions.Fraction(above, below)


def _decode_datetime(text: Any, fold: Any, zone: Any) -> dt.datetime:
    value = dt.datetime.fromisoformat(_of(text, str))
    return value.replace(fold=_of(fold, int), tzinfo=_decode_zone(zone))


def _decode_time(text: Any, fold: Any, zone: Any) -> dt.time:
    value = dt.time.fromisoformat(_of(text, str))
    return value.replace(fold=_of(fold, int), tzinfo=_decode_zone(zone))


def _decode_delta(days: Any, seconds: Any, micros: Any) -> dt.timedelta:
    return dt.timedelta(_of(days, int), _of(seconds, int), _of(micros, int))


_TAGS: Final[dict[str, Callable[..., Any]]] = {
    "f": _decode_float_text,
    "i": _decode_int_text,
    "s": _decode_surrogates,
    "b": _decode_bytes,
    "c": _decode_complex,
    "D": _decode_decimal,
    "F": _decode_fraction,
    "dt": _decode_datetime,
    "da": _decode_date,
    "ti": _decode_time,
    "td": _decode_delta,
}


def decode(data: Any) -> Any:
    """The one value of a reply; see `Decoder.decode`."""
    return Decoder().decode(data)


def decode_text(data: Any) -> str:
    """A text that a cell encoded.

    Raises:
        CodecError: it is none.
    """
    try:
        return _decode_text(data)
    except ValueError as error:
        raise CodecError(str(error)) from None
