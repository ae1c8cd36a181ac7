"""What the library keeps of answers: counts that add up, however often they were added up before."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.engine.models import DEFAULTS, ROLES, provider
from latm import Config, ConfigError, Engine, Example
from latm._latency import quantile, seconds_of, step_of
from latm.library import Answered, JournalEntry, Library
from latm.library._counts import Counts
from latm.library._database import Database
from unit.engine.test_journal import OLD

TIMES = ("1T00:00", "1T00:59", "1T10:00", "2T00:00")
HOURS = [f"2026-01-0{time}:00.000+00:00" for time in TIMES]
ANSWERS = st.lists(
    st.builds(
        Answered,
        task=st.just("a"),
        tool=st.sampled_from([None, "a"]),  # few kinds, so that there is much to add up
        version=st.none(),
        layer=st.just("dispatcher"),
        route=st.sampled_from(["tool", "model"]),
        questions=st.integers(1, 5),
        known_usd=st.decimals(0, 1, places=6),
        unpriced=st.integers(0, 1),
        seconds=st.integers(0, 10).map(float),
        times=st.dictionaries(st.integers(0, 64), st.integers(1, 5), max_size=3),
        at=st.sampled_from(HOURS),
    ),
    max_size=12,
)


def sums(answers: Sequence[Answered]) -> dict[object, list[object]]:
    """What there is of each kind and hour."""
    groups: dict[object, list[Answered]] = {}
    for each in answers:
        groups.setdefault((each.at[:13], each.key), []).append(each)
    return {
        place: [
            sum(each.questions for each in group),
            sum(each.known_usd for each in group),
            sum(each.unpriced for each in group),
            sum(each.seconds for each in group),
            sum((Counter(each.times) for each in group), Counter()),
        ]
        for place, group in groups.items()
    }


@given(answers=ANSWERS, keeps=st.lists(st.integers(0, 12), max_size=3))
def test_adding_up_changes_no_sum_of_an_hour(answers: list[Answered], keeps: list[int]) -> None:
    database = Database("sqlite://")
    book = Counts(database)
    ordered = sorted(answers, key=lambda each: each.at)
    book.add(ordered)
    for keep in keeps:
        book.tidy(keep=keep)
    assert sums(book.all()) == sums(ordered)
    if 0 in keeps:
        assert len(book.all()) == len(sums(ordered))
    database.close()


def test_counts_come_back_from_either_kind_of_database(library: Library, url: str) -> None:
    one = Answered(
        task="a",
        tool="a",
        version=1,
        layer="parser",
        route="tool",
        questions=3,
        known_usd=Decimal("0.000001"),
        unpriced=1,
        seconds=0.5,
        times={3: 2, 9: 1},
        at=HOURS[0],
    )
    library.count_answers([one])
    library.count_answers([])
    assert library.answered() == (one,)
    database = Database(url)
    Counts(database).tidy(keep=0)
    library.count_answers([one])
    Counts(database).tidy(keep=0)
    database.close()
    assert library.answered() == (one + one,)
    assert library.counted_since() is None


def test_an_older_library_says_since_when_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD)
    library = Library(f"sqlite:///{path}")
    assert library.answered() == ()
    assert str(library.counted_since()).startswith("20")
    library.close()


def test_a_payment_is_an_entry_of_the_journal_without_what_was_said(
    open_library: Callable[[], Library],
) -> None:
    library = open_library()
    entry = JournalEntry(
        run="ask-1",
        step="use/1",
        digest="d",
        role="user",
        model="p:m",
        request={"private": "x"},
        reply={"private": "y"},
        task="a",
        tool="a",
        cost_usd=Decimal("0.1"),
        seconds=2.0,
        outcome="Truncated",
    )
    library.record(entry)
    (paid,) = library.payments()
    assert (paid.run, paid.step, paid.role, paid.task, paid.tool) == ("ask-1", "use/1", "user", "a", "a")
    assert (paid.cost_usd, paid.seconds, paid.outcome) == (Decimal("0.1"), 2.0, "Truncated")
    assert paid.at.startswith("20")
    assert not hasattr(paid, "request")


def test_an_engine_counts_what_it_answered(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'latm.db'}"
    config = Config(roles=ROLES, prices={"fake:fallback": {"input": "3", "output": "15"}}, library=url)
    with Engine(config, plugins={"fake": provider(DEFAULTS)}) as engine:
        answers = [engine.solve(f"What is {number}?") for number in range(3)]
        engine.settle()
        counted = engine.library.answered()
    assert sum(each.questions for each in counted) == len(answers)
    assert {(each.layer, each.route) for each in counted} == {("dispatcher", "model")}
    assert sum(each.unpriced for each in counted) == 3  # the dispatcher's model has no price
    assert sum(sum(each.times.values()) for each in counted) == 3


def test_what_is_no_question_among_many_is_said_in_its_place(tmp_path: Path) -> None:
    config = Config(roles=ROLES, library=f"sqlite:///{tmp_path / 'latm.db'}")
    with Engine(config, plugins={"fake": provider(DEFAULTS)}) as engine:
        answers = engine.solve_many(["What is 1?", None, "What is 2?"])  # type: ignore[list-item]
        assert next(answers).question == "What is 1?"
        with pytest.raises(ConfigError, match="a question is a text, not NoneType"):
            next(answers)
        with pytest.raises(ConfigError, match="questions: is one text"):
            next(engine.solve_many("What is 1?"))


def test_what_an_engine_cannot_work_with_is_named(tmp_path: Path) -> None:
    config = Config(roles=ROLES, library=f"sqlite:///{tmp_path / 'latm.db'}")
    with pytest.raises(ConfigError, match=r"needs a Config; Config\.load\(PATH\) reads one"):
        Engine("latm.toml")  # type: ignore[arg-type]
    with Engine(config, plugins={"fake": provider(DEFAULTS)}) as engine:
        for use in (lambda: engine.use(3, "q"), lambda: engine.call(3, {}), lambda: engine.test(3)):  # type: ignore[arg-type]
            with pytest.raises(ConfigError, match="tool: must be a tool or its name, not int"):
                use()
        with pytest.raises(ConfigError, match="concurrency: must be a whole number, not '2'"):
            next(engine.solve_many(["q"], concurrency="2"))  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"attempts: must be a whole number, not 1\.5"):
            engine.make("t", [Example("q", "a")], attempts=1.5)  # type: ignore[arg-type]


@given(st.floats(1e-4, 1e4))
def test_a_time_is_kept_to_within_a_step(seconds: float) -> None:
    assert seconds_of(step_of(seconds)) == pytest.approx(seconds, rel=0.16)


@given(st.dictionaries(st.integers(0, 64), st.integers(1, 9), min_size=1), st.floats(0.01, 1))
def test_a_share_comes_within_its_quantile(times: dict[int, int], share: float) -> None:
    found = quantile(times, share)
    assert found is not None
    within = sum(count for step, count in times.items() if seconds_of(step) <= found)
    assert within >= share * sum(times.values()) - 1e-9


def test_no_answers_have_no_quantile() -> None:
    assert quantile({}, 0.5) is None
    assert (step_of(0.0), step_of(-1.0), step_of(1e9)) == (0, 0, 64)
