"""One question on its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from latm._ledger import Ledger
from latm._records import Answer, Route, Tool, new_run
from latm._tables import seconds
from latm.errors import ConfigError, DeadlineExceeded
from latm_sandbox import Outcome


@dataclass(kw_only=True)
class Asked:
    """What is known of a question so far.

    Attributes:
        text: the question.
        started: seconds, by the engine's clock.
        run: its id in the journal.
        bill: what its models cost.
        trace: what happened, one sentence each.
        layer: what decided last.
        task: the task that it belongs to, where that is known.
        tool: what was tried.
        outcome: of its last run in a cell.
        reason: why a tool gave no answer.
        by_model: whether the strong model answered.
    """

    text: str
    started: float
    run: str
    bill: Ledger = field(default_factory=Ledger)
    trace: list[str] = field(default_factory=list[str])
    layer: str = "dispatcher"
    task: str | None = None
    tool: Tool | None = None
    outcome: Outcome | None = None
    reason: str = ""
    by_model: bool = False

    @classmethod
    def of(cls, question: str, *, started: float) -> Asked:
        """A question that just came.

        Raises:
            ConfigError: it is empty, or no text.
        """
        _check_question(question)
        return cls(text=question, started=started, run=new_run("ask"))

    def answer(self, text: str | None, *, now: float) -> Answer:
        """What its caller gets."""
        spend = self.bill.total()
        route: Route = "none" if text is None else "model" if self.by_model else "tool"
        return Answer(
            text=text,
            route=route,
            layer=self.layer,
            question=self.text,
            run=self.run,
            task=self.task,
            reason=self.reason,
            tool=None if self.tool is None else self.tool.name,
            tool_version=None if self.tool is None else self.tool.version,
            outcome=self.outcome,
            cost_usd=spend.cost_usd,
            usage=spend.usage,
            seconds=now - self.started,
            trace=tuple(self.trace),
        )


def within(timeout_s: float | None, work: Callable[[], Awaitable[Answer]]) -> Callable[[], Awaitable[Answer]]:
    """The work, given up when the caller's time is over."""
    if timeout_s is None:
        return work
    seconds(timeout_s=timeout_s)

    async def hurried() -> Answer:
        with anyio.move_on_after(timeout_s):
            return await work()
        raise DeadlineExceeded(timeout_s)

    return hurried


def _check_question(question: object) -> None:
    """Refuse what is no question, whatever the types of its caller say."""
    if not isinstance(question, str):
        raise ConfigError(f"a question is a text, not {type(question).__name__}", where="question")
    if not question.strip():
        raise ConfigError("the question is empty")
