"""What is made up in a generated call, and the call without it."""

from __future__ import annotations

import pytest

from latm._literals import LiteralCall
from latm.maker.judge._typical import Typical

UNITS = (LiteralCall("f", (3, "feet")), LiteralCall("f", (5, "miles")))
WORDS = (LiteralCall("f", (["b", "a"],)), LiteralCall("f", (["c", "a", "d"],)))
STEPS = (LiteralCall("f", (), {"steps": [["push", "red"], ["pop"]]}),)


@pytest.mark.parametrize(
    ("seen", "call", "nearer"),
    [
        (UNITS, (9, "feet"), (9, "feet")),
        (UNITS, (9, "xyz"), (9, "miles")),
        (WORDS, (["d", "a"],), (["d", "a"],)),
        (WORDS, (["d", "zz"],), (["d", "c"],)),
        (WORDS, ([],), ([],)),
    ],
)
def test_a_text_that_nobody_used_becomes_one_that_was_seen(seen, call, nearer):
    assert Typical(seen).nearer(LiteralCall("f", call)).args == nearer


def test_rows_come_in_the_order_that_was_seen():
    found = Typical(STEPS).nearer(LiteralCall("f", (), {"steps": [["pop"], ["push", "red"]]}))
    assert found.kwargs["steps"] == [["push", "red"], ["pop"]]
    assert Typical(STEPS).nearer(STEPS[0]) == STEPS[0]


def test_lists_are_cut_to_little_more_than_was_seen():
    call = LiteralCall("f", (list("abcdefgh"),))
    assert Typical(WORDS).cut(call).args == (list("abcd"),)
    assert Typical(WORDS).cut(WORDS[1]) == WORDS[1]
    assert Typical(()).cut(call) == call
