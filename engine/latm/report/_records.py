"""What a report says, as records. USD are `Decimal`, times ISO 8601 in UTC, shares from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from latm._records import Route, Tool
from latm.library import Audit, Making, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Money that was paid.

    Attributes:
        calls: of models, failed ones that were paid for too.
        known_usd: the sum of the known prices.
        unpriced: calls whose price is not known; with one of them the sum is a least one.
    """

    calls: int = 0
    known_usd: Decimal = Decimal(0)
    unpriced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A moment of the money spent.

    Attributes:
        at: when.
        questions: answered until then.
        spent_usd: on questions, makings and audits until then.
        alone_usd: what the strong model alone would have taken for the same questions until then.
    """

    at: str
    questions: int
    spent_usd: Decimal
    alone_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Money spent against that of the strong model alone.

    What the strong model alone would take is an estimate. A question that it answered counts what its reply
    cost. A question that a tool answered counts the mean of the strong model's replies to the same task,
    those of audits among them; where the task has none, the mean over all tasks.

    Attributes:
        questions: what was spent on answering.
        makings: on making tools, those that came to nothing too.
        audits: on looking at tools' answers again.
        others: on all else, tuning above all; no part of the curves.
        before: on questions, makings and audits before answers were counted; no part of the curves.
        alone_usd: what the strong model alone would have taken; None where no price of its is known.
        measured: questions that it answered, and whose price is known.
        by_task: questions of tools that count the mean of their task.
        by_all: questions of tools that count the mean over all tasks.
        unvalued: questions that count nothing, since no price is known.
        points: the curves, at most 400 of them.
    """

    questions: Sum
    makings: Sum
    audits: Sum
    others: Sum
    before: Sum
    alone_usd: Decimal | None
    measured: int
    by_task: int
    by_all: int
    unvalued: int
    points: tuple[Point, ...]

    @property
    def answering(self) -> Sum:
        """Questions, makings and audits, since answers are counted."""
        parts = (self.questions, self.makings, self.audits)
        return Sum(
            calls=sum(each.calls for each in parts),
            known_usd=sum((each.known_usd for each in parts), Decimal(0)),
            unpriced=sum(each.unpriced for each in parts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """When a tool has paid for itself.

    Attributes:
        making: what its makings cost, those of all versions and those that came to nothing.
        audits: what its audits cost.
        answers: questions that it was tried on and that got an answer, since answers are counted.
        answer_usd: what one of them cost, every model counted, and what nobody answered with it; the mean.
            None where a price is unknown.
        alone_usd: what the strong model takes for one; see `Money`. None where that is unknown.
        alone_of: replies of the strong model that this is the mean of.
        own_task: whether they are replies to its own task.
        needed: answers that pay for the makings; None where they never do, or a price is unknown.
        reached: when the savings first were as high as makings and audits; None where they were not.
        reached_after: answers until then.
        net_usd: savings less makings and audits so far; None where a price is unknown.
        curve: answers, and `net_usd` after so many; at most 200 of them.
    """

    making: Sum
    audits: Sum
    answers: int
    answer_usd: Decimal | None
    alone_usd: Decimal | None
    alone_of: int
    own_task: bool
    needed: int | None
    reached: str | None
    reached_after: int | None
    net_usd: Decimal | None
    curve: tuple[tuple[int, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteShare:
    """The questions that took one way.

    Attributes:
        layer: what decided: ``repeat``, ``parser``, ``dispatcher`` or ``caller``.
        route: who answered: ``tool``, ``model`` or ``none``.
        questions: how many.
        share: of all.
        known_usd: the sum of the known costs.
        unpriced: questions with a cost that is not known.
        mean_s: the mean wall time, in seconds.
        p50_s: half of them came within this, to within 15 %.
        p95_s: 95 % of them did.
        p99_s: 99 % of them did.
    """

    layer: str
    route: Route
    questions: int
    share: float
    known_usd: Decimal
    unpriced: int
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How right a version is, as far as that is known.

    Attributes:
        exam_right: unseen questions that it answered rightly before it was stored; None without an exam.
        exam_asked: how many there were.
        exam_model: who used it, ``provider:model``.
        audited: questions whose verdict counts: the newest of each, since it was last let serve again.
        agreed: of these, the ones on which the strong model or a caller agreed.
        low: where the 95 % interval of agreed / audited begins (Wilson); None without audits.
        high: where it ends.
        undecided: audits that count for neither side.
        feedback: verdicts of callers among all audits.
    """

    exam_right: int | None = None
    exam_asked: int | None = None
    exam_model: str = ""
    audited: int = 0
    agreed: int = 0
    low: float | None = None
    high: float | None = None
    undecided: int = 0
    feedback: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionReport:
    """A version of a tool.

    Attributes:
        version: the version, and what became of it.
        state: ``serves``; ``replaced`` by a newer one; ``quarantined``, ``retired`` or ``withdrawn``.
        standing: how right it is.
        disagreements: its newest audits with a verdict against it, newest first, at most five.
    """

    version: Version
    state: str
    standing: Standing
    disagreements: tuple[Audit, ...] = ()

    @property
    def tool(self) -> Tool:
        """The tool itself."""
        return self.version.tool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReport:
    """A tool with all its versions.

    Attributes:
        name: its name.
        serves: whether it is in use.
        shown: the version that serves; else the current one; else the newest.
        versions: newest first.
        break_even: when it has paid for itself.
        failures: makings of its that came to nothing, newest first.
    """

    name: str
    serves: bool
    shown: VersionReport
    versions: tuple[VersionReport, ...]
    break_even: BreakEven
    failures: tuple[Making, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTask:
    """A task that no tool serves.

    Attributes:
        task: its name.
        pending: answered questions that a tool can be made from.
        needed: how many start a making; None where that is not known.
        examples: up to two questions with their answers.
        quarantined: whether it has a tool that was found wrong.
        state: of its newest making: ``running`` or ``failed``; None without one.
        error: what that failed with.
        stage: the stage that gave up.
        making: what its makings cost.
    """

    task: str
    pending: int
    needed: int | None
    examples: tuple[tuple[str, str], ...]
    quarantined: bool
    state: str | None
    error: str | None
    stage: str | None
    making: Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A contender of a comparison on a set of samples.

    Attributes:
        set: the set.
        synthetic: whether a model wrote it; such a set flatters.
        contender: its name.
        model: ``provider:model``; empty for the majority class.
        n: samples.
        right: those that it labelled rightly.
        accuracy: right / n.
        low: where the 95 % interval begins (Wilson).
        high: where it ends.
        cost_usd: of all replies; None where that of one is not known.
        p50_s: the median time of a reply, in seconds; None where there was none.
    """

    set: str
    synthetic: bool
    contender: str
    model: str
    n: int
    right: int
    accuracy: float
    low: float
    high: float
    cost_usd: Decimal | None
    p50_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A comparison of models.

    Attributes:
        number: in the library.
        tuning: the name of the tuning.
        at: when it was made.
        shown: whether a tuned model is shown to be better; None where there is none, or no base.
        verdict: what the figures allow to say.
        notes: what to know before believing them.
        bars: by set, the real ones first, and contender.
        problem: why it cannot be read; then the rest is empty.
    """

    number: int
    tuning: str
    at: str
    shown: bool | None = None
    verdict: str = ""
    notes: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """A model that a comparison gave a role.

    Attributes:
        role: the role.
        model: ``provider:model``.
        tuning: the name of its tuning.
        comparison: the number of the comparison that showed it.
        expires: when its service stops to serve it; None where that is not known.
        at: when it was promoted.
    """

    role: str
    model: str
    tuning: str
    comparison: int
    expires: str | None
    at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a library and its journal tell.

    Attributes:
        library: its URL, without a password.
        made: when the report was.
        counted_since: when answers began to be counted; None where all were.
        questions: answered, or left without an answer, since then.
        money: money spent against that of the strong model alone.
        routes: which layers answered, the one with the most questions first.
        tools: by name, those in use first.
        pending: tasks that no tool serves, the one with the most questions first.
        comparisons: of models, newest first.
        promotions: models that were given a role by a comparison.
    """

    library: str
    made: str
    counted_since: str | None
    questions: int
    money: Money
    routes: tuple[RouteShare, ...]
    tools: tuple[ToolReport, ...]
    pending: tuple[PendingTask, ...]
    comparisons: tuple[Compared, ...]
    promotions: tuple[Promoted, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell of."""
        money = self.money
        paid = money.answering.calls or money.others.calls or money.before.calls
        return not (self.questions or self.tools or self.pending or self.comparisons or paid)
