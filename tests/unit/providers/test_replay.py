"""``replay:FILE``: transcripts and cassettes play the model."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from latm import cassettes
from latm._plugins import ModelRef, Plugins, create_backend
from latm.cassettes import Exchange
from latm.errors import ConfigError, Rejected
from latm.plugin import Message, Reply, Request, Usage

pytestmark = pytest.mark.anyio


def replay(path, **options: object):
    return create_backend(Plugins.load(), ModelRef("replay", str(path)), options)


def ask(*texts: str) -> Request:
    """A conversation whose turns alternate, the user's first."""
    roles = ("user", "assistant")
    return Request(messages=tuple(Message(roles[at % 2], text) for at, text in enumerate(texts)))


@pytest.fixture
def transcript(tmp_path):
    path = tmp_path / "talk.json"
    turns = [("user", "q1"), ("assistant", "a1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "a2")]
    path.write_text(json.dumps([{"role": role, "content": text} for role, text in turns]))
    return path


@pytest.fixture
def cassette(tmp_path):
    path = tmp_path / "talk.jsonl"
    for question, answer in (("q1", "a1"), ("q2", "a2"), ("q1", "a3")):
        reply = Reply(text=answer, usage=Usage(1, 2, 3, 4), model="m", metadata={"x.y": [1]})
        cassettes.append(path, Exchange(ask(question), reply))
    return path


@pytest.mark.parametrize(
    ("task", "replies"),
    [("dyck_languages", 5), ("word_sorting", 3), ("tracking_shuffled_objects_five_objects", 3)],
)
async def test_the_paper_s_transcripts_are_played_to_their_end(paper, task, replies):
    path = paper / f"{task}.maker-transcript.json"
    turns = json.loads(path.read_text())
    backend = replay(path)
    heard, conversation = [], []
    for turn in turns:
        # The conversation as the maker would have it: each of the user's turns, and the replies so far.
        if turn["role"] == "user":
            conversation.append(Message("user", turn["content"]))
            reply = await backend.complete(Request(messages=tuple(conversation)))
            conversation.append(Message("assistant", reply.text))
            heard.append(reply)
    recorded = [turn["content"] for turn in turns if turn["role"] == "assistant"]
    assert [reply.text for reply in heard] == list(dict.fromkeys(recorded))
    assert len(heard) == replies
    assert {reply.usage for reply in heard} == {Usage()}
    with pytest.raises(Rejected) as caught:
        await backend.complete(ask("more"))
    assert str(path) in str(caught.value)
    assert f"reply {replies + 1} was asked for, but the transcript has {replies}" in str(caught.value)
    assert f"the last at index {len(turns) - 1}; they are handed out in order" in str(caught.value)


async def test_a_conversation_is_taken_up_where_it_was_left(transcript):
    backend = replay(transcript)
    assert (await backend.complete(ask("q1", "a1", "q2"))).text == "a2"
    with pytest.raises(Rejected, match="reply 3"):
        await backend.complete(ask("q1"))


async def test_a_fresh_conversation_goes_on_in_the_recording(transcript):
    backend = replay(transcript)
    assert (await backend.complete(ask("q1"))).text == "a1"
    assert (await backend.complete(ask("something else"))).text == "a2"
    await backend.aclose()
    await backend.aclose()


async def test_a_request_past_the_end_moves_nothing(transcript):
    backend = replay(transcript)
    with pytest.raises(Rejected, match="reply 4 was asked for, but the transcript has 2"):
        await backend.complete(ask("q1", "a1", "q2", "a2", "q3", "a3", "q4"))
    assert (await backend.complete(ask("q1"))).text == "a1"


async def test_a_cassette_s_replies_are_found_by_what_is_asked_each_once(cassette):
    backend = replay(cassette)
    assert (await backend.complete(ask("q2"))).text == "a2"
    first = await backend.complete(replace(ask("q1"), timeout_s=9.0))
    assert (first.text, first.usage, first.model) == ("a1", Usage(1, 2, 3, 4), "m")
    assert first.metadata == {"x.y": [1]}
    assert (await backend.complete(ask("q1"))).text == "a3"
    with pytest.raises(
        Rejected, match=r"reply 4 .* the cassette has 3, .* 2 times .* record what is asked now"
    ):
        await backend.complete(ask("q1"))


async def test_a_cassette_in_order_ignores_what_is_asked(cassette):
    backend = replay(cassette, match="order")
    assert [(await backend.complete(ask("x"))).text for _ in range(3)] == ["a1", "a2", "a3"]
    with pytest.raises(
        Rejected, match=r"but the cassette has 3, the last in line 4; each is handed out once"
    ):
        await backend.complete(ask("x"))


@pytest.mark.parametrize(
    ("request_", "difference"),
    [
        (ask("q9"), r"differs at messages\[0\]: recorded .*q1.*, asked .*q9"),
        (ask("q1", "a", "q2"), "differs at the number of messages: recorded 1, asked 3"),
        (replace(ask("q1"), temperature=0.3), "differs at temperature: recorded null, asked 0.3"),
        (replace(ask("q1"), stop=("x",)), r'differs at stop: recorded null, asked \["x"\]'),
    ],
)  # fmt: skip
async def test_no_match_names_file_position_and_the_first_difference(cassette, request_, difference):
    with pytest.raises(Rejected, match=difference) as caught:
        await replay(cassette).complete(request_)
    assert f"{cassette}: reply 1 of 3" in str(caught.value)
    assert "the next one, line 2," in str(caught.value)
    assert "set match = 'order' in [providers.replay]" in str(caught.value)


async def test_a_bad_file_or_option_is_an_error_when_the_backend_is_made(tmp_path, transcript):
    with pytest.raises(ConfigError, match="cannot read the recording: No such file"):
        replay(tmp_path / "absent")
    with pytest.raises(ConfigError, match="cannot read the recording: Is a directory"):
        replay(tmp_path)
    with pytest.raises(ConfigError, match=r"unknown option 'mach'\. Did you mean 'match'\?"):
        replay(transcript, mach="order")
    with pytest.raises(ConfigError, match="must be 'digest' or 'order'"):
        replay(transcript, match="fuzzy")
