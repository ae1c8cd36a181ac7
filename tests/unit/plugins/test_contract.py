"""What plugin authors import from `latm.plugin` besides the types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import latm.errors
import latm.plugin
from latm.errors import ConfigError, Rejected, Throttled, Timeout, Unauthorized, Unavailable
from latm.plugin import Reply, Usage, parse_retry_after, read_options, status_error

counts = st.integers(0, 10**12)
usages = st.builds(Usage, counts, counts, counts, counts)


@pytest.mark.parametrize("module", [latm.plugin, latm.errors])
def test_all_is_sorted_and_whole(module):
    assert sorted(module.__all__) == module.__all__
    assert all(hasattr(module, name) for name in module.__all__)


@given(usages, usages)
def test_usage_adds_up_bucket_by_bucket(one, two):
    assert (one + two).total == one.total + two.total
    assert one + Usage() == one


@pytest.mark.parametrize("bucket", ["input", "cache_read", "cache_write", "output"])
def test_tokens_are_never_negative(bucket):
    with pytest.raises(ValueError, match=rf"Usage\.{bucket} is -1"):
        Usage(**{bucket: -1})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, Rejected), (400, Rejected), (401, Unauthorized), (402, Unauthorized), (403, Unauthorized),
        (404, Rejected), (408, Timeout), (409, Unavailable), (413, Rejected), (422, Rejected),
        (425, Unavailable), (429, Throttled), (500, Unavailable), (502, Unavailable), (503, Unavailable),
        (504, Unavailable), (529, Throttled), (599, Unavailable),
    ],
)  # fmt: skip
def test_each_status_has_its_error(status, kind):
    reply = Reply(text="", usage=Usage(output=1), model="m")
    error = status_error(status, "text", retry_after=2.0, reply=reply)
    assert type(error) is kind
    assert (error.status, error.retry_after, error.reply) == (status, 2.0, reply)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("3", 3.0), ("0", 0.0), ("1.5", 1.5), (" 7 ", 7.0), ("-1", None), ("nan", None),
        ("inf", None), ("9" * 400, None), ("99999999", 99999999.0), ("soon", None), ("", None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0), ("Thu, 01 Jan 1970 00:00:05 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:05 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert parse_retry_after(header, now_s=10.0) == seconds


@given(st.text())
def test_retry_after_never_fails(header):
    seconds = parse_retry_after(header)
    assert seconds is None or seconds >= 0


@dataclass(frozen=True, kw_only=True)
class Options:
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 3.0
    mode: Literal["a", "b"] = "a"


def test_options_are_read_strictly():
    options = read_options(Options, {"timeout_s": 2, "mode": "b", "api_key": "sk-canary"}, where="p")
    assert options == Options(timeout_s=2.0, mode="b", api_key="sk-canary")
    assert "sk-canary" not in repr(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 2}, r"p: unknown option 'timeout'\. Did you mean 'timeout_s'\?"),
        ({"zzz": 2}, "Known: api_key, mode, timeout_s"),
        ({"timeout_s": "2"}, r"Expected `float`, got `str` - at `\$\.timeout_s`"),
        ({"mode": "c"}, r"p: must be 'a' or 'b' - at `\$\.mode`"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        read_options(Options, options, where="p")


def test_a_wrong_option_does_not_show_its_value():
    with pytest.raises(ConfigError) as caught:
        read_options(Options, {"api_key": ["sk-canary"]}, where="p")
    assert "sk-canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_error_says_which_model_it_was():
    error = Rejected("no")
    assert str(error) == "no"
    error.model = "openai:x"
    assert str(error) == "openai:x: no"
