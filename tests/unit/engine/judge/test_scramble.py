"""Wrong answers are wrong, and of the kind that was asked for."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from latm.maker.judge._scramble import scrambled

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.text()
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.frozensets(st.integers(), max_size=3)
        | st.sets(st.text(), max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES, st.integers(), st.booleans())
def test_a_wrong_answer_is_another_value(value, seed, alike):
    before = repr(value)
    wrong = scrambled(value, Random(seed), alike=alike)
    assert repr(wrong) != before
    assert repr(value) == before  # the right one is left as it was
    if alike and value is not None:
        assert type(wrong) is type(value)
    if not alike:
        assert type(wrong) is not type(value)
    again = scrambled(value, Random(seed), alike=alike)
    assert repr(again) == repr(wrong)
