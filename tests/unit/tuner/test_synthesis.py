from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from latm import Ledger
from latm.tuner import Sample, TuningSpec
from latm.tuner.synthesis import Part, Synthesis, synthesise
from unit.engine.desk import Desk, desk
from unit.tuner.writer import LABELS, good, spec

pytestmark = pytest.mark.anyio


async def written(
    place: Desk,
    of: TuningSpec,
    *,
    part: Part = "train",
    start: Sequence[Sample] = (),
    avoid: Sequence[str] = (),
    bill: Ledger | None = None,
) -> Synthesis:
    """Texts, and the desk closed behind them."""
    try:
        return await synthesise(
            of,
            role=await place.role(),
            bill=Ledger() if bill is None else bill,
            events=place.roles.events,
            part=part,
            start=start,
            avoid=avoid,
        )
    finally:
        await place.close()


def count(samples: Sequence[Sample]) -> dict[str, int]:
    return {label: sum(each.label == label for each in samples) for label in LABELS}


async def test_the_texts_that_are_asked_for_are_written_evenly_and_say_who_wrote_them(tmp_path: Path) -> None:
    place = desk(tmp_path, good)
    bill = Ledger()
    made = await written(place, spec(samples=8), bill=bill)

    assert count(made.samples) == {"mortgage": 3, "student loan": 3, "credit_card": 2}
    assert (made.written, made.replies, dict(made.refused), dict(made.short)) == (8, 5, {}, {})
    assert {each.by for each in made.samples} == {"fake:m"}
    assert len({each.id for each in made.samples}) == 8
    assert [each.label for each in made.samples[:4]] == [*LABELS, "mortgage"], "any first few are even"
    assert made.samples[0].id.startswith("mortgage-")
    assert bill.total().calls == 5
