"""What is drawn alike keeps what the seen calls have in common."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from latm.maker.judge.cell import shapes

WORDS = [((each.split(),), {}) for each in ("pear apple fig", "kiwi date lemon plum", "cherry melon")]


@given(shapes.alike(WORDS))
def test_lists_of_words_are_of_similar_lengths(call):
    (words,) = call[0]
    assert 1 <= len(words) <= 8
    assert all(word.isalpha() and word.islower() and 3 <= len(word) <= 6 for word in words)


def test_words_are_new_and_come_twice():
    find(shapes.alike(WORDS), lambda call: len(set(call[0][0])) < len(call[0][0]))
    find(shapes.alike(WORDS), lambda call: any("z" in word for word in call[0][0]))


def test_a_few_words_with_signs_inside_are_words_as_well():
    many = [f"{letter}ear" for letter in "abcdefghij"]
    calls = [((many[:4],), {}), ((["o'clock", *many[4:]],), {})]
    assert find(shapes.alike(calls), lambda call: any(word not in many for word in call[0][0]))
    assert find(shapes.alike(calls), lambda call: "o'clock" in call[0][0])
    ranges = [((["1-2", "2-3", "3-4", "4-5", "5-6", "6-7"],), {})]
    given(shapes.alike(ranges))(lambda call: _check(call == ranges[0]))()


def test_words_that_stand_in_two_places_are_left_alone():
    calls = [((each.split(), each.split()[0]), {}) for each in ("pear apple fig", "kiwi date lemon plum")]
    given(shapes.alike(calls))(lambda call: _check(call[0][1] in call[0][0]))()


def _check(condition):
    assert condition


def test_names_that_come_again_are_a_closed_set():
    calls = [((["Ann", "Bob"],), {}), ((["Bob", "Eve"],), {}), ((["Ann", "Eve"],), {})]
    given(shapes.alike(calls))(lambda call: _check(call in [(args, kw) for args, kw in calls]))()


def test_rows_change_their_order_and_numbers_that_belong_together_stay():
    calls = [(([(2, 3), (3, 5), (2, 7)],), {}), (([(1, 4), (2, 9)],), {})]
    rows = [sorted(args[0]) for args, _ in calls]
    given(shapes.alike(calls))(lambda call: _check(sorted(call[0][0]) in rows))()
    assert find(shapes.alike(calls), lambda call: call[0][0][0] == (2, 7))


def test_a_number_that_stands_alone_varies_within_what_was_seen():
    calls = [((), {"n": 3}), ((), {"n": 11})]
    given(shapes.alike(calls))(lambda call: _check(3 <= call[1]["n"] <= 11))()
    find(shapes.alike(calls), lambda call: call[1]["n"] == 7)


def test_a_number_that_counts_a_list_keeps_the_list_as_long():
    calls = [((each.split(), len(each.split())), {}) for each in ("pear apple fig", "kiwi date lemon plum")]
    given(shapes.alike(calls))(lambda call: _check(len(call[0][0]) in {3, 4}))()


def test_texts_of_signs_are_cut_from_the_end_only():
    texts = ["( [ { }", "< ( )"]
    calls = [((each,), {}) for each in texts]
    given(shapes.alike(calls))(
        lambda call: _check(call[0][0] and any(each.startswith(call[0][0]) for each in texts))
    )()


@pytest.mark.parametrize("text", ["10:30 - 12:00", "not ( True )", "2023-05-01", "3 + 4"])
def test_texts_with_a_form_are_not_changed(text):
    given(shapes.alike([((text,), {})]))(lambda call: _check(call[0][0] == text))()


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        ("str", str),
        ("list[int]", list),
        ("tuple[str, int]", tuple),
        ("dict[str, list[int]]", dict),
        ("set[str]", set),
        ("int | None", (int, type(None))),
        ("Optional[int]", (int, type(None))),
        ("typing.Sequence[str]", list),
        ("Literal['a', 'b']", str),
        ("'list[str]'", list),
        ("tuple[int, ...]", tuple),
    ],
)
def test_hints_are_read_and_not_evaluated(hint, kind):
    strategy = shapes.hinted([hint])
    assert strategy is not None
    assert find(strategy, lambda call: isinstance(call[0][0], kind))
    with pytest.raises(NoSuchExample):
        find(
            strategy,
            lambda call: not isinstance(call[0][0], kind),
            settings=settings(max_examples=50, database=None),
        )


@pytest.mark.parametrize("hint", ["", "Callable[[int], str]", "print('evaluated')", "list[MyType]", "int["])
def test_a_hint_that_is_not_understood_gives_nothing(hint):
    assert shapes.hinted(["int", hint]) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3) | st.tuples(inner, inner)
    ),
    max_leaves=10,
)
CALLS = st.lists(
    st.tuples(
        st.lists(JSON, max_size=2).map(tuple), st.dictionaries(st.sampled_from("ab"), JSON, max_size=2)
    ),
    min_size=1,
    max_size=3,
)


@settings(suppress_health_check=list(HealthCheck), max_examples=60)
@given(CALLS, st.data())
def test_whatever_was_seen_something_can_be_drawn(calls, data):
    for strategy in (shapes.alike(calls), shapes.loose(calls)):
        args, kwargs = data.draw(strategy)
        assert (len(args), set(kwargs)) in [(len(one), set(other)) for one, other in calls]
    for args, _ in shapes.odd(calls[0]):
        assert len(args) == len(calls[0][0])
