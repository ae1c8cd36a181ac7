"""Versions and their statuses, aliases, negatives, repeats, audits and instances."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import postgres
from latm import Example, LibraryError
from latm.library import Audit, Library, Repeat
from latm.library._schema import repeats
from unit.engine.test_library import ODD, tool


def numbered(number: int, name: str = "word-sorting"):
    return tool(name=name, source=f"def f(): return {number}")


def statuses(library: Library, name: str = "word-sorting") -> list[tuple[int, str]]:
    return [(each.tool.version, each.status) for each in library.versions(name)]


def test_the_very_same_tool_is_not_stored_twice(library: Library) -> None:
    first = library.add(tool())
    # Where it comes from is not what it is.
    again = dataclasses.replace(tool(), provenance=dataclasses.replace(tool().provenance, run="other"))
    run = library.begin("word-sorting", "print")
    assert library.add(again, run=run) == first
    assert library.makings("word-sorting")[0].version == 1
    assert statuses(library) == [(1, "active")]
    library.add(numbered(2))
    assert library.add(tool()).version == 3, "it is another than the one that serves"


def test_a_rollback_lets_the_one_before_serve(library: Library) -> None:
    first, second = library.add(numbered(1)), library.add(numbered(2))
    assert library.rollback("Word Sorting") == first
    assert library.get("word-sorting") == first
    assert library.get("word-sorting", 2) == second
    assert library.rollback("word-sorting") is None
    assert library.current("word-sorting") is None
    for ask in (library.rollback, library.retire, library.restore, library.get):
        with pytest.raises(LibraryError, match="'word-sorting' has no version in use: all are withdrawn"):
            ask("Word Sorting")
    with pytest.raises(LibraryError, match="'word-sorting' has no version 3; its newest is 2"):
        library.get("word-sorting", 3)
    with pytest.raises(LibraryError, match="has no tool 'word-sortin'"):
        library.get("word-sortin", 3)
    assert library.add(numbered(2)).version == 3
    assert statuses(library) == [(3, "active"), (2, "withdrawn"), (1, "withdrawn")]


def test_no_older_version_serves_in_place_of_a_quarantined_or_retired_one(library: Library) -> None:
    first, second = library.add(numbered(1)), library.add(numbered(2))
    library.quarantine(first, "too late: it is not current any more")
    library.quarantine(second, f"wrong {ODD}")
    assert (library.find("word-sorting"), library.list()) == (None, ())
    found = library.current("word-sorting")
    assert found is not None
    assert (found.tool, found.status, found.reason) == (second, "quarantined", f"wrong {ODD}")
    with pytest.raises(LibraryError, match="version 2 is quarantined"):
        library.get("word-sorting")
    assert library.restore("word-sorting") == second
    assert library.list() == (second,)
    library.retire("word-sorting")
    assert library.find("word-sorting") is None
    with pytest.raises(LibraryError, match="is retired already"):
        library.retire("word-sorting")
    library.quarantine(second, "a retired one stays retired")
    assert statuses(library) == [(2, "retired"), (1, "quarantined")]


@dataclasses.dataclass
class Kept:
    version: int
    number: int
    status: str = "active"


class Versions(RuleBasedStateMachine):
    """The library beside a list of versions and a few rules of its own."""

    names = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.library = self.open()
        self.model: dict[str, list[Kept]] = {"a": [], "b": [], "c": []}
        self.also: dict[str, str] = {}
        self.revision = self.library.revision()

    def open(self) -> Library:
        return Library("sqlite://")

    def teardown(self) -> None:
        self.library.close()

    def current(self, name: str) -> Kept | None:
        return next((each for each in reversed(self.model[name]) if each.status != "withdrawn"), None)

    def of(self, name: str) -> str:
        return self.also.get(name, name)

    def changed(self) -> None:
        found = self.library.revision()
        assert found > self.revision
        self.revision = found

    @rule(name=names, number=st.integers(0, 2))
    def add(self, name: str, number: int) -> None:
        stored = self.library.add(numbered(number, name))
        name = self.of(name)
        current = self.current(name)
        if current is None or current.status != "active" or current.number != number:
            current = Kept(len(self.model[name]) + 1, number)
            self.model[name].append(current)
            self.changed()
        assert stored.version == current.version

    @rule(name=names, how=st.sampled_from(["rollback", "retire", "restore"]))
    def decide(self, name: str, how: str) -> None:
        current = self.current(self.of(name))
        if current is None or (how == "retire" and current.status == "retired"):
            with pytest.raises(LibraryError):
                getattr(self.library, how)(name)
            return
        was = current.status
        current.status = {"rollback": "withdrawn", "retire": "retired", "restore": "active"}[how]
        getattr(self.library, how)(name)
        if was != current.status:
            self.changed()

    @rule(name=names, back=st.integers(1, 3))
    def quarantine(self, name: str, back: int) -> None:
        versions = self.model[self.of(name)]
        if len(versions) < back:
            return
        self.library.quarantine(self.library.get(name, len(versions) - back + 1), "wrong")
        if versions[-back].status == "active":
            versions[-back].status = "quarantined"
            self.changed()

    @rule(alias=names, name=names)
    def alias(self, alias: str, name: str) -> None:
        new = self.of(name)
        current = self.current(alias)
        if new == alias:
            self.library.alias(alias, name)
        elif current is not None and current.status == "active":
            with pytest.raises(LibraryError, match="has a tool of its own"):
                self.library.alias(alias, name)
        else:
            self.library.alias(alias, name)
            self.also = {old: new if kept == alias else kept for old, kept in self.also.items()}
            self.also[alias] = new
            self.changed()

    @rule()
    def nothing(self) -> None:
        assert self.library.revision() == self.revision

    @invariant()
    def they_agree(self) -> None:
        serving: dict[str, int] = {}
        for name in self.model:
            current = self.current(self.of(name))
            found = self.library.current(name)
            assert (found is None) == (current is None)
            assert [each.status for each in self.library.versions(name)] == [
                each.status for each in reversed(self.model[self.of(name)])
            ]
            serves = self.library.find(name)
            assert (serves is not None) == (current is not None and current.status == "active")
            if found is not None and current is not None:
                assert found.tool.source == f"def f(): return {current.number}"
        for name in self.model:
            current = self.current(name)
            if current is not None and current.status == "active":
                serving[name] = current.version
        assert self.library.serving() == serving
        assert [each.name for each in self.library.list()] == sorted(serving)


TestVersions = Versions.TestCase
TestVersions.settings = settings(max_examples=40, stateful_step_count=20)


def test_versions_on_a_server(postgres_socket: str) -> None:
    class OnServer(Versions):
        def open(self) -> Library:
            return Library(postgres.clear(postgres_socket))

    run_state_machine_as_test(OnServer, settings=settings(max_examples=8, stateful_step_count=15))


def test_an_alias_takes_what_was_known_of_the_name_along(library: Library) -> None:
    library.remember("sort words", Example("q 1", "model's"))
    library.remember("sort words", Example("q 2", "caller's"), source="feedback")
    library.remember("word sorting", Example("q  2", "model's"))
    library.add_negative("sort-words", "not this")
    library.alias("sort words", "word sorting")
    assert [each.answer for _, each in library.pending("sort words")] == ["caller's", "model's"]
    assert library.pending("sort-words") == library.pending("word-sorting")
    assert library.negatives("word-sorting") == ("not this",)
    stored = library.add(numbered(1, "sort-words"))
    assert stored.name == "word-sorting"
    assert library.get("Sort Words") == stored
    library.alias("word sorting", "word sorting")  # says nothing new
    with pytest.raises(LibraryError, match="'word-sorting' has a tool of its own"):
        library.alias("word-sorting", "other")


def test_what_a_caller_says_outranks_what_a_model_says(library: Library) -> None:
    library.remember("t", Example("q", "model's"))
    assert library.remember("t", Example("q ", "another model's")) == 1
    assert library.remember("t", Example(" q", "right"), source="feedback") == 1
    assert library.remember("t", Example("q", "model's"), source="audit") == 1
    assert [each.answer for _, each in library.pending("t")] == ["right"]
    assert list(library.sources("t").values()) == ["feedback"]
    assert library.overruled("t") == {"q": "right"}
    ((number, _),) = library.pending("t")
    library.add(numbered(1, "t"), used=[number])
    assert library.pending("t") == ()
    library.remember("t", Example("q", "wrong again"), source="audit")
    assert [each.answer for _, each in library.pending("t")] == ["right"], "a used one outranks as well"
    library.remember("t", Example("q", "righter"), source="feedback")
    assert library.overruled("t") == {"q": "righter"}


def test_only_the_first_two_instances_of_a_task_are_news(library: Library) -> None:
    seen = [library.revision()]
    for number in range(4):
        library.remember("t", Example(f"q {number}", "a"))
        seen.append(library.revision())
    assert seen[0] < seen[1] < seen[2] == seen[3] == seen[4]
    assert library.tasks() == {"t": (Example("q 0", "a"), Example("q 1", "a"))}


def test_a_quarantined_tool_s_task_is_a_task_again(library: Library) -> None:
    library.remember("t", Example("q", "a"))
    stored = library.add(numbered(1, "t"), used=[number for number, _ in library.pending("t")])
    assert library.tasks() == {}
    library.quarantine(stored, "wrong")
    assert library.tasks() == {"t": (Example("q", "a"),)}
    library.retire("t")
    assert library.tasks() == {}


def test_the_newest_twenty_negatives_stay(library: Library) -> None:
    for number in range(25):
        library.add_negative("t", f"not {number} {ODD}")
    library.add_negative("t", f"not  7 {ODD}")
    kept = library.negatives("T")
    assert kept[0] == f"not  7 {ODD}"
    others = [number for number in range(24, 0, -1) if number != 7]
    assert [int(each.split()[1]) for each in kept[1:]] == others[:19]


def test_several_are_looked_up_at_once(library: Library) -> None:
    first, second = library.add(numbered(1, "a")), library.add(numbered(2, "a"))
    other = library.add(numbered(3, "b"))
    found = library.several({"a": 1, "b": 1, "c": 1})
    assert sorted(found, key=lambda tool: tool.name) == [first, other]
    assert library.several({"a": 2}) == (second,)
    assert library.several({}) == ()
    seen = library.revision()
    for number in range(3):
        library.add_negative("a", f"not {number}")
    library.add_negative("b", "not")
    # A dispatcher asks for these each time: they are no news.
    assert library.revision() == seen
    assert library.negatives_of(["a", "b", "c"]) == {"a": ("not 2", "not 1", "not 0"), "b": ("not",)}
    assert library.negatives_of([]) == {}


def test_a_repeat_holds_only_while_its_version_serves(library: Library) -> None:
    stored = library.add(numbered(1))
    library.remember_call(f"q {ODD}", stored, "f('\\ud800')")
    library.remember_call(f"q {ODD}", stored, "f(2)")
    assert library.repeat(f"q  {ODD}") == Repeat(tool="word-sorting", version=1, call="f(2)")
    library.quarantine(stored, "wrong")
    assert library.repeat(f"q {ODD}") is None
    library.restore("word-sorting")
    assert library.repeat(f"q {ODD}") is not None
    library.add(numbered(2))
    assert library.repeat(f"q {ODD}") is None
    library.rollback("word-sorting")
    assert library.repeat(f"q {ODD}") is not None
    library.forget_repeat(f"q {ODD}")
    assert library.repeat(f"q {ODD}") is None


def test_old_repeats_are_dropped(library: Library) -> None:
    stored = library.add(numbered(1))
    for number in range(3):
        library.remember_call(f"q {number}", stored, "f()")
    with library._database.transaction() as connection:
        connection.execute(sa.update(repeats).where(repeats.c.id == 3).values(id=100_999))
        if connection.dialect.name == "postgresql":  # which counts on its own
            connection.execute(sa.text("alter sequence latm_repeats_id_seq restart with 101000"))
    library.remember_call("q 3", stored, "f()")  # number 101,000
    assert [library.repeat(f"q {number}") is not None for number in range(4)] == [False, False, True, True]


def test_audits_are_kept_by_version(library: Library) -> None:
    stored = library.add(numbered(1))
    kept = [
        Audit(
            tool=stored.name, version=1, question=ODD, answer=f"{n}", other=ODD, agreed=agreed, source="model"
        )
        for n, agreed in enumerate([True, False, None])
    ]
    for each in kept:
        library.record_audit(each)
    library.record_audit(dataclasses.replace(kept[0], version=2))
    assert library.audits(stored) == tuple(kept)
    assert library.audits(stored, limit=2) == tuple(kept[1:])
    library.count_uses(stored, uses=5, failures=2)
    assert library.uses(stored) == (5, 2)


def test_a_version_that_no_column_holds_is_none(library: Library) -> None:
    library.add(tool())
    assert library.find("word-sorting", 10**30) is None
    assert library.find("word-sorting", -1) is None
