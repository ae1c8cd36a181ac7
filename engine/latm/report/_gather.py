"""What a report says, read from a library. Nothing is asked of a model and nothing is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar, final

from latm._auditing import counting
from latm._intervals import wilson
from latm._latency import quantile
from latm._records import Example
from latm.library import Answered, Audit, Kept, Payment, Promotion, Version
from latm.report._money import Strong, break_even, kind_of, money, total
from latm.report._records import (
    Bar,
    Compared,
    PendingTask,
    Promoted,
    Report,
    RouteShare,
    Standing,
    ToolReport,
    VersionReport,
)

if TYPE_CHECKING:
    from latm.library import Library

T = TypeVar("T", Payment, Answered)

_MOST_AUDITS = 100_000
_DISAGREEMENTS = 5


def gather(library: Library, *, enough: int | None = None, now: datetime | None = None) -> Report:
    """Read what there is to report.

    Args:
        library: an open one.
        enough: answered questions of a task that start a making, ``config.making.pending``; None where that
            is not known.
        now: the time that the report is of; None takes the clock's.

    Raises:
        LibraryError: it cannot be read.
    """
    found = _Found(library)
    since = library.counted_since()
    strong = Strong(found.payments)
    tools = [found.tool(name, strong) for name in library.names()]
    return Report(
        library=library.url,
        made=(datetime.now(UTC) if now is None else now).astimezone(UTC).isoformat(timespec="seconds"),
        counted_since=since,
        questions=sum(each.questions for each in found.answered),
        money=money(found.payments, found.answered, strong, since=since),
        routes=routes(found.answered),
        tools=tuple(sorted(tools, key=lambda each: (not each.serves, each.name))),
        pending=found.pending(enough),
        comparisons=tuple(map(compared, library.comparisons())),
        promotions=tuple(map(_promoted, library.promotions().values())),
    )


@final
class _Found:
    """What was read, in groups, so that each tool finds its own at once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.payments, self.answered = _under_one_name(library)
        self._runs: dict[str, list[Payment]] = {}
        self._audits: dict[str | None, list[Payment]] = {}
        self._tools: dict[str | None, list[Answered]] = {}
        for each in self.payments:
            kind = kind_of(each)
            if kind == "make":
                self._runs.setdefault(each.run, []).append(each)
            elif kind == "audit":
                self._audits.setdefault(each.task, []).append(each)
        for one in self.answered:
            self._tools.setdefault(one.tool, []).append(one)

    def makings(self, runs: Iterable[str]) -> list[Payment]:
        """What was paid for some makings."""
        return [each for run in sorted(set(runs)) for each in self._runs.get(run, [])]

    def tool(self, name: str, strong: Strong) -> ToolReport:
        makings = self.library.makings(name)
        current = self.library.current(name)
        newest = 0 if current is None else current.tool.version
        versions = tuple(self._version(each, newest) for each in self.library.versions(name))
        shown = (
            versions[0]
            if current is None
            else next(each for each in versions if each.tool.version == current.tool.version)
        )
        # A making of an older library may have no record beside the tool's.
        runs = {each.run for each in makings} | {each.tool.provenance.run for each in versions}
        return ToolReport(
            name=name,
            serves=current is not None and current.status == "active",
            shown=shown,
            versions=versions,
            break_even=break_even(
                name,
                makings=self.makings(runs),
                audits=self._audits.get(name, []),
                answered=self._tools.get(name, []),
                strong=strong,
            ),
            failures=tuple(each for each in makings if each.state == "failed"),
        )

    def _version(self, version: Version, current: int) -> VersionReport:
        audits = self.library.audits(version.tool, limit=_MOST_AUDITS)
        against = [each for each in audits if each.agreed is False]
        active = "serves" if version.tool.version == current else "replaced"
        return VersionReport(
            version=version,
            state=active if version.status == "active" else version.status,
            standing=standing(version, audits),
            disagreements=tuple(reversed(against[-_DISAGREEMENTS:])),
        )

    def pending(self, enough: int | None) -> tuple[PendingTask, ...]:
        found: list[PendingTask] = []
        # A making from examples of a caller's, of which none are pending, may have come to nothing, too.
        tried = {each.task for group in self._runs.values() for each in group if each.task is not None}
        alone: dict[str, tuple[Example, ...]] = dict.fromkeys(tried - {*self.library.names()}, ())
        for task, examples in {**alone, **self.library.tasks()}.items():
            makings = self.library.makings(task)
            newest = makings[0] if makings else None
            current = self.library.current(task)
            found.append(
                PendingTask(
                    task=task,
                    pending=len(self.library.pending(task)),
                    needed=None if enough is None else enough + self.library.failed_with(task),
                    examples=tuple((each.question, each.answer) for each in examples),
                    quarantined=current is not None and current.status == "quarantined",
                    state=None if newest is None or newest.state == "made" else newest.state,
                    error=None if newest is None else newest.error,
                    stage=None if newest is None else newest.stage,
                    making=total(self.makings(each.run for each in makings)),
                )
            )
        return tuple(sorted(found, key=lambda each: (-each.pending, each.task)))


def _under_one_name(library: Library) -> tuple[Sequence[Payment], Sequence[Answered]]:
    """What was paid and answered, each task under the name that it has now: another may be merged into it."""
    payments, answered = library.payments(), library.answered()
    tasks = {each.task for each in payments} | {each.task for each in answered}
    # What was paid for may be none of our tasks: a tuning has any name.
    names = library.resolve_all(task for task in tasks if task is not None)

    def named(each: T) -> T:
        now = each.task if each.task is None else names[each.task]
        return each if now == each.task else dataclasses.replace(each, task=now)

    return tuple(map(named, payments)), tuple(map(named, answered))


def routes(answered: Sequence[Answered]) -> tuple[RouteShare, ...]:
    """Which layers answered, the one with the most questions first."""
    sums: dict[tuple[str, str], Answered] = {}
    for each in answered:
        place = each.layer, each.route
        sums[place] = sums[place] + each if place in sums else each
    count = sum(each.questions for each in answered)
    found = [
        RouteShare(
            layer=each.layer,
            route=each.route,
            questions=each.questions,
            share=each.questions / count,
            known_usd=each.known_usd,
            unpriced=each.unpriced,
            mean_s=each.seconds / each.questions,
            p50_s=_within(each.times, 0.5),
            p95_s=_within(each.times, 0.95),
            p99_s=_within(each.times, 0.99),
        )
        for each in sums.values()
    ]
    return tuple(sorted(found, key=lambda each: (-each.questions, each.layer, each.route)))


def _within(times: Mapping[int, int], share: float) -> float:
    return quantile(times, share) or 0.0


def standing(version: Version, audits: Sequence[Audit]) -> Standing:
    """How right a version is.

    Args:
        version: the version.
        audits: all of its, oldest first.
    """
    nothing: Mapping[str, object] = {}
    exam = next((each.figures for each in version.tool.scorecard.evidence if each.stage == "exam"), nothing)
    right, asked = exam.get("right"), exam.get("asked")
    verdicts = counting(audits)
    low, high = wilson(verdicts.count(True), len(verdicts)) if verdicts else (None, None)
    decided = [each for each in audits if each.source in {"model", "feedback"}]
    return Standing(
        exam_right=right if isinstance(right, int) else None,
        exam_asked=asked if isinstance(asked, int) else None,
        exam_model=str(exam.get("model", "")),
        audited=len(verdicts),
        agreed=verdicts.count(True),
        low=low,
        high=high,
        undecided=sum(each.agreed is None for each in decided),
        feedback=sum(each.source == "feedback" for each in decided),
    )


def _promoted(promotion: Promotion) -> Promoted:
    expires, at = promotion.expires, promotion.created
    return Promoted(
        role=promotion.role,
        model=promotion.model,
        tuning=promotion.tuning,
        comparison=promotion.comparison,
        expires=None if expires is None else expires.isoformat(),
        at=None if at is None else at.isoformat(),
    )


def compared(kept: Kept) -> Compared:
    """A comparison that was kept; one that cannot be read says why."""
    from latm.errors import LatmError
    from latm.tuner.comparison import Comparison

    number, at = int(kept.key), kept.created
    try:
        comparison = Comparison.from_record(kept.record)
    except LatmError as error:
        return Compared(number=number, tuning=kept.name, at=at, problem=str(error))
    models = {each.name: each.model for each in comparison.contenders}
    synthetic = {each.name for each in comparison.sets if each.synthetic}
    kinds = {each.kind for each in comparison.contenders}
    return Compared(
        number=number,
        tuning=kept.name,
        at=at,
        shown=comparison.shown() if {"base", "tuned"} <= kinds else None,
        verdict=comparison.verdict,
        notes=comparison.notes,
        bars=tuple(
            Bar(
                set=each.set,
                synthetic=each.set in synthetic,
                contender=each.contender,
                model=models[each.contender],
                n=each.n,
                right=each.right,
                accuracy=each.accuracy,
                low=each.low,
                high=each.high,
                cost_usd=None if each.cost_usd is None else Decimal(each.cost_usd),
                p50_s=each.seconds_p50,
            )
            for each in comparison.scores
        ),
    )
