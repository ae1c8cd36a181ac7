"""``local:``: which requests it answers, and that it picks only what it can prove."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import latm_local
from latm import Config, ConfigError, Demonstration
from latm._plugins import Plugins
from latm.dispatcher import Candidate, request
from latm.plugin import Call, Function, Message, Rejected, Request, Usage
from latm_local._asking import Choice, Known, read
from latm_local._likeness import bm25, tfidf
from latm_local._proving import proof

pytestmark = pytest.mark.anyio
MODELS = ("tfidf", "bm25")
CHOICES: dict[str, object] = {
    "type": "object",
    "properties": {
        "picked": {"type": "string", "enum": ["sorting", "adding", "unsure"]},
        "note": {"type": ["string", "null"]},
    },
}
CARDS = """
Something for a reader, which is no card.

## sorting
Function: sort(words)
  Question: forged
Question: Sort these words, please: pear fig
Call: sort(["pear", "fig"])
Question: Sort these words, please: plum kiwi lemon
Call: sort(["plum", "kiwi", "lemon"])
Near miss: Sort these words, please: backwards plum fig

## adding
Question: What do 1 and 2 add up to
  in the end?
Call: total([1, 2])
Question: What do 30 and 4 add up to
  in the end?
Call: total([30, 4])
"""


def ask(question: str, system: str = CARDS, **more: Any) -> Request:
    return Request(messages=(Message("user", question),), system=system, response_schema=CHOICES, **more)


async def pick(question: str, model: str = "tfidf", system: str = CARDS) -> str:
    reply = await latm_local._create(model, {}).complete(ask(question, system))
    assert reply.usage == Usage()
    fields = json.loads(reply.text)
    assert fields.keys() == {"picked", "note"}
    assert fields["note"] is None
    return fields["picked"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("question", "picked"),
    [
        ("Sort these words, please: pear fig", "sorting"),
        ("SORT these  words,\nplease: Pear fig ", "sorting"),
        ("Sort these words, please: melon apple grape cherry", "sorting"),
        ("What do 55 and 1,000 add up to in the end?", "adding"),
        # Another number of things, another word, something before or behind, nothing in the slot.
        ("What do 55 and 6 and 7 add up to in the end?", "unsure"),
        ("What do five and 6 add up to in the end?", "unsure"),
        ("What do 55 66 and 6 add up to in the end?", "unsure"),
        ("What do 55 and 6 multiply to in the end?", "unsure"),
        ("What do 55 and 6 add up to in the end? And in the beginning?", "unsure"),
        ("Now then: what do 55 and 6 add up to in the end?", "unsure"),
        ("What do and 6 add up to in the end?", "unsure"),
        ("Sort these words, please:", "unsure"),
        ("Sort these words, please: melon. Then count them", "unsure"),
        ("Sort these words, please: melon apple in reverse", "unsure"),
        ("Sort these words, please: melon apple 7", "unsure"),
        ("Sort these words by length, please: melon apple", "unsure"),
        # A known near miss, and a list with the word that made it one.
        ("Sort these words, please: backwards plum fig", "unsure"),
        ("Sort these words, please: pear backwards", "unsure"),
        ("Sort", "unsure"),
        ("What is the capital of France?", "unsure"),
        ("forged", "unsure"),
        ("adding", "unsure"),
        ("", "unsure"),
        ("\ud800 \x00", "unsure"),
    ],
)
async def test_it_picks_what_it_can_prove(question: str, picked: str, model: str) -> None:
    assert await pick(question, model) == picked


async def test_a_nearer_choice_holds_a_form_back() -> None:
    near = CARDS.replace(
        "## adding\n", "## adding\nQuestion: Sort these words, please: yew ash, but not really\n"
    )
    assert await pick("Sort these words, please: yew ash", system=near) == "unsure"
    assert await pick("Sort these words, please: elm oak", system=near) == "sorting"


async def test_what_two_choices_have_is_neither_s() -> None:
    both = CARDS.replace("## adding\n", "## adding\nQuestion: Sort these words, please: pear fig\n")
    assert await pick("Sort these words, please: pear fig", system=both) == "unsure"


async def test_what_was_cut_proves_nothing() -> None:
    cut = CARDS.replace("please: pear fig\n", "please: pear fig [...]\n")
    assert await pick("Sort these words, please: pear fig", system=cut) == "unsure"
    assert await pick("Sort these words, please: pear fig [...]", system=cut) == "unsure"
    cut = CARDS.replace('"lemon"])', '"lemon [...]')
    assert await pick("Sort these words, please: melon apple", system=cut) == "unsure"


async def test_one_question_alone_has_no_form_and_neither_has_one_without_a_call() -> None:
    question = "Sort these words, please: melon apple grape"
    assert await pick(question) == "sorting"
    assert await pick(question, system=CARDS.replace("Call: ", "Remark: ")) == "unsure"
    assert await pick(question, system=CARDS.replace('["pear", "fig"]', "")) == "unsure"


async def test_a_nearer_near_miss_holds_a_form_back() -> None:
    near = CARDS.replace("Near miss: ", "Near miss: Sort those words, please: melon apple grape\nNear miss: ")
    assert await pick("Sort these words, please: melon apple grape", system=near) == "unsure"
    assert await pick("Sort these words, please: yew ash", system=near) == "sorting"


async def test_the_reply_says_what_was_compared() -> None:
    backend = latm_local._create("tfidf", {})
    reply = await backend.complete(ask("Sort these words, please: pear fig"))
    scores = reply.metadata["local.scores"]
    assert isinstance(scores, dict)
    assert scores.keys() == {"sorting", "adding"}
    assert scores["sorting"] == pytest.approx(1.0)
    assert reply.metadata["local.proof"] == "repeat"
    assert (reply.model, repr(backend)) == ("tfidf", "<local:tfidf>")
    reply = await backend.complete(ask("Sort these words, please: yew ash"))
    assert reply.metadata["local.proof"] == "form"
    assert "local.proof" not in (await backend.complete(ask("hello"))).metadata


async def test_functions_without_arguments_are_choices_too() -> None:
    cards = CARDS.partition("## sorting\n")[2].split("\n## adding\n")
    asked = Request(
        messages=(Message("user", "Sort these words, please: yew ash"),),
        functions=(
            Function(name="sorting", description=cards[0]),
            Function(name="adding", description=cards[1]),
        ),
    )
    reply = await latm_local._create("bm25", {}).complete(asked)
    assert (reply.calls, reply.text) == ((Call("sorting", {}),), "")
    reply = await latm_local._create("bm25", {}).complete(replace(asked, messages=(Message("user", "hm"),)))
    assert (reply.calls, reply.text) == ((), "unsure")


async def test_what_is_said_in_a_conversation_is_not_proven() -> None:
    question = Message("user", "Sort these words, please: pear fig")
    asked = replace(ask("x"), messages=(Message("user", "For fun:"), Message("assistant", "Yes?"), question))
    reply = await latm_local._create("tfidf", {}).complete(asked)
    assert json.loads(reply.text)["picked"] == "unsure"


async def test_an_enum_without_cards_is_answered() -> None:
    assert await pick("Sort these words, please: pear fig", system="") == "unsure"


WITH_ARGUMENTS = Function(name="f", parameters={"type": "object", "properties": {"x": {"type": "integer"}}})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"response_schema": None}, "hold no conversation"),
        ({"response_schema": {"type": "object", "properties": {"answer": {"type": "string"}}}}, "an enum"),
        (
            {"response_schema": {"properties": {"a": {"enum": ["x", "unsure"]}, "b": {"type": "string"}}}},
            "null",
        ),
        ({"response_schema": {"properties": {"a": {"enum": ["x", "y"]}}}}, "'unsure'"),
        ({"response_schema": None, "functions": (WITH_ARGUMENTS,)}, "cannot write calls"),
        ({"temperature": 0.3}, "no temperature"),
        ({"stop": ("x",)}, "no stop"),
    ],
)
async def test_what_it_cannot_do_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Rejected, match=said):
        await latm_local._create("tfidf", {}).complete(replace(ask("Sort"), **changes))


@pytest.mark.parametrize("model", ["", "tf-idf", "no/such/directory", "TFIDF", "~nobody-here/x", "\x00"])
def test_an_unknown_model_is_named(model: str) -> None:
    with pytest.raises(ConfigError, match="tfidf, bm25 and no directory"):
        latm_local._create(model, {})


def test_it_costs_nothing_and_has_no_options() -> None:
    plugins = Plugins.load()
    assert plugins.price("local:tfidf", Usage()) == Decimal(0)
    assert latm_local.latm_price("other:m", Usage()) is None
    with pytest.raises(ConfigError, match="k1"):
        latm_local._create("bm25", {"k1": 2})
    assert Config(roles={"user": "local:tfidf"}).role("user").model == "local:tfidf"


# The engine's own request

SORTING = Candidate(
    name="word-sorting",
    contract="sort(words)",
    samples=(),
    has_tool=True,
    demonstrations=(
        Demonstration("Sort the following\nwords: List: pear fig", 'ret = sort(["pear", "fig"])\nans = ret'),
        Demonstration("Sort the following\nwords: List: yew ash elm", 'sort(words=["yew", "ash", "elm"])'),
    ),
    negatives=("Sort the following\nnumbers: List: 3 4",),
)
PENDING = Candidate(name="dyck", contract="", samples=("Close: ( (",), has_tool=False)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("question", "decision"),
    [
        ("Sort the following words: List: cow bee ant", "word-sorting"),
        ("Close: ( (", "dyck"),
        ("Close: ( [", "unsure"),
        ("Sort the following numbers: List: 3 4", "unsure"),
        ("Please order cow, bee and ant", "unsure"),
    ],
)
async def test_it_reads_the_engines_cards(question: str, decision: str, model: str) -> None:
    reply = await latm_local._create(model, {}).complete(request(question, (SORTING, PENDING)))
    assert json.loads(reply.text) == {"decision": decision, "task": None}


# Proofs and likeness

KNOWN = Choice(
    "c",
    (
        Known("Please add up 12 and 7 for me", "total([12, 7])"),
        Known("Please add up 3 and 40 for me", "total([3, 40])"),
    ),
    (),
)


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_whatever_the_numbers_the_form_is_the_same(one: int, other: int) -> None:
    assert proof(f"Please add up {one} and {other} for me", KNOWN) in {"form", "repeat"}


@given(st.text(), st.sampled_from(["before", "behind", "between", "instead"]))
def test_nothing_may_stand_beside_the_form(text: str, place: str) -> None:
    parts = {
        "before": f"{text} Please add up 5 and 6 for me",
        "behind": f"Please add up 5 and 6 for me {text}",
        "between": f"Please add up 5 and {text} 6 for me",
        "instead": f"Please add up {text} and 6 for me",
    }
    found = proof(parts[place], KNOWN)
    if found is not None:
        assert not text.strip() or (place == "instead" and text.strip()[0].isdigit())


def test_data_that_no_call_is_given_is_a_word_of_the_question() -> None:
    choice = replace(
        KNOWN, known=(*KNOWN.known[:1], Known("Please double up 3 and 40 for me", "total([3, 40])"))
    )
    assert proof("Please add up 3 and 5 for me", choice) is None


def test_a_form_without_slots_is_the_question_itself() -> None:
    choice = Choice("c", (Known("What day is it now?", "day()"), Known("what day is it NOW?", "day()")), ())
    assert proof("What day is it now?", choice) == "repeat"
    assert proof("What day is it now? And tomorrow?", choice) is None


def test_a_list_is_known_by_its_length_and_its_commas() -> None:
    same = Choice("c", (
        Known("Order these fine things: red pear, ripe fig", 'order(["red pear", "ripe fig"])'),
        Known("Order these fine things: old plum, raw kiwi", 'order(["old plum", "raw kiwi"])'),
    ), ())  # fmt: skip
    assert proof("Order these fine things: big melon, wild lemon", same) is None
    commas = Choice("c", (
        Known("Order these fine things: pear, fig", 'order(["pear", "fig"])'),
        Known("Order these fine things: plum, kiwi, lemon", 'order(["plum", "kiwi", "lemon"])'),
    ), ())  # fmt: skip
    assert proof("Order these fine things: melon, grape, apple, nut", commas) == "form"
    assert proof("Order these fine things: melon, grape backwardly", commas) is None


def test_a_list_takes_no_word_that_only_a_near_miss_has() -> None:
    sorting = Choice("c", (
        Known("Sort these words, please: pear fig", 'sort(["pear", "fig"])'),
        Known("Sort these words, please: plum kiwi lemon", 'sort(["plum", "kiwi", "lemon"])'),
    ), ("Sort these words by size, please: plum fig",))  # fmt: skip
    assert proof("Sort these words, please: melon plum", sorting) == "form"
    assert proof("Sort these words, please: melon size", replace(sorting, misses=())) == "form"
    assert proof("Sort these words, please: melon size", sorting) is None


def test_a_near_miss_that_has_the_form_takes_it_away() -> None:
    choice = replace(KNOWN, misses=("Please add up 5 and 6 for me",))
    assert proof("Please add up 5 and 6 for me", choice) is None
    assert proof("Please add up 8 and 9 for me", choice) is None
    assert proof(KNOWN.known[0].question, choice) == "repeat"
    assert proof(KNOWN.known[0].question, replace(KNOWN, misses=(KNOWN.known[0].question,))) is None


def test_a_question_without_bounds_is_not_looked_at() -> None:
    assert proof("Please add up 12 and 7 for me" + " " * 10_000, KNOWN) is None


@pytest.mark.parametrize("call", ["total(", "\x00", "(" * 10_000, ""])
def test_a_call_that_is_no_python_proves_nothing(call: str) -> None:
    choice = replace(KNOWN, known=(*KNOWN.known[:1], Known(KNOWN.known[1].question, call)))
    assert proof("Please add up 5 and 6 for me", choice) is None


@pytest.mark.parametrize("likeness", [tfidf, bm25])
def test_likeness_ranks_by_shared_words(likeness) -> None:
    texts = ["close the brackets", "sort the words", "sort words by length", ""]
    scores = likeness("sort the words", texts)
    assert max(scores) == scores[1] > scores[2] > scores[3] == 0.0
    assert likeness("sort", []) == []
    assert likeness("", texts) == [0.0] * 4


@given(st.text(), st.lists(st.text(), max_size=5))
def test_tfidf_is_a_cosine(question: str, texts: list[str]) -> None:
    assert all(0.0 <= score <= 1.0 + 1e-9 for score in tfidf(question, texts))
    assert all(score >= 0.0 for score in bm25(question, texts))


def test_nothing_heavy_is_imported_for_the_models_of_words() -> None:
    import subprocess
    import sys

    code = (
        "import sys, latm_local; latm_local._create('tfidf', {}); latm_local._create('bm25', {});"
        "print([name for name in ('numpy', 'tokenizers', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_package_has_its_marker() -> None:
    assert (Path(latm_local.__file__).parent / "py.typed").exists()


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_what_the_engine_writes_on_cards_is_read_as_it_was(question: str, call: str, miss: str) -> None:
    known = Candidate(
        name="task",
        contract=miss,
        samples=(),
        has_tool=True,
        demonstrations=(Demonstration(question, call),),
        negatives=(miss,),
    )
    (choice,) = read(request("x", (known, replace(known, name="other")))).choices[:1]

    def folded(texts: list[str]) -> list[list[str]]:
        return [text.split() for text in texts if text.strip()]

    assert folded([each.question for each in choice.known]) == folded([question])
    assert folded([each.call for each in choice.known]) == (folded([call]) if question.strip() else [])
    assert folded(list(choice.misses)) == folded([miss])
