"""The conversation with the maker, and the account that is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from latm._events import Events
from latm._ledger import Ledger
from latm._records import Attempt, Evidence
from latm._roles import Purpose, Role
from latm.errors import MakingFailed, Refused, Truncated
from latm.maker._bounds import Bounds
from latm.plugin import Message, Request

SYSTEM = (
    "You write small, general Python functions that later answer many questions of the same kind. "
    "Your code is run as it stands, so reply with complete code in fenced Python blocks."
)
_NOTHING = "(nothing)"


@final
@dataclass(kw_only=True)
class Conversation:
    """One making's turns with the maker; the whole history goes into every request, as in the paper.

    Attributes:
        role: the maker.
        task: the task's name.
        run: the making's id in the journal.
        events: who is told of each attempt.
        bill: what the making cost.
        turns: the messages so far.
        history: the attempts so far.
        bounds: what the making may take; None for no bound.
    """

    role: Role
    task: str
    run: str
    events: Events
    bill: Ledger = field(default_factory=Ledger)
    turns: list[Message] = field(default_factory=list[Message])
    history: list[Attempt] = field(default_factory=list[Attempt])
    bounds: Bounds | None = None
    _cut: str = field(default="", init=False)

    def say(self, text: str) -> None:
        """Add a turn of ours; it says as well if the last reply was not whole."""
        self.turns.append(Message("user", f"{self._cut}\n{text}" if self._cut else text))
        self._cut = ""

    def begin(self, stage: str) -> None:
        """Say what is being done now.

        Raises:
            MakingFailed: the making, or this stage of it, has taken what it may take.
        """
        self.check(stage)
        self.events.tell("make.stage", task=self.task, stage=stage, cost_usd=self.bill.total().cost_usd)

    def check(self, stage: str) -> None:
        """Look at the bounds.

        Raises:
            MakingFailed: the making, or this stage of it, has taken what it may take.
        """
        problem = None if self.bounds is None else self.bounds.enter(stage)
        if problem is not None:
            raise MakingFailed(problem, task=self.task, stage=stage, history=tuple(self.history))

    def found(self, evidence: Evidence) -> None:
        """Say what a stage has found, as soon as it is known."""
        self.events.tell(
            "make.found",
            task=self.task,
            stage=evidence.stage,
            held=evidence.held,
            summary=evidence.summary,
            cost_usd=self.bill.total().cost_usd,
        )

    async def ask(self, stage: str, number: int) -> str:
        """Get the maker's next reply; it stays in the conversation.

        A refusal and a reply that was cut off are read as an empty one: a fault of the reply, and no error.

        Raises:
            MakingFailed: the making, or this stage of it, has taken what it may take.
        """
        self.check(stage)
        purpose = Purpose(
            run=self.run,
            step=f"{stage}/{number}",
            bill=self.bill,
            task=self.task,
            tool=self.task,
            resumable=True,
        )
        self.events.tell("make.asking", task=self.task, stage=stage, number=number)
        try:
            reply = await self.role.complete(Request(messages=tuple(self.turns), system=SYSTEM), purpose)
        except (Refused, Truncated) as error:
            # Without its metadata: half a turn is nothing that a service wants to see again.
            said = "" if error.reply is None else error.reply.text
            self.turns.append(Message("assistant", said if said.strip() else _NOTHING))
            self._cut = f"There was no whole reply: {error}"
            return ""
        text = reply.text if reply.text.strip() else _NOTHING  # services take no empty turn
        self.turns.append(Message("assistant", text, metadata=reply.metadata))
        return reply.text

    def judge(self, stage: str, number: int, reply: str, problem: str | None) -> None:
        """Write down what became of a reply."""
        self.history.append(Attempt(stage=stage, number=number, reply=reply, problem=problem))
        spend = self.bill.total()
        self.events.tell(
            "make.attempt",
            task=self.task,
            stage=stage,
            number=number,
            problem=problem,
            cost_usd=spend.cost_usd,
            usage=spend.usage,
        )

    def failed(self, stage: str) -> MakingFailed:
        """The error that ends the making, with the whole history."""
        tries = [attempt for attempt in self.history if attempt.stage == stage]
        last = tries[-1].problem if tries else None
        times = "1 attempt" if len(tries) == 1 else f"{len(tries)} attempts"
        return MakingFailed(
            f"{times}, the last one: {last}", task=self.task, stage=stage, history=tuple(self.history)
        )
