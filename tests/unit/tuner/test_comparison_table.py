"""The table of a comparison: every figure, 80 columns, and nothing that a terminal would obey."""

from __future__ import annotations

import dataclasses
import unicodedata
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from latm._figures import interval, percent, seconds, usd
from latm.tuner import Sample, TuningSpec
from latm.tuner._table import table
from latm.tuner.comparison import Comparison, Score, majority
from latm.tuner.formats import UNSURE
from unit.tuner.contest import SPEC, compared, contender, full, right_of, samples


def columns(line: str) -> int:
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in line
    )


def row(text: str, contender: str, place: int = 0) -> str:
    return [line for line in text.splitlines() if line.startswith(f"{contender} ")][place]


def with_names(comparison: Comparison, name: str) -> Comparison:
    """The same, with other names of the sets and the contenders, as a record may have them."""
    return dataclasses.replace(
        comparison,
        tuning=name,
        sets=tuple(dataclasses.replace(each, name=name + each.name) for each in comparison.sets),
        contenders=tuple(
            dataclasses.replace(each, name=name + each.name, model=name) for each in comparison.contenders
        ),
        scores=tuple(
            dataclasses.replace(each, set=name + each.set, contender=name + each.contender)
            for each in comparison.scores
        ),
        verdicts=tuple(
            dataclasses.replace(each, set=name + each.set, contender=name + each.contender)
            for each in comparison.verdicts
        ),
    )


def test_every_figure_of_every_contender_is_there() -> None:
    found = full()
    text = table(found)

    for place, set_ in enumerate(found.sets):
        for entrant in found.contenders:
            score = found.score(set_.name, entrant.name)
            cells = row(text, entrant.name, place).removeprefix(entrant.name).split()
            assert cells == [
                str(score.n),
                *percent(score.accuracy).split(),
                *f"({interval(score.low, score.high)})".split(),
                f"{score.macro_f1:.2f}",
                *percent(score.readable).split(),
                usd(score.cost_each),
                *seconds(score.seconds_mean).split(),
            ]


def test_an_unknown_cost_is_said_and_not_counted_as_nothing() -> None:
    text = table(full())

    assert "unknown" in row(text, "zero-shot")
    assert "unknown" in row(text, "base")
    assert row(text, "majority").split()[-3:] == ["$0", "0", "s"]
    assert '"unknown": the price' in text


def test_the_synthetic_set_is_marked() -> None:
    lines = table(full()).splitlines()

    assert "held-out.jsonl (synthetic: it flatters): 30 samples" in lines
    assert "real.jsonl: 60 samples" in lines


def test_sentences_notes_and_models_are_there() -> None:
    found = full()
    text = " ".join(table(found).split())

    for each in (*found.sentences, *found.notes):
        assert each in text
    for entrant in found.contenders[1:]:
        assert f"{entrant.name}: {entrant.model}" in text


def test_what_was_confused_is_told_of_all_but_the_majority() -> None:
    found = full()
    text = " ".join(table(found).split())

    confused = found.score("real.jsonl", "tuned (15)").confused[0]
    assert f"tuned (15): {confused.label} -> {confused.said} ({confused.count})" in text
    assert "majority: " not in text


def test_calibration_is_told_where_there_are_confidences() -> None:
    found = full()
    error = found.score("real.jsonl", "tuned (300)").calibration_error

    assert f"tuned (300) {error:.2f}." in " ".join(table(found).split())
    assert "calibration" not in table(compared({"real.jsonl": samples(4)}, contender("base", right_of(2))))


def test_abstaining_is_told_since_it_counts_as_wrong() -> None:
    sets = {"real.jsonl": samples(6)}
    doubting = contender("base", lambda sample, number: sample.label if number > 4 else UNSURE)

    text = table(compared(sets, doubting, contender("tuned", right_of(6), model="fake:t", trained=3)))

    assert "Unsure, which counts as wrong: base 4 of 6." in text
    assert "33.3 %" in row(text, "base")
    assert "Unsure" not in table(compared(sets, contender("base", right_of(2))))


def test_one_contender_and_one_sample_make_a_table() -> None:
    sets = {"real.jsonl": samples(1)}
    text = table(compared(sets, majority(SPEC, sets)))

    assert "real.jsonl: 1 sample\n" in text
    assert "There is one contender alone: nothing is compared." in text
    assert "who was asked" not in text
    assert "Most often" not in text


@given(st.text(st.one_of(st.characters(), st.sampled_from(" \n\t\x1b漢e\u0301\u202e\ud800")), max_size=200))
def test_no_name_breaks_the_lines(name: str) -> None:
    lines = table(with_names(full(), name)).split("\n")

    assert max(map(columns, lines)) <= 80
    assert all(each.isprintable() for each in lines)


def test_a_label_cannot_speak_to_the_terminal() -> None:
    evil = "\x1b[2Jcard\x9b31m"
    spec = TuningSpec(
        name="evil", about="a text", question="Which?", labels={evil: "one", "other": "another"}
    )
    put = {"real.jsonl": (Sample("a text", "other", id="1"),)}
    text = table(compared(put, contender("base", lambda *_: evil), spec=spec))

    assert "other -> \ufffd[2Jcard\ufffd31m (1)" in text


def test_large_figures_stay_within_the_columns() -> None:
    score: Score = dataclasses.replace(
        full().scores[0], n=99_999, cost_usd=Decimal(9_999 * 99_999), seconds_mean=5_900
    )
    lines = table(dataclasses.replace(full(), scores=(score, *full().scores[1:]))).split("\n")

    assert max(map(columns, lines)) == 80
    assert any("$9,999.00 98 min" in each for each in lines)
