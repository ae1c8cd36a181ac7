"""What the library keeps of tunings: jobs, comparisons, and the models that were promoted to a role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from latm import LibraryError
from latm.library import Library, Promotion
from latm.tuner.promotion import watch

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ODD = "\x00 \ud800 é"


def promoted(model: str, **changes: object) -> Promotion:
    given: dict[str, object] = {"role": "user", "model": model, "tuning": "pets", "comparison": 3}
    return Promotion(**{**given, **changes})  # type: ignore[arg-type]


def test_a_job_is_kept_and_kept_again(open_library: Callable[[], Library]) -> None:
    library = open_library()
    assert library.tuning("a-1") is None
    library.keep_tuning("a-1", "pets", {"step": "prepare", "odd": ODD})
    library.keep_tuning("b-1", "cars", {"step": "prepare"})
    library.keep_tuning("a-1", "pets", {"step": "done", "odd": ODD})
    library = open_library()
    kept = library.tuning("a-1")
    assert kept is not None
    assert (kept.key, kept.name, kept.record) == ("a-1", "pets", {"step": "done", "odd": ODD})
    assert kept.changed >= kept.created
    assert [each.key for each in library.tunings()] == ["b-1", "a-1"]
    assert [each.key for each in library.tunings("pets")] == ["a-1"]


def test_comparisons_are_numbered_and_newest_first(library: Library) -> None:
    first = library.keep_comparison("pets", {"format": 1})
    second = library.keep_comparison("pets", {"format": 1, "n": 2})
    library.keep_comparison("cars", {})
    assert [int(each.key) for each in library.comparisons("pets")] == [second, first]
    assert len(library.comparisons()) == 3


def test_the_newest_promotion_holds_and_each_step_back_gives_the_one_before(library: Library) -> None:
    until = NOW + timedelta(days=3)
    library.promote(promoted("a:1"))
    library.promote(promoted("a:2", expires=until))
    library.promote(promoted("a:3", role="dispatcher"))
    assert {role: each.model for role, each in library.promotions().items()} == {
        "user": "a:2",
        "dispatcher": "a:3",
    }
    assert library.promotions()["user"].expires == until
    before = library.demote("user")
    assert before is not None
    assert before.model == "a:1"
    assert library.demote("user") is None
    with pytest.raises(LibraryError, match="no model was promoted to the role 'user'"):
        library.demote("user")
    assert set(library.promotions()) == {"dispatcher"}


@pytest.mark.parametrize(
    ("days", "well", "said"),
    [
        (None, True, "user is a:1, promoted by comparison 3 of pets"),
        (90, True, "expires on 2027-02-27"),
        (20, False, "expires on 2026-12-19; tune another one before that"),
        (
            -1,
            False,
            "expired on 2026-11-28: the configured model serves; latm tune demote user takes it back",
        ),
    ],
)
def test_what_expires_is_said_in_time(library: Library, days: int | None, well: bool, said: str) -> None:
    library.promote(promoted("a:1", expires=None if days is None else NOW + timedelta(days=days)))
    ((told, fine),) = watch(library, now=NOW)
    assert said in told
    assert fine is well
