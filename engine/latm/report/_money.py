"""Money: what was spent, what the strong model alone would have taken, when a tool has paid for itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar, final

from latm.library import Answered, Payment
from latm.report._records import BreakEven, Money, Point, Sum

T = TypeVar("T")

_KINDS = ("ask", "make", "audit")
_STRONG_STEP = "fallback"
_MOST_POINTS = 400
_MOST_OF_CURVE = 200


def kind_of(payment: Payment) -> str:
    """What something was paid for: ``ask``, ``make``, ``audit``, or something else."""
    return payment.run.partition("-")[0]


def total(payments: Iterable[Payment]) -> Sum:
    """The sum of payments."""
    calls, known, unpriced = 0, Decimal(0), 0
    for each in payments:
        calls += 1
        known += each.cost_usd or 0
        unpriced += each.cost_usd is None
    return Sum(calls=calls, known_usd=known, unpriced=unpriced)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the strong model took for a question."""

    at: str
    task: str | None
    asked: bool  # by a caller; else by an audit
    cost_usd: Decimal | None


@final
class Strong:
    """What the strong model takes for a question of a task: the mean of what it took so far.

    Args:
        payments: of the library.
    """

    def __init__(self, payments: Iterable[Payment]) -> None:
        runs: dict[str, Reply] = {}
        for each in payments:
            if each.step != _STRONG_STEP or kind_of(each) not in {"ask", "audit"}:
                continue
            before = runs.get(each.run)
            cost = each.cost_usd
            if before is not None:  # an attempt before it was paid for, too
                cost = None if cost is None or before.cost_usd is None else cost + before.cost_usd
            asked = kind_of(each) == "ask"
            runs[each.run] = Reply(at=each.at, task=each.task, asked=asked, cost_usd=cost)
        self.replies = tuple(runs.values())
        costs: dict[str | None, list[Decimal]] = {}
        for reply in self.replies:
            if reply.cost_usd is not None:
                costs.setdefault(reply.task, []).append(reply.cost_usd)
        self._means = {task: _mean(group) for task, group in costs.items() if task is not None}
        self._overall = _mean([cost for group in costs.values() for cost in group])

    def mean(self, task: str | None) -> tuple[Decimal | None, int, bool]:
        """USD of a reply, how many it is the mean of, and whether these are of the task itself."""
        own = None if task is None else self._means.get(task)
        mean, count = self._overall if own is None else own
        return mean, count, own is not None


def _mean(costs: Sequence[Decimal]) -> tuple[Decimal | None, int]:
    return (sum(costs, Decimal(0)) / len(costs) if costs else None), len(costs)


def money(
    payments: Sequence[Payment], answered: Sequence[Answered], strong: Strong, *, since: str | None
) -> Money:
    """Add up what was spent, and what the strong model alone would have taken.

    Args:
        payments: of the library, oldest first.
        answered: the same.
        strong: made of the payments.
        since: when answers began to be counted; None where all were.
    """
    start = since or ""
    told = [each for each in payments if each.at >= start]
    changes = [
        _Change(each.at, spent=each.cost_usd or Decimal(0)) for each in told if kind_of(each) in _KINDS
    ]
    measured, unvalued = 0, 0
    for reply in strong.replies:
        if reply.asked and reply.at >= start:
            measured += reply.cost_usd is not None
            unvalued += reply.cost_usd is None
            changes.append(_Change(reply.at, alone=reply.cost_usd or Decimal(0)))
    by_task, by_all = 0, 0
    for each in answered:
        changes.append(_Change(each.at, questions=each.questions))
        if each.route != "tool":
            continue
        mean, _, own = strong.mean(each.task)
        by_task += each.questions * (mean is not None and own)
        by_all += each.questions * (mean is not None and not own)
        unvalued += each.questions * (mean is None)
        changes.append(_Change(each.at, alone=(mean or Decimal(0)) * each.questions))
    points = _points(changes)
    valued = measured + by_task + by_all
    questions, makings, audits = (total(each for each in told if kind_of(each) == kind) for kind in _KINDS)
    return Money(
        questions=questions,
        makings=makings,
        audits=audits,
        others=total(each for each in payments if kind_of(each) not in _KINDS),
        before=total(each for each in payments if each.at < start and kind_of(each) in _KINDS),
        alone_usd=points[-1].alone_usd if valued else None,
        measured=measured,
        by_task=by_task,
        by_all=by_all,
        unvalued=unvalued,
        points=thinned(points, _MOST_POINTS),
    )


@dataclass(frozen=True, slots=True)
class _Change:
    at: str
    questions: int = 0
    spent: Decimal = Decimal(0)
    alone: Decimal = Decimal(0)


def _points(changes: Iterable[_Change]) -> Sequence[Point]:
    questions, spent, alone = 0, Decimal(0), Decimal(0)
    points: list[Point] = []
    for each in sorted(changes, key=lambda each: each.at):
        questions += each.questions
        spent, alone = spent + each.spent, alone + each.alone
        points.append(Point(at=each.at, questions=questions, spent_usd=spent, alone_usd=alone))
    return points


def thinned(values: Sequence[T], most: int) -> tuple[T, ...]:
    """At most so many of the values, evenly, the first and the last among them."""
    if len(values) <= most:
        return tuple(values)
    step = (len(values) - 1) / (most - 1)
    return tuple(values[round(number * step)] for number in range(most))


def break_even(
    name: str,
    *,
    makings: Sequence[Payment],
    audits: Sequence[Payment],
    answered: Sequence[Answered],
    strong: Strong,
) -> BreakEven:
    """When a tool has paid for itself.

    Args:
        name: the tool's.
        makings: what was paid for making it.
        audits: and for its audits.
        answered: questions that it was tried on.
        strong: what the strong model takes.
    """
    answers = sum(map(_gave, answered))
    alone, alone_of, own = strong.mean(name)
    making, auditing = total(makings), total(audits)
    unpriced = making.unpriced + auditing.unpriced + sum(each.unpriced for each in answered)
    spent = sum((each.known_usd for each in answered), Decimal(0))
    known = not any(each.unpriced for each in answered) and answers > 0
    each_usd = spent / answers if known else None
    needed = None
    if alone is not None and each_usd is not None and making.unpriced == 0 and alone > each_usd:
        needed = math.ceil(making.known_usd / (alone - each_usd))
    steps: Sequence[tuple[str, int, Decimal]] = ()
    if alone is not None and unpriced == 0:
        steps = _steps([*makings, *audits], answered, alone)
    # The first moment is before anything was paid.
    paid = next((step for step in steps if step[2] >= 0 and step[1] > 0), None)
    curve = {count: net for _, count, net in steps}  # what is paid between two answers is one fall
    return BreakEven(
        making=making,
        audits=auditing,
        answers=answers,
        answer_usd=each_usd,
        alone_usd=alone,
        alone_of=alone_of,
        own_task=own,
        needed=needed,
        reached=None if paid is None else paid[0],
        reached_after=None if paid is None else paid[1],
        net_usd=steps[-1][2] if steps else None,
        curve=thinned(tuple(curve.items()), _MOST_OF_CURVE),
    )


def _gave(answered: Answered) -> int:
    """How many of these got an answer: where nobody answers, the strong model is spared nothing."""
    return 0 if answered.route == "none" else answered.questions


def _steps(
    paid: Iterable[Payment], answered: Iterable[Answered], alone: Decimal
) -> Sequence[tuple[str, int, Decimal]]:
    """When, after how many answers, and how much was saved by then."""
    changes = [(each.at, 0, -(each.cost_usd or Decimal(0))) for each in paid]
    changes += [(each.at, _gave(each), alone * _gave(each) - each.known_usd) for each in answered]
    count, net = 0, Decimal(0)
    steps: list[tuple[str, int, Decimal]] = []
    for at, more, change in sorted(changes):
        count, net = count + more, net + change
        steps.append((at, count, net))
    return steps
