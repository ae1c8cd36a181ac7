"""Values survive the way in and out exactly; what a hostile cell sends is refused with one error."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import decimal
import enum
import fractions
import itertools
import json
import math
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm_sandbox import _codec
from latm_sandbox._codec import CodecError, Unserialisable
from latm_sandbox.guest import values

_zones = (
    st.none()
    | st.builds(
        dt.timezone,
        st.integers(-86_399_999_999, 86_399_999_999).map(lambda us: dt.timedelta(microseconds=us)),
    )
    | st.builds(dt.timezone, st.just(dt.timedelta(hours=1)), st.text(min_size=1, max_size=5))
)
_texts = st.text(st.characters(exclude_categories=()), max_size=20)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(1 << 5000), 1 << 5000)
    | st.floats()
    | _texts
    | st.binary(max_size=20)
    | st.complex_numbers()
    | st.decimals().filter(lambda value: not value.is_snan())  # which cannot be hashed
    | st.fractions()
    | st.dates()
    | st.builds(
        lambda when, zone, fold: when.replace(tzinfo=zone, fold=fold),
        st.datetimes(),
        _zones,
        st.integers(0, 1),
    )
    | st.builds(
        lambda when, zone, fold: when.replace(tzinfo=zone, fold=fold), st.times(), _zones, st.integers(0, 1)
    )
    | st.timedeltas()
)
_hashables = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(_texts, inner, max_size=4)
        | st.dictionaries(_hashables, inner, max_size=4)
        | st.sets(_hashables, max_size=4)
        | st.frozensets(_hashables, max_size=4)
    ),
    max_leaves=12,
)


def same(left, right):  # noqa: PLR0911 - one line for each type
    """Equal in value and in type, all the way down; NaN is NaN."""
    if type(left) is not type(right):
        return False
    match left:
        case float():
            return repr(left) == repr(right)
        case complex():
            return same(left.real, right.real) and same(left.imag, right.imag)
        case decimal.Decimal():
            return left.as_tuple() == right.as_tuple()
        case list() | tuple():
            return len(left) == len(right) and all(map(same, left, right))
        case dict():
            pairs = zip(left.items(), right.items(), strict=False)
            return len(left) == len(right) and all(same(a, b) for a, b in pairs)
        case set() | frozenset():
            rest = list(right)
            return len(left) == len(right) and all(any(same(a, b) for b in rest) for a in left)
        case dt.datetime() | dt.time():
            return (
                left.isoformat() == right.isoformat()
                and left.fold == right.fold
                and (repr(left.tzinfo) == repr(right.tzinfo))
            )
        case _:
            return left == right


@given(_values)
def test_a_result_comes_out_as_it_was(value):
    sent = values.dumps(values.Encoder(1 << 20).encode(value)).encode()
    assert same(_codec.decode(_codec.loads(sent)), value)


@given(_values)
def test_an_argument_goes_in_as_it_was(value):
    sent = _codec.dumps(_codec.encode(value))
    assert same(values.decode(json.loads(sent)), value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=9)
        | st.sampled_from(
            ["l", "t", "S", "Z", "d", "f", "i", "s", "b", "c", "D", "F", "dt", "da", "ti", "td"]
        ),
        lambda inner: (
            st.lists(inner, max_size=5)
            | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            | st.tuples(st.sampled_from(["S", "d", "F", "dt", "ti", "td", "c"]), inner, inner, inner).map(
                list
            )
        ),
    )
)
def test_whatever_json_a_cell_sends_gives_a_value_or_one_error(data):
    with contextlib.suppress(CodecError):
        _codec.decode(data)


@given(st.binary(max_size=200))
def test_whatever_bytes_a_cell_sends_give_json_or_one_error(data):
    with contextlib.suppress(CodecError):
        _codec.loads(data)


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_bounded_on_both_ways():
    for encode in (_codec.encode, values.Encoder(1 << 20).encode):
        assert same(_codec.decode(encode(nested(256))), nested(256))
        with pytest.raises(Unserialisable, match="deeper than 256"):
            encode(nested(257))
    with pytest.raises(CodecError):
        _codec.decode(["l", values.Encoder(1 << 20).encode(nested(256))])


def test_a_bomb_of_brackets_is_one_error():
    with pytest.raises(CodecError):
        _codec.loads(b"[" * 1_000_000)
    with pytest.raises(CodecError, match="more values"):
        _codec.loads(b"[" + b"1," * 5_000_000 + b"1]")


def test_a_circle_is_found():
    circle = []
    circle.append(circle)
    with pytest.raises(Unserialisable, match="circle"):
        _codec.encode(circle)


def test_sharing_does_not_explode():
    value = ["x"]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(values.TooLarge):
        values.Encoder(1 << 20).encode(value)


def test_keys_that_collide_cannot_hold_the_host_for_long(monkeypatch):
    monkeypatch.setattr(_codec, "_BUILD_S", 0.05)
    modulus = (1 << 61) - 1  # hash() of an int is the int modulo this
    with pytest.raises(CodecError, match="longer than"):
        _codec.decode(["S", *[modulus * k for k in range(1, 50_000)]])


def test_the_values_of_one_reply_share_that_time(monkeypatch):
    seconds = itertools.count()
    monkeypatch.setattr(_codec, "time", types.SimpleNamespace(monotonic=lambda: next(seconds)))
    value = ["S", *range(256)]  # one look at the clock
    decode = _codec.Decoder().decode
    for _ in range(int(_codec._BUILD_S) + 1):
        assert decode(value) == set(range(256))
    with pytest.raises(CodecError, match="longer than 2 s"):
        decode(value)


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "object"),
        (Colour.RED, "Colour"),
        (Text("x"), "Text"),
        (collections.OrderedDict(), "OrderedDict"),
        (bytearray(b"x"), "bytearray"),
        (range(3), "range"),
        (..., "ellipsis"),
        ([1, {"a": (2, object())}], r"object at \[1\]\['a'\]\[1\]"),
        ({"a": {object()}}, r"object at \['a'\]"),
    ],
)
def test_what_cannot_cross_is_named_with_its_path(value, said):
    with pytest.raises(Unserialisable, match=said):
        _codec.encode(value)


_CORNERS = [
    decimal.Decimal("sNaN"),
    math.nan,
    math.inf,
    -0.0,
    1 << 63,
    -(1 << 63),
    10**5000,
    "\ud83d\ude00",
    "\ud800",
    "\U0001f600",
    "",
]


@pytest.mark.parametrize("value", _CORNERS, ids=range(len(_CORNERS)))
def test_the_corners_of_numbers_and_texts(value):
    assert same(_codec.decode(_codec.loads(_codec.dumps(_codec.encode(value)))), value)


def test_a_huge_fraction_is_refused_before_it_is_reduced():
    with pytest.raises(Unserialisable, match="Fraction of more than"):
        _codec.encode(fractions.Fraction(1, 1 << 200_000))
    with pytest.raises(CodecError, match="fraction of more than"):
        _codec.decode(["F", 1, ["i", hex(1 << 200_000)]])
