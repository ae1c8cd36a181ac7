"""Values as tagged JSON.

Scalars are JSON's own where JSON can hold them exactly; every other value is an array whose first element
says what it is, except a dict with text keys, which is an object. Only exact types cross: no code of a
program runs while its values are taken apart.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sys
from binascii import a2b_base64, b2a_base64

TYPE_CHECKING = False  # typing costs every cell a megabyte
if TYPE_CHECKING:
    import fractions
    from collections.abc import Callable
    from typing import Any, NoReturn

MAX_DEPTH = 256  # containers within containers
MAX_FRACTION_BITS = 1 << 17  # of both parts together: reducing a fraction costs the square of it
_SMALL_INT = 1 << 63


class Unserialisable(Exception):  # noqa: N818 - the word for it everywhere in this package
    """A value, or a part of it, cannot cross; says which type, and where."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []

    def __str__(self) -> str:
        """Type and path."""
        where = "".join(reversed(self.path))
        return f"{self.what} at {where}" if where else self.what


class TooLarge(Exception):  # noqa: N818 - likewise
    """A value is larger than may cross."""


def type_name(value: object) -> str:
    """The name of a value's type, with its module where that says something."""
    kind = type(value)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "program") else f"{module}.{kind.__qualname__}"


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


def encode_text(value: str) -> Any:
    """A text."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:  # two lone surrogates side by side would come back as one character
        return ["s", _base64(value.encode("utf-8", "surrogatepass"))]
    return value


def _float(value: float) -> Any:
    return value if math.isfinite(value) else ["f", repr(value)]


def _int(value: int) -> Any:
    return value if -_SMALL_INT < value < _SMALL_INT else ["i", hex(value)]


def _fraction(value: fractions.Fraction) -> Any:
    if value.numerator.bit_length() + value.denominator.bit_length() > MAX_FRACTION_BITS:
        raise Unserialisable(f"a Fraction of more than {MAX_FRACTION_BITS} bits")
    return ["F", _int(value.numerator), _int(value.denominator)]


def _zone(zone: dt.tzinfo | None) -> Any:
    if zone is None:
        return None
    if type(zone) is not dt.timezone:
        raise Unserialisable(type_name(zone))
    exact: Any = zone
    given: tuple[Any, ...] = exact.__getinitargs__()
    micros = given[0] // dt.timedelta(microseconds=1)
    return [micros, encode_text(given[1]) if len(given) > 1 else None]


def _clock(tag: str, value: dt.datetime | dt.time) -> Any:
    return [tag, value.replace(tzinfo=None).isoformat(), value.fold, _zone(value.tzinfo)]


_SCALARS: dict[type, Callable[[Any], Any]] = {
    type(None): lambda v: v,
    bool: lambda v: v,
    int: _int,
    float: _float,
    str: encode_text,
    bytes: lambda v: ["b", _base64(v)],
    complex: lambda v: ["c", _float(v.real), _float(v.imag)],
    dt.datetime: lambda v: _clock("dt", v),
    dt.date: lambda v: ["da", v.isoformat()],
    dt.time: lambda v: _clock("ti", v),
    dt.timedelta: lambda v: ["td", v.days, v.seconds, v.microseconds],
}
# Where a value of such a type is, its module has been imported; where none is, nobody has to.
_RARE: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("decimal", "Decimal", lambda v: ["D", str(v)]),
    ("fractions", "Fraction", _fraction),
)


def _scalar(kind: type) -> Callable[[Any], Any] | None:
    """What encodes values of exactly this type, if they are scalars."""
    found = _SCALARS.get(kind)
    if found is None:
        for module, name, encode in _RARE:
            if module in sys.modules and kind is getattr(sys.modules[module], name, None):
                return encode
    return found


_SEQUENCES: dict[type, str] = {list: "l", tuple: "t", set: "S", frozenset: "Z"}


class Encoder:
    """Turns values into plain JSON data, and stops before that grows beyond a size.

    Args:
        size: bytes that the encoded values may about have; what is far larger is not built at all.
    """

    def __init__(self, size: int) -> None:
        self._left: int = size

    def encode(self, value: Any, depth: int = 0) -> Any:
        """`value` as plain JSON data.

        Raises:
            Unserialisable: some part of it is of another type, or lies too deep.
            TooLarge: it does not fit.
        """
        kind: type = type(value)  # pyright: ignore[reportUnknownVariableType]
        self._left -= 2
        scalar = None if kind in _SEQUENCES or kind is dict else _scalar(kind)
        if scalar is not None:
            if kind is str or kind is bytes:
                self._left -= len(value)
            elif kind is int:
                self._left -= value.bit_length() >> 2
            if self._left < 0:
                raise TooLarge
            return scalar(value)
        if kind is not dict and kind not in _SEQUENCES:
            raise Unserialisable(type_name(value))
        if depth >= MAX_DEPTH:
            raise Unserialisable(f"something nested deeper than {MAX_DEPTH}, or in a circle,")
        if self._left < 0:
            raise TooLarge
        return self._dict(value, depth) if kind is dict else self._sequence(value, _SEQUENCES[kind], depth)

    def _sequence(self, value: Any, tag: str, depth: int) -> Any:
        tagged: list[Any] = [tag]
        self._left -= 4  # the tag
        try:
            for item in value:
                tagged.append(self.encode(item, depth + 1))  # noqa: PERF401 - its length tells where it failed
        except Unserialisable as error:
            error.path.append(f"[{len(tagged) - 1}]" if tag in ("l", "t") else "{...}")
            raise
        return tagged

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        at: Any = None
        try:
            if all(type(key) is str and key.isascii() for key in value):
                plain: dict[str, Any] = {}
                for key, item in value.items():
                    at = key
                    self._left -= len(key)
                    plain[key] = self.encode(item, depth + 1)
                return plain
            tagged: list[Any] = ["d"]
            for key, item in value.items():
                at = key
                tagged.append(self.encode(key, depth + 1))
                tagged.append(self.encode(item, depth + 1))
        except Unserialisable as error:
            error.path.append(f"[{at!r}]" if type(at) in (str, int, bool) else "[...]")
            raise
        return tagged


def _when(kind: Any, data: list[Any]) -> Any:
    zone = None
    if data[3] is not None:
        delta = dt.timedelta(microseconds=data[3][0])
        zone = dt.timezone(delta) if data[3][1] is None else dt.timezone(delta, decode(data[3][1]))
    return kind.fromisoformat(data[1]).replace(fold=data[2], tzinfo=zone)


def _decimal(text: str) -> Any:
    import decimal

    return decimal.Decimal(text)


def _new_fraction(numerator: int, denominator: int) -> Any:
    import fractions

    return fractions.Fraction(numerator, denominator)


_DECODERS: dict[str, Callable[[list[Any]], Any]] = {
    "l": lambda d: [decode(item) for item in d[1:]],
    "t": lambda d: tuple([decode(item) for item in d[1:]]),
    "S": lambda d: {decode(item) for item in d[1:]},
    "Z": lambda d: frozenset([decode(item) for item in d[1:]]),
    "d": lambda d: {decode(d[i]): decode(d[i + 1]) for i in range(1, len(d), 2)},
    "f": lambda d: float(d[1]),
    "i": lambda d: int(d[1], 16),
    "s": lambda d: a2b_base64(d[1]).decode("utf-8", "surrogatepass"),
    "b": lambda d: a2b_base64(d[1]),
    "c": lambda d: complex(decode(d[1]), decode(d[2])),
    "D": lambda d: _decimal(d[1]),
    "F": lambda d: _new_fraction(decode(d[1]), decode(d[2])),
    "dt": lambda d: _when(dt.datetime, d),
    "da": lambda d: dt.date.fromisoformat(d[1]),
    "ti": lambda d: _when(dt.time, d),
    "td": lambda d: dt.timedelta(d[1], d[2], d[3]),
}


def decode(data: Any) -> Any:
    """The value that the host encoded. Only for a guest: the host never reads what a guest sent with this."""
    kind: type = type(data)  # pyright: ignore[reportUnknownVariableType]
    if kind is list:
        return _DECODERS[data[0]](data)
    if kind is dict:
        return {key: decode(item) for key, item in data.items()}
    return data


def _no_default(value: object) -> NoReturn:
    raise TypeError(type(value))


def _make_dumps() -> Callable[[Any], str]:
    """A JSON encoder without parts at Python level, which a program could reach by patching `json`."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
    chunks = make(None, _no_default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
    join = "".join
    return lambda data: join(chunks(data, 0))


dumps = _make_dumps()
# Without the way through Python that `json.loads` takes: nothing that is read here has white space around it.
_decoder: Any = json.JSONDecoder()
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once


def loads(text: str) -> Any:
    """What `dumps` wrote."""
    return _scan(text, 0)[0]
