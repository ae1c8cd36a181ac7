"""The host's readers: any stream, cut anywhere, damaged anyhow, gives frames or one error."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm_sandbox._wire import FrameReader, WireError, parse_reply
from latm_sandbox.docker._attach import Demultiplexer
from latm_sandbox.guest.frames import HEADER, REPLY, pack

_frames = st.lists(
    st.tuples(st.integers(0, 255), st.binary(min_size=8, max_size=8), st.binary(max_size=50)), max_size=5
)
_cuts = st.lists(st.integers(1, 40), max_size=20)


def pieces(data, cuts):
    for cut in cuts:
        yield data[:cut]
        data = data[cut:]
    yield data


@given(_frames, _cuts)
def test_frames_come_out_whole_however_they_are_cut(frames, cuts):
    reader, found = FrameReader(1 << 20), []
    for piece in pieces(b"".join(pack(*frame) for frame in frames), cuts):
        reader.feed(piece)
        while (frame := reader.next()) is not None:
            found.append(tuple(frame))
    assert found == frames


@given(st.binary(max_size=300), _cuts)
def test_noise_is_frames_or_one_error(noise, cuts):
    reader = FrameReader(1 << 10)
    try:
        for piece in pieces(noise, cuts):
            reader.feed(piece)
            while reader.next() is not None:
                pass
    except WireError:
        pass


def test_a_frame_too_long_is_refused_at_its_header():
    reader = FrameReader(100)
    reader.feed(HEADER.pack(101, 1, bytes(8)))
    with pytest.raises(WireError, match="101 bytes"):
        reader.next()


@given(st.binary(max_size=120))
def test_an_answer_is_parts_or_one_error(payload):
    try:
        reply = parse_reply(payload)
    except WireError:
        return
    assert len(reply.stdout) + len(reply.stderr) + len(reply.body) + REPLY.size == len(payload)


def test_lying_lengths_are_refused():
    with pytest.raises(WireError):
        parse_reply(REPLY.pack(1, 0.0, 0.0, 0, False, 10, 10) + b"short")
    with pytest.raises(WireError):
        parse_reply(REPLY.pack(1, 0.0, float("nan"), 0, False, 0, 0))


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=6), _cuts)
def test_the_daemons_framing_comes_apart_however_it_is_cut(chunks, cuts):
    stream = b"".join(struct.pack(">BxxxI", which, len(data)) + data for which, data in chunks)
    demultiplexer = Demultiplexer()
    out = b"".join(demultiplexer.feed(piece) for piece in pieces(stream, cuts))
    assert out == b"".join(data for which, data in chunks if which == 1)
    assert demultiplexer.complaint == b"".join(data for which, data in chunks if which == 2)


def test_what_a_guest_complains_of_is_bounded():
    demultiplexer = Demultiplexer()
    for _ in range(100):
        demultiplexer.feed(struct.pack(">BxxxI", 2, 1000) + b"x" * 1000)
    assert len(demultiplexer.complaint) == 4096


@pytest.mark.parametrize("head", [b"\x07\0\0\0\0\0\0\1", b"\x01\0\0\0\xff\xff\xff\xff"])
def test_a_damaged_daemon_stream_is_an_oserror(head):
    with pytest.raises(OSError, match="damaged"):
        Demultiplexer().feed(head)
