"""Strict verification: the maker translates questions into calls, and the engine compares what they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from latm._answers import AnswerType
from latm._literals import LiteralCall, Unreadable, read_calls
from latm._reading import code_blocks, defined_functions, parse
from latm._records import Example
from latm.maker._conversation import Conversation
from latm.maker.propose import Proposal
from latm.maker.strict._checks import Checked, check, shown
from latm.maker.strict.propose import load
from latm_sandbox import AsyncSandbox, Program

STAGE = "verify"
_DOUBTED = 3
"""Examples that have to speak for a function before the only one against it is doubted."""
GO_ON: Final = (
    "If calls are wrong, reply with all of them again, one a line in one Python block. If the function is "
    "wrong, reply with the whole function in one Python block, without calls; the last calls are then made "
    "again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A function that gives the right answer to every known question.

    Attributes:
        source: as it was run.
        function: the function that the calls are of.
        checked: the questions with their calls and values, in the order of the examples.
    """

    source: str
    function: str
    checked: tuple[Checked, ...]

    @property
    def program(self) -> Program:
        """What a cell runs."""
        return Program(self.source, self.function)

    @property
    def calls(self) -> tuple[LiteralCall, ...]:
        """The calls alone."""
        return tuple(each.call for each in self.checked)


def question_text(questions: Sequence[str]) -> str:
    """What the maker is asked. No answer is in it."""
    return calls_text(f"The function runs. Here are {len(questions)} questions of this kind.", questions)


def calls_text(opening: str, questions: Sequence[str]) -> str:
    """A request for one call of the function for each question."""
    listed = "\n\n".join(f"Question: {each}" for each in questions)
    return (
        f"{opening}\n\n{listed}\n\n"
        "For each question, in this order, write one call of the function with its arguments taken from the "
        "question and written out as literals (no variables, no expressions). Where the answer is one part "
        'of the value, put a literal subscript behind the call, such as f(...)["Alice"]. Reply with one '
        f"Python block of {len(questions)} lines, one call each, and nothing else in it:\n```python\n```"
    )


@dataclass(kw_only=True)
class Verification:
    """The dialogue of this stage; it goes on where a later stage finds a fault in the function.

    Attributes:
        conversation: with the maker.
        cells: where the function runs.
        told: examples whose answers the maker knows.
        held: examples whose answers it does not, and is never told.
        answers: how answers compare.
        attempts: replies with calls, and as many with another function, that are looked at.
        replies: how many there were.
        tried: the last function whose calls were run, whatever they gave.
    """

    conversation: Conversation
    cells: AsyncSandbox
    told: Sequence[Example]
    held: Sequence[Example]
    answers: AnswerType
    attempts: int
    replies: int = 0
    tried: Verified | None = field(default=None, init=False)
    _left: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Count down from the attempts."""
        self._left = {"calls": self.attempts, "function": self.attempts}

    @property
    def examples(self) -> tuple[Example, ...]:
        """All of them, in the order of the calls."""
        return (*self.told, *self.held)

    async def begin(self, proposal: Proposal) -> Verified:
        """Get a function and calls of it that give every right answer.

        Raises:
            MakingFailed: the attempts are used up.
        """
        self.conversation.say(question_text([each.question for each in self.examples]))
        return await self._settle(proposal, None)

    @property
    def may_mend(self) -> bool:
        """Whether another function would be looked at."""
        return self._left["function"] > 0

    async def mend(self, verified: Verified, problem: str, *, stage: str) -> Verified:
        """Have a verified function mended because of `problem`, which `stage` found, and verify what comes.

        Raises:
            MakingFailed: the attempts are used up.
        """
        found = 1 + sum(each.stage == stage for each in self.conversation.history)
        self.conversation.judge(stage, found, "", problem)
        if not self.may_mend:
            raise self.conversation.failed(stage)
        self.conversation.say(f"{problem}\nPlease reply with the whole mended function in one Python block.")
        self.replies += 1
        reply = await self.conversation.ask(STAGE, self.replies)
        return await self._settle(Proposal(verified.source, (verified.function,)), verified.calls, reply)

    async def take(self, verified: Verified, reply: str) -> Verified:
        """Verify the function that a reply to another stage's question has brought.

        Raises:
            MakingFailed: it gives a wrong answer, and the attempts are used up.
        """
        self.replies += 1
        return await self._settle(Proposal(verified.source, (verified.function,)), verified.calls, reply)

    async def _settle(
        self, proposal: Proposal, calls: tuple[LiteralCall, ...] | None, reply: str | None = None
    ) -> Verified:
        while True:
            if reply is None:
                reply = await self._ask()
            what = "function" if brings_function(reply) else "calls"
            self._left[what] -= 1
            verified: Verified | None = None
            if what == "function":
                found, problem = await load(self.cells, reply)
                proposal = found or proposal
                if found is not None and not _serve(calls, proposal):
                    calls, problem = None, _call_again(proposal)
            else:
                calls, problem = self._read(reply, proposal)
            if problem is None and calls is not None:
                verified, problem = await self._try(proposal, calls)
            self.conversation.judge(STAGE, self.replies, reply, problem)
            if verified is not None:
                return verified
            self.conversation.say(f"{problem}\n{GO_ON}")
            reply = None

    async def _ask(self) -> str:
        if min(self._left.values()) <= 0:
            raise self.conversation.failed(STAGE)
        self.replies += 1
        return await self.conversation.ask(STAGE, self.replies)

    def _read(self, reply: str, proposal: Proposal) -> tuple[tuple[LiteralCall, ...] | None, str | None]:
        try:
            calls = read_calls(reply, proposal.functions, len(self.examples))
        except Unreadable as error:
            return None, str(error)
        used = sorted({each.function for each in calls})
        if len(used) > 1:
            return None, f"The calls are of {' and '.join(used)}: all have to be of one function."
        return calls, None

    async def _try(
        self, proposal: Proposal, calls: tuple[LiteralCall, ...]
    ) -> tuple[Verified | None, str | None]:
        program = Program(proposal.source, calls[0].function)
        checked = await check(self.cells, program, self.examples, calls, self.answers)
        self.tried = Verified(source=proposal.source, function=calls[0].function, checked=checked)
        if all(each.fault is None for each in checked):
            return self.tried, None
        return None, report(checked, told=len(self.told))

    def suspect(self) -> Checked | None:
        """The one example that the last function does not agree with, where it agrees with all others."""
        if self.tried is None:
            return None
        wrong = [each for each in self.tried.checked if each.fault is not None]
        alone = len(wrong) == 1 and wrong[0].outcome.ok and len(self.tried.checked) > _DOUBTED
        return wrong[0] if alone else None


def brings_function(reply: str) -> bool:
    """Whether a reply holds a function, and not calls."""
    trees = [parse(block.code) for block in code_blocks(reply)]
    return any(tree is not None and defined_functions(tree) for tree in trees)


def report(checked: Sequence[Checked], *, told: int) -> str:
    """What the maker is told of wrong answers: those that it knows in full, the others without."""
    lines: list[str] = []
    for number, each in enumerate(checked):
        if each.fault is None:
            continue
        line = f"Question {number + 1}: {each.call}\n{each.problem}"
        if number < told and each.fault == "function":
            line += f" The right answer is {each.example.answer!r}, the value was {shown(each.value)}."
        lines.append(line)
    right = len(checked) - len(lines)
    return f"{right} of {len(checked)} questions are answered rightly.\n\n" + "\n\n".join(lines)


def _serve(calls: Sequence[LiteralCall] | None, proposal: Proposal) -> bool:
    return calls is not None and {each.function for each in calls} <= set(proposal.functions)


def _call_again(proposal: Proposal) -> str:
    return f"Please write the calls anew, of {' or '.join(dict.fromkeys(proposal.functions))}."
