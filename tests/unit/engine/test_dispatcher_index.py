"""The local index: what it finds, how it follows changes, and which names are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from latm.dispatcher import Candidate, shortlist
from latm.dispatcher._index import Index
from latm.dispatcher._names import likeness
from latm.dispatcher._words import words

VOCABULARY = ("sort", "count", "close", "words", "brackets", "the", "of", "(", "7", "apple", "pear", "")


def index_of(**texts: str) -> Index:
    index = Index()
    for key, text in texts.items():
        index.put(key, [(text, 1)])
    return index


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sort the following WORDS alphabetically!", ["sort", "follow", "word", "alphabe"]),
        ("sorting sorted sorts", ["sort", "sort", "sort"]),
        ("( [ 12 3.5 ) x_y", ["(", "[", ")", "x", "y"]),
        ("the of and is 42", []),
        ("stra\u00dfe \u0420\u0430\u0437", ["strass", "\u0440\u0430\u0437"]),
        ("\u6392\u5e8f", ["\u6392", "\u5e8f"]),
        ("\x00\ud800", ["\x00", "\ud800"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


def test_the_rare_word_decides_on_the_order() -> None:
    index = index_of(a="sort words", b="sort brackets", c="sort numbers", d="count brackets")
    assert [key for key, _ in index.best("sort the brackets", 5)] == ["b", "d", "a", "c"]


def test_what_shares_no_telling_word_is_cut() -> None:
    index = index_of(a="What are the words of 7?", b="close (")
    assert index.best("What is the capital of France in 7?", 5) == []
    assert index.best("", 5) == index_of().best("sort", 5) == []


def test_scores_are_shares_and_one_word_alone_brings_nothing_near() -> None:
    index = index_of(a="sort words alphabetically please", b="close brackets")
    ((_, alone),) = index.best("sort", 1)
    ((_, whole),) = index.best("sort words alphabetically list", 1)
    assert 0 < alone < 0.25 < whole < 1


def test_a_word_that_most_documents_share_finds_nothing() -> None:
    index = Index()
    for number in range(40):
        index.put(f"t{number}", [(f"sort things of kind{'x' * number}", 1)])
    assert index.best("sort", 5) == []
    assert len(index.best("sort kindxx", 5)) == 1


def test_a_frequent_word_still_counts_for_what_a_rare_one_found() -> None:
    index = Index()
    for number in range(30_000):
        index.put(f"t{number}", [("frequent" if number % 3 == 0 else "filler", 1)])
    index.put("both", [("frequent rare", 1)])
    index.put("alone", [("rare", 1)])
    found = index.best("rare frequent", 3)
    assert [key for key, _ in found[:2]] == ["both", "alone"]


class Following(RuleBasedStateMachine):
    """An index that was changed is the same as one that was made at once."""

    def __init__(self) -> None:
        super().__init__()
        self.index = Index()
        self.texts: dict[str, str] = {}

    @rule(key=st.sampled_from("abcdef"), picked=st.lists(st.sampled_from(VOCABULARY), max_size=8))
    def put(self, key: str, picked: list[str]) -> None:
        self.texts[key] = " ".join(picked)
        self.index.put(key, [(self.texts[key], 2)])

    @rule(key=st.sampled_from("abcdef"))
    def drop(self, key: str) -> None:
        self.texts.pop(key, None)
        self.index.drop(key)

    @invariant()
    def same(self) -> None:
        anew = Index()
        for key, text in sorted(self.texts.items()):
            anew.put(key, [(text, 2)])
        assert len(self.index) == len(self.texts)
        for question in ("sort words", "close ( brackets", "count the pear apple"):
            assert self.index.best(question, 6) == anew.best(question, 6)


TestFollowing = Following.TestCase


@given(st.text(), st.lists(st.text(), max_size=4))
def test_any_text_can_be_asked_and_scores_are_shares(question: str, texts: list[str]) -> None:
    index = Index()
    for number, text in enumerate(texts):
        index.put(str(number), [(text, 3)])
    best = index.best(question, 5)
    assert all(0 < score <= 1 for _, score in best)
    assert [score for _, score in best] == sorted((score for _, score in best), reverse=True)


def test_a_shortlist_of_candidates_that_are_in_no_library() -> None:
    known = [
        Candidate(name=f"task-{n}", contract="", samples=(f"question number {n} about x{n}",), has_tool=True)
        for n in range(100)
    ]
    sorting = Candidate(name="word-sorting", contract="", samples=("Sort: b a",), has_tool=True)
    found = shortlist("please sort b and a", [*known, sorting])
    assert found.known
    assert [each.name for each in found.candidates] == ["word-sorting"]
    assert found.candidates[0].score > found.cut
    assert not shortlist("capital of France", [*known, sorting]).known


@pytest.mark.parametrize(
    "names",
    [
        ("sort-words", "word-sorting", "Word Sorting tasks", "sorting_words", "the sorting of words"),
        ("complete dyck language", "dyck-language-completion", "completing dyck languages"),
        ("sort words alphabetically", "alphabetical-word-sorting", "word sorting alphabetically"),
        ("roman-numeral", "roman-numerals"),
        ("solve-logic-puzzles", "logic puzzle"),
    ],
)
def test_names_that_are_two_words_for_one_thing(names: tuple[str, ...]) -> None:
    assert len({likeness(name) for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("celsius-to-fahrenheit", "fahrenheit-to-celsius"),
        ("celsius-fahrenheit-conversion", "fahrenheit-celsius-conversion"),
        ("word-to-number", "number-to-word"),
        ("sort-words", "sort-words-by-length"),
        ("sort-words", "sort-words-in-reverse"),
        ("sort-words", "sort-numbers"),
        ("tracking-3-objects", "tracking-5-objects"),
        ("encode-text", "decode-text"),
        ("is-prime", "next-prime"),
        ("minimum", "maximum"),
        ("sort-words", "count-words"),
        ("problem", "question"),
    ],
)
def test_names_that_are_not(one: str, other: str) -> None:
    assert likeness(one) != likeness(other)
