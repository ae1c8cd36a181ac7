"""What gives a label away, and what only looks like it."""

from __future__ import annotations

import pytest

from latm.tuner import Sample
from latm.tuner.review import review
from unit.tuner.test_review import a_spec, filler, found, texts


@pytest.mark.parametrize(
    "named",
    [
        "my credit card is",
        "My CREDIT CARDS are",
        "the credit-card was",
        "a creditcard came",
        "credit\n card",
        "credit_card x",
    ],
)
def test_a_label_named_in_any_form_is_a_leak(named):
    (leak,) = found(a_spec(), [*texts(), Sample(f"{named} {filler(7)}", "credit card", id="leak")], "leakage")

    assert (leak.severity, leak.samples, leak.drop) == ("warning", ("leak",), ("leak",))
    assert "1 of 9" in leak.message


def test_a_name_in_many_texts_of_its_label_is_in_the_way_of_training():
    samples = [*texts(), *(Sample(f"home loan {filler(n)}", "home loan", id=f"l{n}") for n in (70, 71, 72))]
    seen = review(a_spec(), samples)

    assert not seen.may_train
    assert seen.drop == {"l70", "l71", "l72"}


def test_a_name_that_the_texts_of_others_hold_as_often_gives_nothing_away():
    samples = [Sample(f"{each.text} credit card", each.label, id=each.id) for each in texts()]
    (leak,) = found(a_spec(), samples, "leakage")

    assert (leak.severity, leak.drop) == ("note", ())


def test_a_name_that_the_real_examples_hold_may_stay():
    spec = a_spec(examples=(Sample("Nobody blocks the lost credit card that is mine.", "credit card"),))
    (leak,) = found(
        spec, [*texts(), Sample(f"a credit card {filler(7)}", "credit card", id="leak")], "leakage"
    )

    assert (leak.severity, leak.drop) == ("note", ())


def test_words_of_a_name_apart_are_no_name():
    samples = [*texts(), Sample(f"a card on credit {filler(7)}", "credit card", id="no leak")]

    assert found(a_spec(), samples, "leakage") == []


def test_a_part_of_a_label_is_pointed_out_only():
    labels = {"checking or savings account": "Accounts.", "home loan": "Houses."}
    samples = [
        *(
            Sample(f"{filler(n)} savings account", "checking or savings account", id=f"a{n}")
            for n in range(3)
        ),
        *(Sample(filler(n), "home loan", id=f"b{n}") for n in range(10, 13)),
    ]
    (leak,) = found(a_spec(labels=labels), samples, "leakage")

    assert (leak.severity, leak.drop) == ("warning", ())
    assert "'savings account'" in leak.message


def test_a_short_label_leaks_only_as_a_heading():
    spec = a_spec(labels={"yes": "It is.", "no": "It is not."})
    samples = [
        Sample(f"no {filler(1)}", "no", id="a"),
        Sample(f"{filler(2)}\nVerdict: NO.", "no", id="b"),
        Sample(filler(3), "yes", id="c"),
    ]
    (leak,) = found(spec, samples, "leakage")

    assert (leak.severity, leak.drop) == ("error", ("b",))


def test_a_leak_that_shows_once_others_are_dropped_is_found_too():
    # "credit card" is natural as long as the overlapping text of another label holds it.
    samples = [
        *texts(4),
        Sample(f"credit card {filler(50)}", "credit card", id="own"),
        Sample(f"credit card {filler(51)}", "home loan", id="x1"),
        Sample(f"credit card {filler(52)}", "home loan", id="x2"),
    ]
    kept_back = [Sample(samples[-2].text, "home loan"), Sample(samples[-1].text, "home loan")]
    seen = review(a_spec(), samples, others={"held": kept_back})

    assert seen.drop == {"own", "x1", "x2"}
