"""Values as tagged JSON, on the host's side.

Scalars are JSON's own where JSON can hold them exactly; every other value is an array whose first element
says what it is, except a dict with text keys, which is an object. What comes out of a cell is hostile: size
and count are checked before anything is built, depth, shape and time while it is.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import fractions
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

MAX_DEPTH: Final = 256
"""Containers within containers."""
MAX_NODES: Final = 4_000_000
"""Values in one value."""
_BUILD_S: Final = 2.0
"""Seconds that building one value may take. Keys whose hashes collide cost the square of their number."""
MAX_FRACTION_BITS: Final = 1 << 17
"""Bits of a fraction's numerator and denominator together: reducing costs the square of it."""
_SMALL_INT: Final = 1 << 63
_MAX_OFFSET_US: Final = 86_400_000_000


class CodecError(Exception):
    """What a cell sent is no encoded value."""


class Unserialisable(Exception):
    """A value of the host's cannot cross; says which type, and where."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []

    def __str__(self) -> str:
        """Type and path."""
        where = "".join(reversed(self.path))
        return f"{self.what} at {where}" if where else self.what


# --- host to cell -------------------------------------------------------------------------------------------


def _name(value: object) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _encode_float(value: float) -> Any:
    return value if math.isfinite(value) else ["f", repr(value)]


def _encode_int(value: int) -> Any:
    return value if -_SMALL_INT < value < _SMALL_INT else ["i", hex(value)]


def _encode_text(value: str) -> Any:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:  # two lone surrogates side by side would come back as one character
        return ["s", base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()]
    return value


def _encode_zone(zone: datetime.tzinfo | None) -> Any:
    if zone is None:
        return None
    if type(zone) is not datetime.timezone:
        raise Unserialisable(_name(zone))
    offset = zone.utcoffset(None)
    given = cast("tuple[Any, ...]", cast("Any", zone).__getinitargs__())
    micros = offset // datetime.timedelta(microseconds=1)
    return [micros, _encode_text(given[1]) if len(given) > 1 else None]


def _encode_fraction(value: fractions.Fraction) -> Any:
    if value.numerator.bit_length() + value.denominator.bit_length() > MAX_FRACTION_BITS:
        raise Unserialisable(f"a Fraction of more than {MAX_FRACTION_BITS} bits")
    return ["F", _encode_int(value.numerator), _encode_int(value.denominator)]


def _encode_clock(tag: str, value: datetime.datetime | datetime.time) -> Any:
    return [tag, value.replace(tzinfo=None).isoformat(), value.fold, _encode_zone(value.tzinfo)]


_SCALARS: Final[dict[type, Callable[[Any], Any]]] = {
    type(None): lambda v: v,
    bool: lambda v: v,
    int: _encode_int,
    float: _encode_float,
    str: _encode_text,
    bytes: lambda v: ["b", base64.b64encode(v).decode()],
    complex: lambda v: ["c", _encode_float(v.real), _encode_float(v.imag)],
    decimal.Decimal: lambda v: ["D", str(v)],
    fractions.Fraction: _encode_fraction,
    datetime.datetime: lambda v: _encode_clock("dt", v),
    datetime.date: lambda v: ["da", v.isoformat()],
    datetime.time: lambda v: _encode_clock("ti", v),
    datetime.timedelta: lambda v: ["td", v.days, v.seconds, v.microseconds],
}
_SEQUENCES: Final[dict[type, str]] = {list: "l", tuple: "t", set: "S", frozenset: "Z"}


def encode(value: Any, depth: int = 0) -> Any:
    """`value` as plain JSON data.

    Raises:
        Unserialisable: some part of it is of another type, or lies too deep.
    """
    kind = type(value)
    scalar = _SCALARS.get(kind)
    if scalar is not None:
        return scalar(value)
    if kind is not dict and kind not in _SEQUENCES:
        raise Unserialisable(_name(value))
    if depth >= MAX_DEPTH:
        raise Unserialisable(f"something nested deeper than {MAX_DEPTH}, or in a circle,")
    step = "[...]"
    try:
        if kind is not dict:
            tagged: list[Any] = [_SEQUENCES[kind]]
            for index, item in enumerate(value):
                step = f"[{index}]"
                tagged.append(encode(item, depth + 1))
            return tagged
        if all(type(key) is str and key.isascii() for key in value):
            plain: dict[str, Any] = {}
            for key, item in value.items():
                step = f"[{key!r}]"
                plain[key] = encode(item, depth + 1)
            return plain
        tagged = ["d"]
        for key, item in value.items():
            step = f"[{key!r}]" if type(key) in (str, int, bool) else "[...]"
            tagged += (encode(key, depth + 1), encode(item, depth + 1))
    except Unserialisable as error:
        error.path.append(step)
        raise
    return tagged


def dumps(data: Any) -> bytes:
    """Plain JSON data as bytes."""
    return _DUMPS(data).encode()


_DUMPS: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


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
            named.append([_encode_text(name), encode(item)])
    except Unserialisable as error:
        error.path.append(where)
        raise
    return {"args": encoded, "kwargs": named}


# --- cell to host -------------------------------------------------------------------------------------------


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


class _Decoder:
    """Builds one value, and stops when that takes too long."""

    def __init__(self) -> None:
        self._deadline = 0.0
        self._count = 0

    def decode(self, data: Any, depth: int = 0) -> Any:
        kind = type(data)
        if kind is dict:
            self._descend(depth)
            return {key: self.decode(item, depth + 1) for key, item in data.items()}
        if kind is not list:
            return data
        if not data:
            raise CodecError("a value without a tag")
        tag = data[0]
        if tag in ("l", "t"):
            self._descend(depth)
            items = [self.decode(item, depth + 1) for item in data[1:]]
            return items if tag == "l" else tuple(items)
        if tag in ("S", "Z"):
            self._descend(depth)
            found: set[Any] = set()
            for item in data[1:]:
                found.add(self.decode(item, depth + 1))
                self._tick()
            return found if tag == "S" else frozenset(found)
        if tag == "d":
            self._descend(depth)
            if len(data) % 2 != 1:
                raise CodecError("a key without a value")
            result: dict[Any, Any] = {}
            for index in range(1, len(data), 2):
                result[self.decode(data[index], depth + 1)] = self.decode(data[index + 1], depth + 1)
                self._tick()
            return result
        decoder = _TAGS.get(tag) if type(tag) is str else None
        if decoder is None:
            raise CodecError(f"the unknown tag {str(tag)[:20]!r}")
        return decoder(*data[1:])

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
            raise CodecError(f"building the value took longer than {_BUILD_S} s")


def _of(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise CodecError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _decode_float(data: Any) -> float:
    if type(data) is list and len(data) == 2 and data[0] == "f":  # noqa: PLR2004 - tag and text
        return float(_of(data[1], str))
    return cast("float", _of(data, float))


def _decode_int(data: Any) -> int:
    if type(data) is list and len(data) == 2 and data[0] == "i":  # noqa: PLR2004
        return int(_of(data[1], str), 16)
    return cast("int", _of(data, int))


def _decode_bytes(data: Any) -> bytes:
    return base64.b64decode(_of(data, str), validate=True)


def _decode_text(data: Any) -> str:
    if type(data) is list and len(data) == 2 and data[0] == "s":  # noqa: PLR2004
        return _decode_bytes(data[1]).decode("utf-8", "surrogatepass")
    return cast("str", _of(data, str))


def _decode_zone(data: Any) -> datetime.timezone | None:
    if data is None:
        return None
    micros, name = _of(data, list)
    if not -_MAX_OFFSET_US < _of(micros, int) < _MAX_OFFSET_US:
        raise CodecError("an offset of a day or more")
    offset = datetime.timedelta(microseconds=micros)
    return datetime.timezone(offset) if name is None else datetime.timezone(offset, _decode_text(name))


def _decode_decimal(data: Any) -> decimal.Decimal:
    return decimal.Decimal(_of(data, str))


def _decode_fraction(numerator: Any, denominator: Any) -> fractions.Fraction:
    above, below = _decode_int(numerator), _decode_int(denominator)
    if above.bit_length() + below.bit_length() > MAX_FRACTION_BITS:
        raise CodecError(f"a fraction of more than {MAX_FRACTION_BITS} bits")
    return fractions.Fraction(above, below)


def _decode_datetime(text: Any, fold: Any, zone: Any) -> datetime.datetime:
    value = datetime.datetime.fromisoformat(_of(text, str))
    return value.replace(fold=_of(fold, int), tzinfo=_decode_zone(zone))


def _decode_time(text: Any, fold: Any, zone: Any) -> datetime.time:
    value = datetime.time.fromisoformat(_of(text, str))
    return value.replace(fold=_of(fold, int), tzinfo=_decode_zone(zone))


def _decode_delta(days: Any, seconds: Any, micros: Any) -> datetime.timedelta:
    return datetime.timedelta(_of(days, int), _of(seconds, int), _of(micros, int))


_TAGS: Final[dict[str, Callable[..., Any]]] = {
    "f": lambda text: _decode_float(["f", text]),
    "i": lambda text: _decode_int(["i", text]),
    "s": lambda text: _decode_text(["s", text]),
    "b": _decode_bytes,
    "c": lambda real, imag: complex(_decode_float(real), _decode_float(imag)),
    "D": _decode_decimal,
    "F": _decode_fraction,
    "dt": _decode_datetime,
    "da": lambda text: datetime.date.fromisoformat(_of(text, str)),
    "ti": _decode_time,
    "td": _decode_delta,
}


def decode(data: Any) -> Any:
    """The value that a cell encoded as `data`.

    Raises:
        CodecError: it encoded none, or one that is too deep or too slow to build.
    """
    try:
        return _Decoder().decode(data)
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise CodecError(f"no value: {error}") from None


def decode_text(data: Any) -> str:
    """A text that a cell encoded.

    Raises:
        CodecError: it is none.
    """
    try:
        return _decode_text(data)
    except ValueError as error:
        raise CodecError(str(error)) from None
