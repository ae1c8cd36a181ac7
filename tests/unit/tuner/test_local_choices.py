"""``local:tuned/NAME`` where a request offers choices, and what ``local:zero-shot`` answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("skops")

import latm_local
from latm import Demonstration
from latm.dispatcher import Candidate, request
from latm.plugin import Function, Message, Rejected, Request, TuningJob, TuningState
from latm.tuner import Sample, TuningSpec
from latm.tuner.formats import UNSURE, Template, chat_lines
from latm_local._asking import Asked, Choice, Known
from latm_local._choosing import chosen

pytestmark = pytest.mark.anyio
SORTING = Choice("word-sorting", (Known("Sort these words: pear fig"),), ())
ADDING = Choice("adding", (Known("What do 1 and 2 add up to?"),), ())


def asked(question: str, *choices: Choice) -> Asked:
    names = tuple(each.name for each in choices)
    return Asked(question, choices, ("decision", "task"), (*names, "none", "unsure"))


@pytest.mark.parametrize(
    ("figures", "picked"),
    [
        ({"word sorting": 0.95, "adding": 0.05}, "word-sorting"),
        ({"Word_Sorting": 0.95, "adding": 0.05}, "word-sorting"),
        ({"word sorting": 0.85, "adding": 0.15}, None),
        ({"none": 0.95, "adding": 0.05}, "none"),
        ({"none": 0.6, "adding": 0.4}, None),
        ({"brackets": 0.95, "adding": 0.05}, None),
    ],
)
def test_a_label_picks_what_is_offered_if_it_is_sure(figures: dict[str, float], picked: str | None) -> None:
    assert chosen(asked("alphabetize pear fig", SORTING, ADDING), figures, sure_from=0.9)[0] == picked


def test_what_is_proven_needs_no_label() -> None:
    question = asked("sort these words: PEAR fig", SORTING, ADDING)
    assert chosen(question, {"adding": 1.0}, sure_from=0.9) == ("word-sorting", "repeat")


def test_what_is_nearer_to_a_near_miss_is_not_picked() -> None:
    wary = replace(SORTING, misses=("sort words by length",))
    sure = {"word sorting": 0.99, "adding": 0.01}
    assert chosen(asked("sort pear fig by length", wary, ADDING), sure, sure_from=0.9)[0] is None
    assert (
        chosen(asked("these words, pear fig, sort", wary, ADDING), sure, sure_from=0.9)[0] == "word-sorting"
    )


def test_none_is_said_only_where_it_is_offered() -> None:
    bare = replace(asked("zzz", SORTING), offered=("word-sorting", "unsure"))
    assert chosen(bare, {"none": 0.99, "word sorting": 0.01}, sure_from=0.9)[0] is None
    assert chosen(asked("", SORTING), {"word sorting": 1.0}, sure_from=0.9)[0] is None


@pytest.fixture
async def tuned(tmp_path: Path) -> Any:
    labels = {"word sorting": "words put into order", "adding": "numbers added up", "none": "anything else"}
    spec = TuningSpec(name="tools", about="a question", question="Which tool?", labels=labels)
    texts = {
        "word sorting": "alphabetize the {} list of names please",
        "adding": "total up the {} sums and amounts",
        "none": "who wrote the {} novel about a king",
    }
    words = ["red", "blue", "green", "grey", "black", "white", "pink", "brown", "gold", "teal"]
    samples = [Sample(text.format(word), label) for word in words for label, text in texts.items()]
    template = Template.of(spec)
    tuner = latm_local._create_tuner({"models": str(tmp_path)})
    job = TuningJob(
        run="0123456789",
        name="tools",
        base="zero-shot",
        training=chat_lines(template, samples),
        labels=labels,
        template=template.digest,
    )
    state = await tuner.submit(job, TuningState(), again=False)
    model = (await tuner.resolve(job, state)).model
    return latm_local._create(model, {"models": str(tmp_path)})


def candidates() -> list[Candidate]:
    return [
        Candidate(
            name=each.name,
            contract="def f(x)",
            samples=(),
            has_tool=True,
            demonstrations=(Demonstration(each.known[0].question, "f(1)"),),
        )
        for each in (SORTING, ADDING)
    ]


@pytest.mark.parametrize(
    ("question", "decision"),
    [
        ("alphabetize the violet list of names please", "word-sorting"),
        ("Sort these words: pear fig", "word-sorting"),
        ("who wrote the long novel about a king", "none"),
        ("zzz", "unsure"),
    ],
)
async def test_a_request_with_choices_is_answered(tuned: Any, question: str, decision: str) -> None:
    reply = await tuned.complete(request(question, candidates()))
    assert json.loads(reply.text) == {"decision": decision, "task": None}
    assert 0 <= reply.metadata["local.confidence"] <= 1


async def test_functions_are_choices_too(tuned: Any) -> None:
    functions = tuple(Function(name=each.name, description="Question: x y z") for each in (SORTING, ADDING))
    question = Message("user", "alphabetize the violet list of names please")
    reply = await tuned.complete(Request(messages=(question,), functions=functions))
    assert [call.name for call in reply.calls] == ["word-sorting"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"temperature": 0.3}, "no temperature"),
        (
            {"messages": (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))},
            "only message",
        ),
        ({"system": None}, "hold no conversation"),
        ({"system": "## one\nlabel"}, "at least two"),
        ({"response_schema": {"type": "object"}}, "choices of its own"),
    ],
)
async def test_what_asks_for_no_label_is_refused(changes: dict[str, Any], named: str) -> None:
    spec = TuningSpec(name="x", about="a", question="b", labels={"cats": "Cats.", "dogs": "Dogs."})
    with pytest.raises(Rejected, match=named):  # noqa: PT012
        asking = replace(Template.of(spec).request("a cat"), **changes)
        await latm_local._create("zero-shot", {}).complete(asking)


async def test_the_nearest_description_wins_without_training() -> None:
    labels = {"cats": "Cats, kittens and their food.", "dogs": "Dogs, puppies and their leads."}
    template = Template.of(TuningSpec(name="x", about="a", question="b", labels=labels))
    backend = latm_local._create("zero-shot", {})
    for text, label in (("the kittens ran", "cats"), ("puppies bite", "dogs"), ("rain", UNSURE)):
        assert (await backend.complete(template.request(text))).text == label
