"""The figures of a report, beside what can be counted by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm.library import Answered, JournalEntry, Kept, Library, Payment
from latm.report import Report, gather
from latm.report._gather import compared
from latm.report._money import Strong, break_even, money, thinned
from unit.report.filled import CHEAP, MAKING, STRONG, fill, made

NOW = datetime(2026, 3, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    folder = tmp_path_factory.mktemp("figures")
    fill(folder / "latm.db")
    library = Library(f"sqlite:///{folder / 'latm.db'}")
    yield gather(library, enough=9, now=NOW)
    library.close()


def paid(
    run: str, usd: str | None, *, step: str = "x", task: str | None = None, at: str = "2026-01-01"
) -> Payment:
    return Payment(
        run=run,
        step=step,
        role="r",
        model="p:m",
        task=task,
        tool=None,
        cost_usd=None if usd is None else Decimal(usd),
        seconds=0.1,
        outcome="replied",
        at=at,
    )


def answers(
    questions: int,
    usd: str,
    *,
    at: str = "2026-01-02",
    task: str = "a",
    unpriced: int = 0,
    route: str = "tool",
) -> Answered:
    return Answered(
        task=task,
        tool=task,
        version=1,
        layer="dispatcher",
        route=route,  # type: ignore[arg-type]
        questions=questions,
        known_usd=Decimal(usd),
        unpriced=unpriced,
        seconds=1.0,
        at=at,
    )


def figures(payments: Sequence[Payment], answered: Sequence[Answered], since: str | None = None):
    return money(payments, answered, Strong(payments), since=since)


def payback(payments: Sequence[Payment], answered: Sequence[Answered]):
    return break_even(
        "a",
        makings=[each for each in payments if each.run == "make-1"],
        audits=[each for each in payments if each.run == "audit-1"],
        answered=answered,
        strong=Strong(payments),
    )


def test_what_was_spent_is_told_by_what_for(report: Report) -> None:
    money = report.money
    strong = 10 + 5
    dispatched = strong + 5 + sum(number % 3 != 0 for number in range(10, 210))
    assert (money.questions.calls, money.questions.known_usd) == (
        strong + dispatched,
        strong * STRONG + dispatched * CHEAP,
    )
    assert (money.makings.calls, money.makings.known_usd, money.makings.unpriced) == (4, 3 * MAKING, 1)
    assert (money.audits.calls, money.audits.known_usd) == (24, 24 * STRONG)
    assert (money.others.calls, money.others.known_usd) == (1, Decimal("0.25"))
    assert money.before.calls == 0
    assert money.answering.known_usd == money.points[-1].spent_usd


def test_the_strong_model_alone_is_its_replies_and_their_mean(report: Report) -> None:
    money = report.money
    assert (money.measured, money.by_task, money.by_all, money.unvalued) == (15, 200, 0, 0)
    assert money.alone_usd == 215 * STRONG == money.points[-1].alone_usd
    assert report.questions == money.points[-1].questions == 220


def test_break_even_is_where_savings_reach_makings_and_audits(report: Report) -> None:
    (sorting, roman) = report.tools
    found = sorting.break_even
    assert (found.making.known_usd, found.audits.known_usd, found.answers) == (2 * MAKING, 24 * STRONG, 200)
    assert (found.alone_usd, found.alone_of, found.own_task) == (STRONG, 34, True)
    assert found.answer_usd is not None
    saved = STRONG - found.answer_usd
    assert found.net_usd == 200 * saved - 2 * MAKING - 24 * STRONG
    # Audits came at the end, so that makings alone had to be paid for.
    assert found.needed == found.reached_after == 52
    assert found.reached is not None
    assert found.curve[0] == (0, -2 * MAKING)
    assert found.curve[-1] == (200, found.net_usd)
    assert (roman.break_even.own_task, roman.break_even.needed, roman.break_even.reached) == (
        False,
        None,
        None,
    )
    assert roman.break_even.net_usd == -MAKING


def test_each_route_has_its_share_and_its_latency(report: Report) -> None:
    found = {(each.layer, each.route): each for each in report.routes}
    repeats = sum(number % 9 == 0 for number in range(10, 210))
    parsed = sum(number % 3 == 0 for number in range(10, 210)) - repeats
    assert {key: each.questions for key, each in found.items()} == {
        ("dispatcher", "tool"): 200 - repeats - parsed,
        ("parser", "tool"): parsed,
        ("repeat", "tool"): repeats,
        ("dispatcher", "model"): 15,
        ("dispatcher", "none"): 5,
    }
    assert sum(each.share for each in report.routes) == pytest.approx(1)
    assert [each.questions for each in report.routes] == sorted(
        (each.questions for each in report.routes), reverse=True
    )
    for each in report.routes:
        assert each.p50_s <= each.p95_s <= each.p99_s
        assert each.p50_s / 1.35 <= each.mean_s <= each.p99_s * 1.16
    assert found["repeat", "tool"].p50_s < found["parser", "tool"].p50_s < found["dispatcher", "tool"].p50_s


def test_versions_stand_by_exam_and_audits(report: Report) -> None:
    sorting, roman = report.tools
    assert (sorting.name, sorting.serves, roman.name, roman.serves) == (
        "word-sorting",
        True,
        "roman-numerals",
        False,
    )
    newest, older = sorting.versions
    assert (newest.state, older.state, roman.shown.state) == ("serves", "replaced", "quarantined")
    found = newest.standing
    assert (found.exam_right, found.exam_asked, found.exam_model) == (3, 3, "toy:user")
    assert (found.audited, found.agreed, found.undecided, found.feedback) == (24, 23, 0, 5)
    assert found.low is not None
    assert found.high is not None
    assert 0.79 < found.low < 23 / 24 < found.high < 1
    assert [each.question for each in newest.disagreements] == ["Sort these words: b a 0"]
    assert (older.standing.exam_right, older.standing.audited, older.standing.low) == (2, 0, None)
    assert (roman.shown.standing.agreed, roman.shown.standing.audited, roman.shown.standing.undecided) == (
        0,
        5,
        1,
    )
    assert roman.shown.version.reason == "5 of 5 audited answers are disagreed with"
    assert [each.error for each in sorting.failures] == ["3 of 6 calls were wrong"]


def test_pending_tasks_say_what_they_wait_for(report: Report) -> None:
    hours, roman = report.pending
    assert (hours.task, hours.pending, hours.needed, hours.quarantined) == ("opening-hours", 5, 14, False)
    assert (hours.state, hours.stage, hours.error) == ("failed", "propose", "the function needs a network")
    assert (hours.making.calls, hours.making.unpriced) == (1, 1)
    assert len(hours.examples) == 2
    assert (roman.task, roman.pending, roman.needed, roman.quarantined) == ("roman-numerals", 0, 9, True)


def test_comparisons_come_with_what_they_show(report: Report) -> None:
    newest, older = report.comparisons
    assert (newest.number, newest.shown, older.number, older.shown) == (2, True, 1, False)
    assert [(each.set, each.contender, each.synthetic) for each in newest.bars[:4]] == [
        ("real.jsonl", "majority", False),
        ("real.jsonl", "base", False),
        ("real.jsonl", "tuned", False),
        ("written.jsonl", "majority", True),
    ]
    assert newest.verdict.startswith("tuned is better than base on real.jsonl")
    (promoted,) = report.promotions
    assert (promoted.role, promoted.model, promoted.comparison) == ("user", "local:tuned/complaints", 2)


def test_a_task_that_another_name_was_merged_into_has_the_replies_to_both() -> None:
    library = Library("sqlite://")
    library.add(made("word-sorting", run="make-1"))
    for task, usd in (("sort-words", "1"), ("none", "9")):
        library.record(
            JournalEntry(
                run=f"ask-{task}",
                step="fallback",
                digest="d",
                role="fallback",
                model="p:m",
                request={},
                reply={},
                task=task,
                cost_usd=Decimal(usd),
            )
        )
    library.alias("sort-words", "word-sorting")
    library.count_answers([answers(2, "0.1", task="word-sorting")])
    found = gather(library)
    library.close()
    even = found.tools[0].break_even
    assert (even.alone_usd, even.alone_of, even.own_task) == (1, 1, True)
    assert (found.money.by_task, found.money.alone_usd) == (2, 1 + 9 + 2)


def test_many_names_are_resolved_as_each_is() -> None:
    library = Library("sqlite://")
    library.alias("sort-words", "word-sorting")
    library.alias("order", "sort words")
    names = ["Sort Words", "order", "word sorting", "unheard of", "word-sorting"]
    found = library.resolve_all([*names, ""])
    assert found == {**{each: library.resolve(each) for each in names}, "": ""}
    assert found["order"] == found["Sort Words"] == "word-sorting"
    library.close()


def test_a_making_that_came_to_nothing_is_told_of_without_anything_pending() -> None:
    library = Library("sqlite://")
    run = library.begin("opening-hours", "print")
    library.record(
        JournalEntry(
            run=run,
            step="propose/1",
            digest="d",
            role="maker",
            model="p:m",
            request={},
            reply={},
            task="Opening Hours",
            cost_usd=Decimal(5),
        )
    )
    library.fail(run, (), stage="propose", error="it needs a network")
    found = gather(library, enough=9)
    library.close()
    (task,) = found.pending
    assert (task.task, task.pending, task.state, task.making.known_usd) == ("opening-hours", 0, "failed", 5)
    assert not found.empty


def test_a_comparison_that_cannot_be_read_says_why() -> None:
    kept = Kept(key="7", name="x", record={"format": 99}, created="c", changed="c")
    found = compared(kept)
    assert (found.number, found.bars) == (7, ())
    assert "format" in str(found.problem)


def test_an_empty_library_gives_a_report(tmp_path: Path) -> None:
    library = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    found = gather(library)
    library.close()
    assert found.empty
    assert (found.questions, found.money.alone_usd, found.money.points, found.routes) == (0, None, (), ())


def test_an_unknown_price_is_no_zero() -> None:
    fallback = {"step": "fallback", "task": "a"}
    found = figures([paid("ask-1", None, **fallback), paid("ask-1", "1")], [answers(3, "0.1")])
    assert (found.questions.known_usd, found.questions.unpriced) == (Decimal(1), 1)
    # No reply of the strong model has a price, so its cost alone is not known at all.
    assert (found.alone_usd, found.measured, found.unvalued) == (None, 0, 4)

    making = paid("make-1", "1")
    priced = [paid("ask-1", "0.5", **fallback), making]
    assert payback(priced, [answers(4, "0.1")]).reached_after == 4
    for payments, answered in (
        ([paid("ask-1", "0.5", **fallback), paid("make-1", None)], [answers(4, "0.1")]),
        ([*priced, paid("audit-1", None, task="a")], [answers(4, "0.1")]),
        (priced, [answers(4, "0.1", unpriced=1)]),
        ([paid("ask-1", None, **fallback), making], [answers(4, "0.1")]),
    ):
        found = payback(payments, answered)
        assert (found.net_usd, found.curve, found.reached) == (None, (), None)


def test_a_task_that_the_strong_model_never_answered_takes_the_mean_over_all() -> None:
    payments = [
        paid("ask-1", "0.1", step="fallback", task="b"),
        paid("ask-2", "0.3", step="fallback"),
        paid("ask-2", "9", step="dispatch"),
    ]
    found = figures(payments, [answers(10, "1")])
    assert (found.by_task, found.by_all, found.alone_usd) == (0, 10, Decimal("2.4"))
    assert Strong(payments).mean("b") == (Decimal("0.1"), 1, True)


def test_every_attempt_of_a_reply_is_its_price_and_what_an_audit_asks_beside_is_none() -> None:
    payments = [
        paid("ask-1", "0.1", step="fallback", task="a"),
        paid("ask-1", "0.2", step="fallback", task="a"),
        paid("audit-1", "0.5", step="fallback", task="a"),
        paid("audit-2", "70", step="fits", task="a"),
        paid("make-1", "80", step="fallback", task="a"),
    ]
    strong = Strong(payments)
    assert strong.mean("a") == (Decimal("0.4"), 2, True)
    # Only what a caller asked would have gone to the strong model alone.
    assert figures(payments, []).alone_usd == Decimal("0.3")


def test_what_came_before_counting_is_in_no_curve() -> None:
    payments = [
        paid("make-1", "5", at="2026-01-01"),
        paid("ask-1", "1", step="fallback", task="a", at="2026-01-01"),
        paid("ask-2", "1", step="fallback", task="a", at="2026-01-03"),
        paid("tune-1", "7", at="2026-01-01"),
    ]
    found = figures(payments, [answers(2, "0.1", at="2026-01-04")], since="2026-01-02")
    assert (found.before.known_usd, found.answering.known_usd, found.others.known_usd) == (6, 1, 7)
    assert found.alone_usd == 1 + 2
    # The making of a tool in use is paid for whenever it was.
    assert payback(payments, [answers(2, "0.1", at="2026-01-04")]).making.known_usd == 5


def test_a_tool_that_is_dearer_than_the_strong_model_never_pays() -> None:
    found = payback(
        [paid("ask-1", "0.1", step="fallback", task="a"), paid("make-1", "1")], [answers(2, "0.4")]
    )
    assert (found.needed, found.reached, found.net_usd) == (None, None, Decimal("-1.2"))


def test_a_question_that_nobody_answered_saves_nothing() -> None:
    payments = [paid("ask-1", "0.5", step="fallback", task="a"), paid("make-1", "1")]
    found = payback(payments, [answers(100, "0.3", route="none"), answers(1, "0.1", at="2026-01-03")])
    assert (found.answers, found.answer_usd, found.reached) == (1, Decimal("0.4"), None)
    assert found.net_usd == Decimal("0.5") - Decimal("0.4") - 1


def test_what_is_paid_later_does_not_move_the_day_on_which_a_tool_had_paid_for_itself() -> None:
    before = [paid("ask-1", "0.5", step="fallback", task="a"), paid("make-1", "1")]
    for later, net in (("0.1", "0.5"), ("5", "-4.4")):
        audit = paid("audit-1", later, task="a", at="2026-01-09")
        found = payback([*before, audit], [answers(4, "0.4")])
        assert (found.reached, found.reached_after, found.net_usd) == ("2026-01-02", 4, Decimal(net))
        assert found.curve == ((0, Decimal(-1)), (4, Decimal(net)))


USD = st.decimals(0, 10, places=3).map(str)


@given(
    st.lists(st.tuples(st.sampled_from(["ask-1", "ask-2", "make-1", "audit-1"]), USD), max_size=20),
    st.lists(st.tuples(st.integers(1, 9), USD), max_size=20),
)
def test_curves_end_in_the_sums(spent: list[tuple[str, str]], answered: list[tuple[int, str]]) -> None:
    payments = [
        paid(run, usd, step="fallback", task="a", at=f"2026-01-{number + 1:02}")
        for number, (run, usd) in enumerate(spent)
    ]
    rows = [
        answers(count, usd, at=f"2026-02-{number + 1:02}") for number, (count, usd) in enumerate(answered)
    ]
    found = figures(payments, rows)
    if payments or rows:
        last = found.points[-1]
        assert last.spent_usd == sum(Decimal(usd) for _, usd in spent) == found.answering.known_usd
        assert last.questions == sum(count for count, _ in answered)
    for before, after in zip(found.points, found.points[1:], strict=False):
        assert before.at <= after.at
        assert before.spent_usd <= after.spent_usd
        assert before.alone_usd <= after.alone_usd
    tool = payback(payments, rows)
    if tool.net_usd is not None and tool.alone_usd is not None:
        cost = sum((Decimal(usd) for _, usd in answered), Decimal(0))
        assert tool.net_usd == pytest.approx(
            tool.alone_usd * tool.answers - cost - tool.making.known_usd - tool.audits.known_usd
        )


@given(st.lists(st.integers(), max_size=50), st.integers(2, 20))
def test_a_thinned_curve_keeps_its_ends(values: list[int], most: int) -> None:
    found = thinned(values, most)
    assert len(found) == min(len(values), most)
    if values:
        assert (found[0], found[-1]) == (values[0], values[-1])
