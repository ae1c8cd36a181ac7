"""A stream of many kinds of questions, from models that err: it becomes cheap, and stays right.

At no error rate is there a wrong answer that came from a malformed, ungrounded, out-of-contract or failing
call. `pytest -s` shows the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from acceptance.stream.faults import FAULTS
from acceptance.stream.models import ROLES
from acceptance.stream.playing import PRICES, Played, play
from acceptance.stream.questions import BRACKETS, FULL, SHORT, SORTING, TRACKING, Shares, stream
from acceptance.stream.report import explained, lines
from latm import Answer, Refused, Spend
from latm._ledger import price_of

pytestmark = pytest.mark.docker
SEED = 20
TASKS = (SORTING, BRACKETS, TRACKING)


def run(
    paper: Path, folder: Path, shares: Shares, *, rate: float, wave: int, making: Mapping[str, object]
) -> Played:
    questions = stream(paper, shares, seed=SEED)
    played = play(questions, folder / "latm.db", rate=rate, seed=SEED, wave=wave, making=making)
    print("\n" + "\n".join(lines(played, rate=rate)))  # noqa: T201 - the table
    return played


def check(played: Played, *, rate: float) -> None:
    for asked, answer in played.results:
        # What no retry can mend is the caller's: here a strong model that declines.
        assert isinstance(answer, Answer) or (rate > 0 and isinstance(answer, Refused)), (asked, answer)
    for asked, answer in played.wrong:
        assert rate > 0, (asked, answer)
        assert explained(asked, answer, played), (asked, answer, played.book.faults[asked.text])
    check_accounts(played)
    assert any(answer.route == "tool" for _, answer in played.results if isinstance(answer, Answer))
    if rate == 0:
        check_routes(played)


def check_accounts(played: Played) -> None:
    """Ledger, journal, answers and the models' own books agree, to the token."""
    cost = Decimal(0)
    for role in ROLES:
        total = played.book.total(role)
        assert played.ledger[role].usage == total, role
        assert played.ledger[role].calls == len(played.book.usages[role]), role
        cost += price_of(total, PRICES[role])
    assert played.cost == cost
    assert played.journal == sum(played.ledger.values(), Spend())
    for _, answer in played.results:
        if isinstance(answer, Answer):
            spend = played.runs.get(answer.run, Spend())
            assert (answer.usage, answer.cost_usd) == (spend.usage, spend.cost_usd)


def check_routes(played: Played) -> None:
    """Without errors every task has its tool, and no question is answered by another's."""
    assert set(TASKS) <= played.tools.keys()
    assert all(statuses == ["active"] for statuses in played.tools.values())
    for asked, answer in played.results:
        assert isinstance(answer, Answer)
        assert answer.route == "model" or answer.tool == asked.task


@pytest.mark.parametrize("rate", [0, 0.2])
def test_a_short_stream(paper: Path, tmp_path: Path, rate: float) -> None:
    making = {"demonstrations": 2, "validation": 2, "exam": 2, "cases": 20}
    check(run(paper, tmp_path, SHORT, rate=rate, wave=50, making=making), rate=rate)


@pytest.mark.soak
@pytest.mark.parametrize("rate", [0, 0.05, 0.2])
def test_the_whole_stream(paper: Path, tmp_path: Path, rate: float) -> None:
    played = run(paper, tmp_path, FULL, rate=rate, wave=100, making={})
    check(played, rate=rate)
    if rate == 0.2:
        # A maker is asked too seldom to err in every way.
        every = {(role, kind) for role in FAULTS.keys() - {"maker"} for kind in FAULTS[role]}
        assert every <= played.book.counts.keys()
        assert played.wrong, "an error of each kind, and nobody was wrong: the errors do not bite"
