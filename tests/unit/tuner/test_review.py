"""What a review finds in training data, and that dropping what it says leaves nothing more to drop."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latm import MissingDependency
from latm.tuner import Sample, TuningSpec
from latm.tuner.review import Finding, Review, fixed, lines, review

LABELS = {"credit card": "Cards.", "home loan": "Houses.", "other": "All else."}
# Words of no label, enough for texts that have little in common.
_WORDS = (
    "morning bridge silver garden window letter market winter doctor engine yellow farmer pocket castle "
    "butter candle dinner ladder mirror needle orange pencil rabbit saddle tunnel valley wagon basket copper "
    "desert feather glove hammer island jacket kettle lemon magnet napkin oyster parrot quarry ribbon sailor "
    "temple umbrella velvet whistle anchor blanket carpet dragon eleven forest guitar harbor insect jungle "
    "kitchen lantern meadow nutmeg onion planet quilt river shovel turtle uncle violin walnut zipper almond"
)
WORDS = _WORDS.split()


def a_spec(**changes: object) -> TuningSpec:
    spec = TuningSpec(name="mails", about="a mail", question="Which product?", labels=LABELS, words=(4, 40))
    return spec.replace(**changes)


def filler(number: int, count: int = 12) -> str:
    return " ".join(random.Random(number).sample(WORDS, count))


def texts(count: int = 8) -> list[Sample]:
    """So many plain samples of each label."""
    return [
        Sample(filler(100 * at + number), label, id=f"{label[0]}{number}")
        for at, label in enumerate(LABELS)
        for number in range(count)
    ]


def found(spec: TuningSpec, samples: Sequence[Sample], check: str, **more: Sequence[Sample]) -> list[Finding]:
    return [each for each in review(spec, samples, others=more).findings if each.check == check]


def test_plain_samples_have_no_finding():
    seen = review(a_spec(language="Klingon"), texts())

    assert seen.findings == ()
    assert seen.may_train
    assert seen.figures["labels"] == dict.fromkeys(LABELS, 8)


@pytest.mark.parametrize("change", [lambda text: text.upper() + "!", lambda text: f"{text} indeed"])
def test_of_near_duplicates_the_first_is_kept(change):
    samples = texts()
    (twice,) = found(
        a_spec(), [*samples, Sample(change(samples[2].text), "credit card", id="again")], "near-duplicate"
    )

    assert (twice.samples, twice.drop) == (("c2", "again"), ("again",))


def test_of_near_duplicates_one_that_goes_anyway_is_not_kept():
    samples = texts()
    samples.insert(0, Sample(f"{samples[0].text} [Your Name]", "credit card", id="gap"))
    seen = review(a_spec(), samples)

    assert seen.drop == {"gap"}


def test_a_real_example_over_again_is_dropped():
    spec = a_spec(examples=(Sample(filler(900), "other", id="example 1"),))
    (copy,) = found(spec, [*texts(), Sample(filler(900) + " too", "other", id="copy")], "near-duplicate")

    assert copy.drop == ("copy",)
    assert "example 1" in copy.message


def test_the_same_text_with_two_labels_is_an_error_and_all_of_them_go():
    samples = texts()
    samples.append(Sample(f" {samples[0].text.title()}. ", "other", id="twice"))
    (clash,) = found(a_spec(), samples, "contradiction")

    assert (clash.severity, clash.drop) == ("error", ("c0", "twice"))


def test_nearly_the_same_text_with_two_labels_is_a_warning_and_both_stay():
    samples = texts()
    samples.append(Sample(f"{samples[0].text} indeed", "other", id="close"))
    (clash,) = found(a_spec(), samples, "contradiction")

    assert (clash.severity, clash.samples, clash.drop) == ("warning", ("c0", "close"), ())
    assert found(a_spec(), samples, "near-duplicate") == []


def test_a_text_of_validation_in_training_is_an_error():
    samples = texts()
    (twice,) = found(a_spec(), samples, "overlap", real=[Sample(samples[4].text + " so", "other", id="v")])

    assert (twice.severity, twice.samples, twice.drop) == ("error", ("c4",), ("c4",))
    assert "v of real" in twice.message


def test_near_likeness_to_a_text_that_a_model_wrote_is_a_warning_and_the_same_text_an_error():
    samples = texts()
    near, same = ([Sample(samples[4].text + more, "other", id="v", by="fake:maker")] for more in (" so", "!"))

    assert [each.severity for each in found(a_spec(), samples, "overlap", real=near)] == ["warning"]
    assert [each.severity for each in found(a_spec(), samples, "overlap", real=same)] == ["error"]


def test_a_long_phrase_in_both_is_a_note():
    samples = texts()
    phrase = " ".join(samples[4].text.split()[:8])
    (shared,) = found(a_spec(), samples, "overlap", real=[Sample(f"{phrase} {filler(800, 30)}", "other")])

    assert (shared.severity, shared.samples, shared.drop) == ("note", ("c4",), ())


def test_a_real_example_in_validation_is_told():
    example = Sample(filler(900), "other", id="example 1")
    (seen,) = found(a_spec(examples=(example,)), texts(), "overlap", real=[example])

    assert (seen.severity, seen.samples) == ("warning", ("example 1",))


def test_a_label_without_a_text_is_an_error():
    (empty,) = found(a_spec(), [each for each in texts() if each.label != "other"], "balance")

    assert empty.severity == "error"
    assert "'other'" in empty.message


def test_an_unknown_label_is_an_error():
    (odd,) = found(a_spec(), [*texts(), Sample(filler(7), "Other", id="odd")], "balance")

    assert (odd.severity, odd.drop) == ("error", ("odd",))


def test_uneven_labels_are_told():
    samples = [*texts(), *(Sample(filler(500 + n), "other", id=f"x{n}") for n in range(20))]

    assert [each.severity for each in found(a_spec(), samples, "balance")] == ["warning"]


@pytest.mark.parametrize(
    ("language", "text", "is_found"),
    [
        (
            "English",
            "Ich habe meine Karte verloren und niemand hilft mir, obwohl ich schon dreimal anrief.",
            True,
        ),
        (
            "German",
            "Ich habe meine Karte verloren und niemand hilft mir, obwohl ich schon dreimal anrief.",
            False,
        ),
        ("British English", "I lost the thing last week and nobody at the branch would listen to me.", False),
        ("Klingon", "I lost the thing last week and nobody at the branch would listen to me.", False),
        ("English", "Danke schön!", False),
    ],
)
def test_another_language_is_found_when_it_is_sure(language, text, is_found):
    sample = Sample(text, "other", id="it")
    flagged = found(a_spec(language=language), [sample], "language")

    assert [each.samples for each in flagged] == ([("it",)] if is_found else [])


@pytest.mark.parametrize(("count", "is_found"), [(3, True), (4, False), (40, False), (48, False), (49, True)])
def test_length_is_judged_as_the_writer_is_told(count, is_found):
    samples = [*texts(), Sample(filler(7, count), "other", id="it")]

    assert [each.drop for each in found(a_spec(), samples, "length")] == ([("it",)] if is_found else [])


def test_a_length_that_tells_the_label_is_found():
    sizes = {"credit card": 5, "home loan": 15, "other": 30}
    samples = [
        Sample(filler(1000 * size + n, size), label, id=f"{label}{n}")
        for label, size in sizes.items()
        for n in range(12)
    ]
    (told,) = found(a_spec(), samples, "length")

    assert told.severity == "warning"
    assert "'credit card'" in told.message


@pytest.mark.parametrize(
    "gap",
    [
        "Dear [Name],",
        "{customer_name}",
        "<your address>",
        "Lorem ipsum",
        "As an AI language model, I",
        "____",
        "Sure, here is it",
    ],
)
def test_what_was_left_in_is_found(gap):
    (left,) = found(a_spec(), [*texts(), Sample(f"{gap} {filler(7)}", "other", id="gap")], "placeholder")

    assert left.drop == ("gap",)


@pytest.mark.parametrize(
    "fine", ["x[i] = 1", "[here](https://a.example)", "as an AI engineer I", "<b>bold</b>", "[12]"]
)
def test_what_only_looks_like_a_gap_stays(fine):
    assert found(a_spec(), [*texts(), Sample(f"{fine} {filler(7)}", "other", id="fine")], "placeholder") == []


def test_texts_that_begin_alike_are_told_with_their_share():
    samples = [Sample(f"Dear Sir or {each.text}", each.label, id=each.id) for each in texts()]
    (alike,) = found(a_spec(), samples, "diversity")

    assert alike.severity == "warning"
    assert "100%" in alike.message


def test_texts_of_few_words_are_much_alike():
    samples = [
        Sample(" ".join(random.Random(n).sample(WORDS[:16], 12)), "other", id=str(n)) for n in range(40)
    ]

    assert any("different word pairs" in each.message for each in found(a_spec(), samples, "diversity"))


def test_a_word_of_one_label_alone_is_a_note():
    samples = [
        Sample(f"{each.text} plastic" if each.label == "credit card" else each.text, each.label, id=each.id)
        for each in texts()
    ]
    (word,) = found(a_spec(), samples, "shortcut")

    assert (word.severity, word.drop, word.found) == ("note", (), ("plastic",))
    assert (
        found(a_spec(examples=(Sample("My plastic broke today", "credit card"),)), samples, "shortcut") == []
    )


def test_scripts_without_spaces_are_compared_by_their_characters():
    spec = a_spec(language="Chinese", labels={"信用卡": "Cards.", "其他": "All else."})
    samples = [
        Sample("我的银行昨天没有给我任何答复我非常生气", "其他", id="a"),
        Sample("我的银行昨天没有给我任何答复我非常生气了", "其他", id="b"),
        Sample("我的信用卡丢了没有人愿意帮助我怎么办", "信用卡", id="c"),
    ]

    assert review(spec, samples).drop == {"b", "c"}


def test_samples_without_an_id_are_called_by_their_number():
    samples = [Sample(each.text, each.label) for each in texts()]
    samples[3] = Sample(samples[2].text, samples[2].label)
    seen = review(a_spec(), samples)

    assert seen.drop == {"sample #4"}
    assert fixed(seen, samples) == ((*samples[:3], *samples[4:]), (samples[3],))


def test_no_sample_at_all_is_an_error_of_every_label():
    assert [each.severity for each in review(a_spec(), []).findings] == ["error"] * 3


def test_lines_say_what_was_found_and_what_follows():
    samples = [*texts(), *(Sample(f"{filler(n)} [Name]", "other", id=f"g{n}") for n in range(600, 607))]
    told = lines(review(a_spec(), samples))

    assert told[0].startswith(
        "warning  placeholder     g600, g601, g602, g603, g604 and 2 more: 7 texts hold a gap"
    )
    assert told[-2:] == [
        "31 samples: 0 errors, 1 warning, 0 notes; 7 are better dropped",
        "Training may go on.",
    ]


def test_lines_cut_short_what_comes_again_and_again():
    samples = texts(12)
    seen = review(a_spec(), samples, others={"held": samples})
    told = lines(seen, most=2)

    assert sum("flatter" in each for each in told) == 2
    assert "error    overlap         and 34 more of this kind" in told
    assert told[-1].startswith("Training may not go on")


@pytest.mark.parametrize("module", ["numpy", "snowballstemmer", "py3langid"])
def test_a_missing_package_is_named_with_its_extra(module, monkeypatch):
    from latm.tuner.reviewing import content

    content._identifier.cache_clear()
    for name in [each for each in sys.modules if each.partition(".")[0] == module] or [module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependency, match=r"latm\[tuning\]"):
        review(a_spec(), texts())


PIECES = st.sampled_from(
    [
        "credit card",
        "home loans",
        "other",
        "[Name]",
        *(" ".join(WORDS[at : at + 4]) for at in range(0, 24, 4)),
    ]
)
SAMPLES = st.lists(
    st.builds(
        lambda parts, label, id_: Sample(" ".join(parts), label, id=id_),
        st.lists(PIECES, min_size=1, max_size=4),
        st.sampled_from([*LABELS, "unknown"]),
        st.sampled_from(["", "a", "b", "c"]),
    ),
    max_size=14,
)


@settings(deadline=None)
@given(SAMPLES, SAMPLES)
def test_what_is_kept_has_nothing_more_to_drop(samples: list[Sample], held: list[Sample]):
    spec = a_spec(words=(4, 12))
    seen = review(spec, samples, others={"held": held})
    kept, dropped = fixed(seen, samples)

    assert sorted([*kept, *dropped], key=repr) == sorted(samples, key=repr)
    assert review(spec, kept, others={"held": held}).drop == frozenset()
    assert review(spec, samples, others={"held": held}) == seen


def test_errors_alone_are_in_the_way():
    note, warning, error = (Finding("a", severity, (), "m") for severity in ("note", "warning", "error"))

    assert Review((note, warning), {}).may_train
    assert not Review((note, error), {}).may_train
