"""Requests and replies as JSON, digests, and files that survive a crash."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import cassettes
from latm.cassettes import Exchange
from latm.errors import ConfigError, Rejected
from latm.plugin import Call, Function, Message, Reply, Request, Usage
from latm.testing import ScriptedBackend

texts = st.text(st.characters(codec=None), max_size=30)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=3)
counts = st.integers(0, 2**60)
messages = st.builds(Message, st.sampled_from(["user", "assistant"]), texts, metadata=objects)
requests = st.builds(
    Request,
    messages=st.lists(messages, max_size=3).map(tuple),
    system=st.none() | texts,
    max_output_tokens=st.none() | counts,
    temperature=st.none() | st.floats(0, 2),
    stop=st.lists(texts, max_size=2).map(tuple),
    functions=st.lists(
        st.builds(Function, name=texts, description=texts, parameters=objects), max_size=2
    ).map(tuple),
    response_schema=st.none() | objects,
    timeout_s=st.none() | st.floats(0.1, 100),
)
replies = st.builds(
    Reply,
    text=texts,
    usage=st.builds(Usage, counts, counts, counts, counts),
    model=texts,
    calls=st.lists(st.builds(Call, texts, objects), max_size=2).map(tuple),
    finish_reason=st.none() | texts,
    metadata=objects,
)
HELLO = Exchange(
    Request(messages=(Message("user", "hello"),)), Reply(text="hi", usage=Usage(input=1, output=2), model="m")
)
LINE = b"""{"latm":"cassette","version":1}
{"request":%s,"reply":{"text":"","model":"","usage":{"input":1}}}
"""
HEADER = '{"latm":"cassette","version":1}\n'


@given(requests)
def test_a_request_survives_the_codec(request_):
    data = cassettes.encode_request(request_)
    again = cassettes.decode_request(json.loads(cassettes.canonical_json(data)))
    assert again == request_
    assert cassettes.request_digest(again) == cassettes.request_digest(request_)


@given(replies)
def test_a_reply_survives_the_codec(reply):
    data = cassettes.encode_reply(reply)
    assert cassettes.decode_reply(json.loads(cassettes.canonical_json(data))) == reply


@given(st.lists(st.builds(Exchange, requests, replies), max_size=4))
def test_a_cassette_gives_back_what_was_recorded(exchanges):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.jsonl"
        for exchange in exchanges:
            cassettes.append(path, exchange)
        if exchanges:
            assert cassettes.read_cassette(path).exchanges == tuple(exchanges)
            assert cassettes.load_recording(path) == cassettes.read_cassette(path)


def test_the_digest_is_of_what_is_asked():
    request = HELLO.request
    digest = cassettes.request_digest(request)
    assert len(digest) == 64
    assert cassettes.request_digest(replace(request, timeout_s=3.0)) == digest
    assert cassettes.request_digest(replace(request, temperature=1)) == cassettes.request_digest(
        replace(request, temperature=1.0)
    )
    others = [
        replace(request, system=""),
        replace(request, temperature=0.0),
        replace(request, stop=("x",)),
        replace(request, max_output_tokens=1),
        replace(request, functions=(Function(name="f"),)),
        replace(request, response_schema={}),
        replace(request, messages=(*request.messages, *request.messages)),
        replace(request, messages=(replace(request.messages[0], metadata={"a.b": 1}),)),
    ]
    assert len({digest, *(cassettes.request_digest(other) for other in others)}) == 9


def test_the_digest_of_a_plain_request_is_for_ever():
    # Journals and cassettes outlive versions: a change here makes every recorded reply unfindable.
    assert cassettes.request_digest(HELLO.request) == (
        "de41012ae824487e6a91eded556a3e58f9829474035f6bb9c2d1540925f28870"
    )


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"a": float("nan")}, r"reply\.metadata\.a is nan"),
        ({"a": [1, {2: 3}]}, r"reply\.metadata\.a\[1\] has the key 2"),
        ({"a": {"b": b"x"}}, r"reply\.metadata\.a\.b is a bytes"),
    ],
)
def test_what_is_not_json_is_refused_where_it_stands(metadata, message):
    with pytest.raises(ValueError, match=message):
        cassettes.encode_reply(replace(HELLO.reply, metadata=metadata))


def test_what_a_crash_cut_off_is_left_out_and_cut_away(tmp_path):
    path = tmp_path / "c.jsonl"
    cassettes.append(path, HELLO)
    cassettes.append(path, HELLO)
    whole = path.read_bytes()
    first = whole.index(b"\n", len(HEADER)) + 1
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        if end >= len(HEADER):
            expected = 1 if end >= first else 0
            assert len(cassettes.read_cassette(path).exchanges) == expected
        cassettes.append(path, HELLO)
        assert cassettes.read_cassette(path).exchanges[-1:] == (HELLO,)
        assert path.read_bytes() in (whole, whole[:first])


def test_a_cassette_is_for_its_owner_only(tmp_path):
    path = tmp_path / "c.jsonl"
    cassettes.append(path, HELLO)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the recording: No such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"3", r"expected a list of \{role, content\}"),
        (b"[3]", "index 0: expected an object"),
        (b'[{"role": "user", "content": "x"}, {"role": "robot"}]', "index 1: role is 'robot'"),
        (b'[{"role": "user", "content": null}]', "index 0: content is not text"),
        (b'[{"role": "user", "content": "x"}]', "no assistant's turn"),
        (b'{"role": "user"}', "line 1: expected the header"),
        (b'{"latm":"cassette","version":2}\n', "line 1: the cassette has version 2; this latm reads 1"),
        (b'{"latm":"cassette","version":true}\n', "line 1: the cassette has version True"),
        (HEADER.encode() + b"{}\n", r"line 2: Expected `object`, got `null` - at `request`"),
        (HEADER.encode() + b"[]\n", "line 2: expected an object"),
        (HEADER.encode() + b"{\n{}\n", "line 2: not JSON"),
        (LINE % b'{"messages":[{"role":"x","text":""}]}', r"line 2: .*request\.messages"),
        (
            LINE.replace(b":1}}", b":-1}}") % b'{"messages":[]}',
            "line 2: .*never negative",
        ),
    ],
)  # fmt: skip
def test_a_bad_recording_is_named_with_the_place(tmp_path, content, message):
    path = tmp_path / "recording"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        cassettes.load_recording(path)
    assert str(path) in str(caught.value)


def test_nothing_is_added_to_a_file_that_is_no_cassette(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    with pytest.raises(ConfigError, match="line 1"):
        cassettes.append(path, HELLO)
    assert path.read_text() == "dear diary\n"


def test_a_repeated_reply_is_one_reply_unless_something_came_between():
    turns = [("user", "q"), ("assistant", "a"), ("assistant", "a"), ("user", "q"), ("assistant", "a")]
    assert cassettes.distinct_replies(turns) == ("a", "a")
    assert cassettes.distinct_replies([("assistant", "a"), ("assistant", "b")]) == ("a", "b")


@pytest.mark.anyio
async def test_a_recorder_stores_replies_before_it_hands_them_on(tmp_path):
    path = tmp_path / "c.jsonl"
    backend = ScriptedBackend([HELLO.reply, Rejected("no")])
    recorder = cassettes.record(backend, path)
    assert await recorder.complete(HELLO.request) == HELLO.reply
    with pytest.raises(Rejected):
        await recorder.complete(HELLO.request)
    await recorder.aclose()
    assert backend.closed == 1
    assert cassettes.read_cassette(path).exchanges == (HELLO,)
