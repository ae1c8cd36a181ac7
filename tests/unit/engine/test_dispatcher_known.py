"""The tasks of a real library: found, followed as they change, merged by name, and taught by refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from latm import Demonstration, Example, LibraryError, Provenance, Tool
from latm.dispatcher import Decision, Shortlist, note_refusal
from latm.dispatcher._known import Known
from latm.library import Library, Repeat
from latm.plugin import Usage

SORT, CLOSE = "Sort these words: b a", "Close these brackets: ("


def tool(name: str, question: str, contract: str = "does it") -> Tool:
    return Tool(
        name=name,
        version=0,
        source="def f(x):\n    'Do the thing.'\n",
        function="f",
        contract=contract,
        demonstrations=(Demonstration(question, "f(1)"),),
        provenance=Provenance(
            protocol="strict",
            maker="a:b",
            run="r",
            examples_sha256="0",
            source_sha256="1",
            usage=Usage(),
            cost_usd=None,
            seconds=1.0,
            created="2026-01-01T00:00:00+00:00",
        ),
    )


class Place:
    """A library and what is known of it."""

    def __init__(self, url: str) -> None:
        self.library = Library(url)
        self.known = Known(self.library)

    def shortlist(self, question: str) -> Shortlist:
        return self.known.shortlist(question)

    def misses(self, question: str) -> tuple[str, ...]:
        return self.known.with_misses(self.shortlist(question).candidates)[0].negatives

    def names(self, question: str) -> list[str]:
        return [each.name for each in self.shortlist(question).candidates]

    def alike(self, name: str) -> str | None:
        self.known.refresh()
        return self.known.alike(name)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(f"sqlite:///{tmp_path / 'latm.db'}")
    yield place
    place.library.close()


def test_tools_and_pending_tasks_are_candidates(place: Place) -> None:
    assert not place.shortlist(SORT).known
    stored = place.library.add(tool("word-sorting", SORT))
    place.library.remember("dyck", Example(CLOSE, ")"))
    (sorting,) = place.shortlist("sort words").candidates
    assert (sorting.name, sorting.has_tool, sorting.tool) == ("word-sorting", True, stored)
    assert [each.question for each in sorting.demonstrations] == [SORT]
    (dyck,) = place.shortlist("close brackets").candidates
    assert (dyck.name, dyck.has_tool, dyck.tool, dyck.samples) == ("dyck", False, None, (CLOSE,))


def test_every_change_is_seen_by_the_next_question(place: Place) -> None:
    library = place.library
    library.remember("ordering", Example(SORT, "a b"))
    assert place.names("sort brackets") == ["ordering"]
    library.add(tool("ordering", SORT))
    assert place.shortlist("sort brackets").candidates[0].has_tool
    second = library.add(tool("ordering", CLOSE))
    assert place.shortlist("close").candidates[0].tool == second
    assert place.names("sort") == []
    library.rollback("ordering")
    assert place.names("sort") == ["ordering"]
    assert place.names("close") == []
    library.retire("ordering")
    # Its instance was never used up: it is a task without a tool again.
    assert not place.shortlist("sort").candidates[0].has_tool
    library.restore("ordering")
    assert place.shortlist("sort").candidates[0].has_tool


def test_a_quarantined_tool_is_a_task_that_none_serves(place: Place) -> None:
    bad = place.library.add(tool("ordering", SORT))
    assert place.shortlist(SORT).candidates[0].has_tool
    place.library.quarantine(bad, "wrong")
    assert [(each.name, each.has_tool) for each in place.shortlist("ordering").candidates] == [
        ("ordering", False)
    ]


def test_a_tool_without_a_contract_shows_its_head(place: Place) -> None:
    place.library.add(tool("ordering", SORT, contract=""))
    assert place.shortlist(SORT).candidates[0].contract == "f(x)\nDo the thing."
    assert place.names("a thing") == ["ordering"]


def test_five_of_many(place: Place) -> None:
    for number in range(60):
        place.library.add(tool(f"sort-{number}", f"{SORT} {'xyz'[number % 3] * number}"))
    assert len(place.names("sort words zzzzzzzz")) <= 5
    assert place.names("zz") == ["sort-2"]


def test_near_misses_come_along_newest_first(place: Place) -> None:
    place.library.add(tool("ordering", SORT))
    assert place.misses(SORT) == ()
    for question in ("Sort these words by length: b a", "Count these words: b a"):
        place.library.add_negative("ordering", question)
    assert place.shortlist(SORT).candidates[0].negatives == ()
    assert place.misses(SORT) == (
        "Count these words: b a",
        "Sort these words by length: b a",
    )


def test_the_very_same_question_needs_no_shortlist(place: Place) -> None:
    stored = place.library.add(tool("ordering", SORT))
    assert isinstance(place.known.look(SORT), Shortlist)
    place.library.remember_call(SORT, stored, "f(1)")
    assert place.known.look(f" {SORT}\n") == Repeat(tool="ordering", version=1, call="f(1)")
    assert isinstance(place.known.look(CLOSE), Shortlist)
    place.library.quarantine(stored, "wrong")
    assert isinstance(place.known.look(SORT), Shortlist)


def test_a_version_is_read_once(place: Place) -> None:
    stored = place.library.add(tool("ordering", SORT))
    assert place.known.tool("ordering", 1) == stored
    assert place.known.tool("ordering", 1) is place.known.tool("ordering", 1)
    assert place.known.tool("ordering", 2) is place.known.tool("other", 1) is None


def test_another_word_for_a_known_task(place: Place) -> None:
    place.library.add(tool("word-sorting", SORT))
    place.library.remember("dyck-completion", Example(CLOSE, ")"))
    assert place.alike("sort-words") == "word-sorting"
    assert place.alike("completing-dyck") == "dyck-completion"
    assert place.alike("word-sorting") is None
    assert place.alike("sort-numbers") is None
    # Two known tasks are as like it: neither is taken.
    place.library.remember("sorting-words", Example("Sort: d c", "c d"))
    assert place.alike("sort-words") is None


QUESTION = "Sort these words in reverse order: b a"


def refused(place: Place, decision: Decision) -> Sequence[str]:
    return note_refusal(place.library, QUESTION, place.shortlist(QUESTION), decision)


@pytest.mark.parametrize(
    ("decision", "noted"),
    [
        (Decision("none"), True),
        (Decision("new", "reverse-sorting"), True),
        (Decision("task", "something"), True),
        (Decision("tool", "something"), True),
        (Decision("unsure"), False),
        (Decision("unreadable"), False),
        (Decision("tool", "word-sorting"), False),
        (Decision("new", "word-sorting"), False),
        (Decision("new", "word-sorting", "sort-words"), False),
    ],
)
def test_what_a_dispatcher_refuses_is_a_near_miss(place: Place, decision: Decision, *, noted: bool) -> None:
    place.library.add(tool("word-sorting", SORT))
    assert refused(place, decision) == (("word-sorting",) if noted else ())
    assert place.library.negatives("word-sorting") == ((QUESTION,) if noted else ())


def test_near_misses_are_of_tools_that_are_near_and_of_two_at_most(place: Place) -> None:
    for name in ("a", "b", "c"):
        place.library.add(tool(f"sort-{name}", SORT))
    place.library.add(tool("far", "Translate these texts to French, please, and keep their lines"))
    place.library.remember("pending", Example(SORT, "a b"))
    assert len(refused(place, Decision("none"))) == 2
    assert place.library.negatives("far") == place.library.negatives("pending") == ()


def test_a_task_without_a_tool_has_no_near_misses(place: Place) -> None:
    place.library.remember("pending", Example(SORT, "a b"))
    assert place.shortlist(QUESTION).candidates[0].score >= 0.25
    assert refused(place, Decision("none")) == ()


def test_a_tools_own_question_is_no_near_miss_of_it(place: Place) -> None:
    place.library.add(tool("word-sorting", QUESTION))
    shortlist = place.shortlist(QUESTION)
    assert note_refusal(place.library, f" {QUESTION}\n", shortlist, Decision("none")) == ()
    assert refused(place, Decision("none")) == ()


def test_a_question_without_bounds_teaches_nothing(place: Place) -> None:
    place.library.add(tool("word-sorting", SORT))
    long = SORT + " words" * 1_000
    assert note_refusal(place.library, long, place.shortlist(long), Decision("none")) == ()


def test_an_error_while_it_reads_leaves_the_index_whole(place: Place) -> None:
    place.library.add(tool("word-sorting", SORT))
    assert place.names(SORT) == ["word-sorting"]
    place.library.add(tool("dyck", CLOSE))
    place.known._library = cast("Library", Failing(place.library))
    with pytest.raises(LibraryError, match="gone"):
        place.known.refresh()
    place.known._library = place.library
    assert place.names(SORT)[0] == "word-sorting"
    assert place.names(CLOSE)[0] == "dyck"


class Failing:
    """A library that fails when tools are read, after it said that there are new ones."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def __getattr__(self, name: str) -> object:
        return getattr(self.library, name)

    def several(self, versions: Mapping[str, int]) -> None:
        raise LibraryError("gone")
