"""Comparing: who is asked what, what becomes of the replies, and what may be said of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import ConfigError, Refused, Truncated, Unauthorized, Unavailable
from latm.errors import DataError
from latm.plugin import Reply, Usage
from latm.tuner import Sample
from latm.tuner.comparison import Comparison, Contender, Said, compare, majority
from unit.tuner.contest import LABELS, SPEC, contender, events, right_of, samples

REAL = {"real.jsonl": samples(100)}


def compared(
    sets: Mapping[str, tuple[Sample, ...]], *contenders: Contender, backend: str = "asyncio", **options: Any
) -> Comparison:
    async def run() -> Comparison:
        return await compare(SPEC, sets, contenders, **{"events": events(), **options})

    return anyio.run(run, backend=backend)


def two(base: int, tuned: int, count: int = 100) -> Comparison:
    return compared(
        {"real.jsonl": samples(count)},
        contender("base", right_of(base)),
        contender("tuned", right_of(tuned), trained=15),
    )


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_every_contender_is_asked_about_every_sample(backend: str) -> None:
    asked: list[tuple[str, str, int]] = []

    def says(sample: Sample, number: int) -> str:
        asked.append((sample.id, sample.label, number))
        return sample.label

    sets = {"one.jsonl": samples(5, name="one"), "two.jsonl": samples(3, name="two")}
    found = compared(sets, contender("base", says), contender("tuned", says), backend=backend)
    assert len(asked) == 16
    assert {number for id_, _, number in asked if id_ == "two-2"} == {3}
    assert [(each.set, each.contender, each.n, each.right) for each in found.scores] == [
        ("one.jsonl", "base", 5, 5),
        ("one.jsonl", "tuned", 5, 5),
        ("two.jsonl", "base", 3, 3),
        ("two.jsonl", "tuned", 3, 3),
    ]


def test_so_many_are_asked_at_a_time_and_the_order_is_that_of_the_samples() -> None:
    under_way, most = 0, 0

    async def ask(sample: Sample, number: int) -> Said:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(20 - number):  # the first takes longest
            await anyio.lowlevel.checkpoint()
        under_way -= 1
        return Said(sample.label)

    found = compared(
        {"real.jsonl": samples(20)}, Contender(kind="base", model="fake:m", ask=ask), concurrency=4
    )
    assert most == 4
    assert [each.sample for each in found.verdicts] == [f"real-{number}" for number in range(20)]


def test_a_reply_is_read_strictly_and_an_abstention_is_no_label() -> None:
    replies = ["card", "unsure", "It is about a loan.", "CARD.", "loan", ""]
    found = compared(
        {"real.jsonl": samples(6, labels=["card"])},
        contender("base", lambda _, number: replies[number - 1]),
    )
    score = found.score("real.jsonl", "base")
    assert [each.kind for each in found.verdicts] == [
        "label", "unsure", "unreadable", "label", "label", "unreadable",
    ]  # fmt: skip
    assert (score.right, score.unsure, score.unreadable, score.errors) == (2, 1, 2, 0)
    assert (score.readable, score.coverage, score.answered) == (4 / 6, 3 / 6, 2 / 3)
    assert score.confusion[0] == (2, 1, 0, 1, 2, 0)
    assert [(each.label, each.said, each.count) for each in score.confused] == [("card", "loan", 1)]
    assert score.cost_usd == Decimal("0.006")
    assert score.cost_each == Decimal("0.001")
    assert (score.seconds_mean, score.seconds_p50) == (0.5, 0.5)


def test_one_unknown_cost_makes_the_whole_unknown() -> None:
    says = [Said("card", cost_usd=Decimal(1)), Said("card")]
    found = compared({"real.jsonl": samples(2)}, contender("base", lambda _, number: says[number - 1]))
    assert found.scores[0].cost_usd is None
    assert found.scores[0].cost_each is None


def test_a_sample_without_a_reply_is_named_and_left_out_of_the_test() -> None:
    def says(sample: Sample, number: int) -> str | Exception:
        return Unavailable("the service is down") if number % 2 else sample.label

    found = compared(REAL, contender("base", says), contender("tuned", right_of(100)))
    assert (found.scores[0].errors, found.scores[0].right) == (50, 50)
    (pair,) = found.pairs
    assert (pair.n, pair.left_out, pair.p, pair.outcome) == (50, 50, 1, "no difference")
    assert "Left out: 50 to which one of them gave no reply." in pair.sentence
    assert not found.shown()
    assert any("50 of 100" in each and "Unavailable: the service is down" in each for each in found.notes)


def test_what_was_refused_or_cut_is_a_reply_that_names_no_label() -> None:
    partial = Reply(text="Well, it seems that", usage=Usage(), model="m")
    says = [Refused("no", sent=False), Truncated("cut", reply=partial)]
    found = compared({"real.jsonl": samples(2)}, contender("base", lambda _, number: says[number - 1]))
    assert [(each.kind, each.reply, each.cost_usd) for each in found.verdicts] == [
        ("unreadable", "", 0),
        ("unreadable", "Well, it seems that", None),
    ]
    assert found.verdicts[0].error == "Refused: no"


def test_a_contender_that_is_down_is_not_asked_for_ever() -> None:
    asked: list[int] = []

    def says(_: Sample, number: int) -> Exception:
        asked.append(number)
        return Unavailable("down")

    with pytest.raises(Unavailable, match="down"):
        compared(REAL, contender("base", says), concurrency=1)
    assert len(asked) == 10


def test_progress_is_told() -> None:
    heard: list[tuple[str, Mapping[str, object]]] = []
    both = (contender("base", right_of(2)), contender("tuned", right_of(3)))
    compared({"real.jsonl": samples(3)}, *both, events=events(heard), concurrency=1)
    assert [name for name, _ in heard] == ["tune.compared"] * 6
    assert [(each["asked"], each["total"]) for _, each in heard] == [(n, 6) for n in range(1, 7)]
    assert heard[2][1] == {
        "contender": "base", "set": "real.jsonl", "done": 3, "of": 3, "right": 2, "asked": 3, "total": 6,
        "cost_usd": Decimal("0.003"),
    }  # fmt: skip


def test_the_majority_class_is_that_of_each_set() -> None:
    sets = {
        "one.jsonl": samples(4, name="one", labels=["loan", "loan", "card", "account"]),
        "two.jsonl": samples(4, name="two", labels=["account", "card"]),
    }
    found = compared(sets, majority(SPEC, sets))
    assert {(each.set, each.said) for each in found.verdicts} == {
        ("one.jsonl", "loan"),
        ("two.jsonl", "card"),  # as often as the account, and before it in the spec
    }
    assert found.scores[0].cost_usd == 0
    assert any("majority class is that of the very set" in each for each in found.notes)


def test_better_no_difference_and_worse_in_words() -> None:
    assert two(53, 70).verdict == (
        "tuned (15) is better than base on real.jsonl, n = 100: +17 points (95 % interval +11 to +26), p < 0.001."  # noqa: E501
    )
    assert two(70, 53).verdict.startswith("tuned (15) is worse than base on real.jsonl, n = 100: -17 points")
    assert two(53, 57).verdict == (
        "No difference shown between tuned (15) and base on real.jsonl, n = 100: "
        "+4 points (95 % interval 0 to +10), p = 0.12; one of 10 points would most likely have shown."
    )
    few = two(5, 7, count=10).verdict
    assert few.startswith("No difference shown between tuned (15) and base on real.jsonl, n = 10: +20 points")
    assert few.endswith("p = 0.50; to show one of 10 points you would need about 165 samples.")


def test_six_samples_more_are_shown_and_five_are_not() -> None:
    assert two(50, 56).shown()
    assert not two(50, 55).shown()
    assert not two(56, 50).shown()
    assert two(50, 56).better() == ("fake:tuned",)
    assert two(50, 55).better() == ()


def test_real_samples_decide_where_there_are_any() -> None:
    sets = {"held-out.jsonl": samples(60, name="made"), "real.jsonl": samples(60)}

    def says(sample: Sample, number: int) -> Said:
        return right_of(60 if sample.id.startswith("made") else 30)(sample, number)

    both = compared(
        sets, contender("base", right_of(30)), contender("tuned", says), synthetic={"held-out.jsonl"}
    )
    assert [each.name for each in both.sets] == ["real.jsonl", "held-out.jsonl"]
    assert not both.shown()
    assert "real.jsonl" in both.verdict
    assert "synthetic" not in both.verdict
    assert any("held-out.jsonl is synthetic and flatters" in each for each in both.notes)
    alone = compared(
        {"held-out.jsonl": sets["held-out.jsonl"]},
        contender("base", right_of(30)),
        contender("tuned", says),
        synthetic={"held-out.jsonl"},
    )
    assert alone.shown()
    assert "held-out.jsonl (synthetic)" in alone.verdict


def test_samples_that_a_model_wrote_are_synthetic_whatever_they_are_called() -> None:
    made = tuple(Sample(each.text, each.label, id=each.id, by="fake:maker") for each in samples(3))
    assert compared({"x.jsonl": made}, contender("base", right_of(1))).sets[0].synthetic


def test_several_tuned_models_pay_for_being_several() -> None:
    found = compared(
        REAL,
        contender("base", right_of(50)),
        contender("tuned", right_of(56), model="fake:c", trained=300),
        contender("tuned", right_of(56), model="fake:a", trained=15),
        contender("tuned", right_of(90), model="fake:b", trained=60),
    )
    assert [each.name for each in found.contenders] == ["base", "tuned (15)", "tuned (60)", "tuned (300)"]
    main = [each for each in found.pairs if each.main]
    assert [(each.tests, each.outcome) for each in main] == [
        (3, "no difference"),
        (3, "better"),
        (3, "no difference"),
    ]
    assert main[0].p == 2 / 64
    assert main[0].corrected == 4 / 64
    assert "after Holm's correction for 3 tests" in main[0].sentence
    assert found.shown()
    assert found.better() == ("fake:b",)
    assert not found.shown(tuned="fake:a")
    assert len(found.pairs) == 6


def test_several_real_sets_pay_for_being_several_and_a_synthetic_one_beside_them_costs_nothing() -> None:
    names = ("one.jsonl", "two.jsonl", "made.jsonl")
    sets = {name: samples(100, name=name) for name in names}
    found = compared(
        sets,
        contender("base", right_of(50)),
        contender("tuned", right_of(56)),
        synthetic={"made.jsonl"},
    )
    main = [(each.set, each.tests, each.corrected) for each in found.pairs if each.main]
    assert main == [("one.jsonl", 2, 4 / 64), ("two.jsonl", 2, 4 / 64), ("made.jsonl", 1, 2 / 64)]
    assert not found.shown(), "that either of two shows it by chance is twice as likely"
    assert found.better() == ()


def test_who_was_not_compared_is_not_shown_to_be_anything() -> None:
    with pytest.raises(ConfigError, match="no contender 'tuned'"):
        compared(REAL, contender("base", right_of(3))).shown()


CASES: Mapping[str, tuple[Mapping[str, tuple[Sample, ...]], str]] = {
    "no set": ({}, "there is no set"),
    "an empty set": ({"a": ()}, "a: holds no sample"),
    "an unknown label": ({"a": (Sample("x", "Card", id="7"),)}, "a: 7: no such label: 'Card'"),
    "an empty text": ({"a": (Sample(" ", "card", id="7"),)}, "a: 7: the text is empty"),
    "an id twice": (
        {"a": (Sample("x", "card", id="7"), Sample("y", "card", id="7"))},
        "7: the id is there 2",
    ),
    "a text in two sets": ({"a": samples(2), "b": samples(1)}, "b: real-0: the same text is in a"),
    "two labels": (
        {"a": (Sample("x", "card"), Sample("x", "loan"))},
        "sample 2: the same text has the label",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_samples_are_named_before_anybody_is_asked(case: str) -> None:
    sets, problem = CASES[case]
    with pytest.raises(DataError) as caught:
        compared(sets, contender("base", lambda *_: AssertionError("was asked")))
    assert problem in str(caught.value)


def test_bad_contenders_and_options_are_named() -> None:
    base = contender("base", right_of(1))
    with pytest.raises(ConfigError, match="nothing to compare"):
        compared(REAL)
    with pytest.raises(ConfigError, match="base fake:base is there twice"):
        compared(REAL, base, base)
    with pytest.raises(ConfigError, match="no such set: 'reel.jsonl'. Did you mean 'real.jsonl'"):  # noqa: RUF043
        compared(REAL, base, synthetic={"reel.jsonl"})
    with pytest.raises(ConfigError, match="concurrency"):
        compared(REAL, base, concurrency=0)


def test_confidences_are_judged_and_impossible_ones_are_none() -> None:
    found = compared(REAL, contender("tuned", right_of(80, sure=0.9)))
    score = found.scores[0]
    assert score.calibration_error == pytest.approx(0.1)
    assert score.brier == pytest.approx(0.8 * 0.01 + 0.2 * 0.81)
    assert (score.bins[9].n, score.bins[9].right) == (100, 0.8)
    odd = compared(REAL, contender("tuned", right_of(80, sure=float("nan"))))
    assert odd.scores[0].calibration_error is None
    assert odd.verdicts[0].confidence is None


REPLIES = st.sampled_from([*LABELS, "unsure", "what?", "error"])


@given(st.lists(st.tuples(REPLIES, REPLIES, st.sampled_from(LABELS)), min_size=1, max_size=12))
def test_a_record_holds_all_of_it_and_is_json(told: list[tuple[str, str, str]]) -> None:
    def says(place: int) -> Any:
        def say(_: Sample, number: int) -> str | Exception:
            reply = told[number - 1][place]
            return Unavailable("down") if reply == "error" and number % 3 else reply

        return say

    put = tuple(Sample(f"text {number}", each[2]) for number, each in enumerate(told))
    found = compared({"x": put}, contender("base", says(0)), contender("tuned", says(1), trained=4))
    record = json.loads(json.dumps(found.to_record(), allow_nan=False))
    assert Comparison.from_record(record) == found
    assert record["format"] == 1
    assert record["shown"] is found.shown()
    for each in found.scores:
        assert sum(sum(row) for row in each.confusion) == each.n == len(told)
        assert each.low <= each.accuracy <= each.high


@pytest.mark.parametrize("kind", [ConfigError("wrong"), Unauthorized("no key"), ValueError("ours")])
def test_what_would_fail_again_ends_the_asking_and_what_is_under_way_is_awaited(kind: Exception) -> None:
    started: list[int] = []
    ended: list[int] = []

    async def ask(sample: Sample, number: int) -> Said:
        started.append(number)
        if number == 2:
            raise kind
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        ended.append(number)
        return Said(sample.label)

    with pytest.raises(type(kind), match=str(kind)):
        compared(REAL, Contender(kind="base", model="fake:base", ask=ask), concurrency=4)
    assert set(started) - set(ended) == {2}, "nothing that was begun is thrown away"
    assert len(started) <= 4, "and nothing more is begun"


def test_a_record_that_is_none_is_refused() -> None:
    record = two(1, 2, count=3).to_record()
    assert Comparison.from_record(json.loads(json.dumps(record))).to_record() == record
    for broken, message in (
        ({**record, "format": 2}, "of format 1, but of 2"),
        ({}, "of format 1, but of None"),
        ({key: value for key, value in record.items() if key != "verdicts"}, "is no comparison: .*verdicts"),
        ({**record, "verdicts": []}, "the verdicts of base on real.jsonl are not those of its samples"),
        ({**record, "sets": 3}, "is no comparison"),
    ):
        with pytest.raises(DataError, match=message):
            Comparison.from_record(broken)
