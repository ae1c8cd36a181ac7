"""What was spent elsewhere: by an earlier process, by other engines, on another day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from latm import (
    BudgetExceeded,
    Config,
    Ledger,
)
from latm._budget import Amounts, Budgets
from latm.library import JournalEntry, Library
from latm.plugin import Usage
from latm.testing import ScriptedBackend
from unit.engine.desk import ASK, FakeClock, desk


@pytest.mark.anyio
async def test_a_run_that_is_taken_up_again_has_spent_what_its_journal_says(tmp_path: Path) -> None:
    for paid in (True, False):
        backend = ScriptedBackend(["x"] * 3)
        place = desk(tmp_path, backend, budget={"run": {"calls": 2}})
        role, bill = await place.role(), Ledger()
        await role.complete(ASK, place.purpose(step="1", bill=bill, resumable=True))
        assert len(backend.requests) == paid
        if paid:
            await place.close()
            continue
        await role.complete(ASK, place.purpose(step="2", bill=bill, resumable=True))
        with pytest.raises(BudgetExceeded, match="2 calls are spent"):
            await role.complete(ASK, place.purpose(step="3", bill=bill, resumable=True))
        await place.close()


def entry(tokens: int) -> JournalEntry:
    return JournalEntry(
        run="other",
        step="s",
        digest="d",
        role="user",
        model="a:b",
        request={},
        reply={},
        usage=Usage(input=tokens),
    )


class Calendar(FakeClock):
    """The machine's day, moved as a test wishes."""

    days = 0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)


@pytest.mark.anyio
async def test_a_day_is_that_of_all_engines_on_the_library(tmp_path: Path) -> None:
    library = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    clock = Calendar()
    budgets = Budgets(Config(budget={"day": {"tokens": 100}}).budget, library=library, clock=clock)
    library.record(entry(50))

    async def take(tokens: int) -> None:
        amount = Amounts(tokens=tokens)
        with await budgets.reserve(
            amount, role="user", run="r", bill=Ledger(), task=None, resumed=False
        ) as held:
            library.record(entry(tokens))
            held.settle(amount)

    await take(30)
    with pytest.raises(BudgetExceeded, match="80 tokens are spent"):
        await take(30)
    await take(10)
    library.record(entry(9))  # by someone else, seen within five seconds
    clock.time += 5.0
    with pytest.raises(BudgetExceeded, match="99 tokens are spent") as caught:
        await take(2)
    assert caught.value.scope.startswith("day:2")
    clock.days = 1
    await take(100)
    library.close()
