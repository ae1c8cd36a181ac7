"""A second opinion: another model writes the function from its description alone, and both are compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, cast

from latm._answers import CALLER, AnswerType
from latm._literals import LiteralCall
from latm._reading import says
from latm._roles import Role
from latm._signature import contract_of
from latm.errors import MakingFailed
from latm.maker._conversation import Conversation
from latm.maker.judge import CASES, Judge
from latm.maker.strict._checks import check, shown
from latm.maker.strict.probe import alike, distinct
from latm.maker.strict.propose import Modules, load
from latm.maker.strict.verify import Verification, Verified, brings_function
from latm_sandbox import AsyncSandbox, Outcome, Program, Status

STAGE: Final = "second-opinion"
_TRIES: Final = 2
_HARD: Final = 2  # calls that end neither in a value nor in an error, before the second function is given up
_LISTED: Final = 5
_DIGITS: Final = 9  # behind the point, in which two ways to compute may differ
_KEEP: Final = "keep"


def question_text(contract: str, function: str, modules: Modules) -> str:
    """What the other model is asked. Neither the source nor an example is in it."""
    return (
        f"Here is the description of a Python function.\n\n```\n{contract}\n```\n\n"
        f"Write the function `{function}` from this description alone, with the same parameters. The same "
        f"arguments always give the same value. It imports only from {modules}.\n"
        "Reply with the function, imports included, in one block:\n```python\n```"
    )


def dispute(difference: Difference) -> str:
    """What the maker is asked about an input on which the two differ."""
    return (
        "Another function, written from the description of yours alone, gives something else for "
        f"{difference.call}\nYours: {difference.mine}\nThe other: {difference.theirs}\n"
        f"Either may be wrong. If yours is right, reply with the one word {_KEEP}. If yours is wrong, reply "
        "with the whole mended function in one Python block."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An input on which two functions do not agree.

    Attributes:
        call: as Python writes it.
        mine: what the maker's function does with it.
        theirs: what the other one does.
    """

    call: str
    mine: str
    theirs: str

    def __str__(self) -> str:
        """For a reader."""
        return f"{self.call}: {self.mine}, and the other {self.theirs}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What came of it.

    Attributes:
        model: who gave it.
        known: known questions that the other function answers rightly too.
        compared: generated inputs on which both gave a value or an error.
        agreed: those on which they did the same.
        differences: the others, the smallest first.
        kept: whether the maker was shown the smallest one and keeps its function.
        problem: why there is none; empty where there is.
    """

    model: str
    known: int = 0
    compared: int = 0
    agreed: int = 0
    differences: tuple[Difference, ...] = ()
    kept: bool = False
    problem: str = ""

    def __str__(self) -> str:
        """For a reader."""
        if self.problem:
            return f"Not held: {self.problem}"
        said = (
            f"A function that {self.model} wrote from the description alone answers all {self.known} known "
            f"questions too, and gives the same on {self.agreed} of {self.compared} generated inputs."
        )
        if not self.differences:
            return said
        last = " The maker keeps its own." if self.kept else ""
        return f"{said} They differ on {self.differences[0]}.{last}"

    @property
    def figures(self) -> dict[str, object]:
        """As JSON data."""
        listed = [str(each) for each in self.differences[:_LISTED]]
        counts = {"known": self.known, "compared": self.compared, "agreed": self.agreed}
        return {"model": self.model, **counts, "differences": listed}


@dataclass(kw_only=True)
class SecondOpinion:
    """The dialogue of this stage: one function of another model's, and one question to the maker.

    It refuses nothing by itself. No labelled example says who is right on a generated input, so the maker is
    asked; a mended function that cannot be verified leaves the one that was.

    Attributes:
        conversation: with the maker.
        verification: verifies a function that was mended.
        judge: generates inputs.
        cells: where both functions run.
        role: who gives the opinion.
        answers: how answers compare.
        modules: what can be imported.
    """

    conversation: Conversation
    verification: Verification
    judge: Judge
    cells: AsyncSandbox
    role: Role
    answers: AnswerType
    modules: Modules
    replies: int = 0
    _second: Program | None = field(default=None, init=False)
    _problem: str = field(default="", init=False)
    _disputed: bool = field(default=False, init=False)
    _kept: bool = field(default=False, init=False)

    async def run(self, verified: Verified) -> tuple[Verified, Opinion]:
        """Compare, and show the maker the smallest difference once.

        Returns:
            The function, mended where the maker found that it has to be, and what is to be said of it. A
            mended function has to go through the other stages again, and comes back here then.
        """
        opinion = await self._compared(verified)
        if not opinion.differences or self._disputed or not self.verification.may_mend:
            return verified, replace(opinion, kept=self._kept)
        self._disputed = True
        reply = await self._ask_about(opinion.differences[0])
        mended = verified
        if reply is not None:
            try:
                mended = await self.verification.take(verified, reply)
            except MakingFailed:
                # It was right on every known question before, and is not worse for a doubt.
                return verified, opinion
        self._kept = mended.source == verified.source
        return mended, replace(opinion, kept=self._kept)

    async def agrees(self, tried: Verified, suspect: LiteralCall) -> bool | None:
        """Whether the other function gives what `tried` gives for a call whose label is doubted.

        Args:
            tried: the function with the questions that it answers rightly.
            suspect: the call.

        Returns:
            None where there is no other function that is right on those questions.
        """
        second = await self._usable(tried)
        if second is None:
            return None
        mine, theirs = await self._both(tried, second, suspect)
        return mine.ok and theirs.ok and self._same(mine.value, theirs.value)

    async def _compared(self, verified: Verified) -> Opinion:
        model = self.role.model
        second = await self._usable(verified)
        if second is None:
            return Opinion(model=model, problem=self._problem)
        calls = await self.judge.samples(verified.program, verified.function, distinct(verified.calls), CASES)
        found: list[tuple[LiteralCall, Difference]] = []
        compared = hard = 0
        for call in calls:
            mine, theirs = await self._both(verified, second, call)
            if not {mine.status, theirs.status} <= {Status.OK, Status.ERROR}:
                hard += 1
                if hard >= _HARD:
                    break
                continue
            compared += 1
            if not self._alike(mine, theirs):
                difference = Difference(call=str(call), mine=_said(mine), theirs=_said(theirs))
                found.append((call, difference))
        found.sort(key=lambda pair: (len(str(pair[0])), str(pair[0])))
        differences = tuple(difference for _, difference in found)
        return Opinion(
            model=model,
            known=len(verified.checked),
            compared=compared,
            agreed=compared - len(differences),
            differences=differences,
            problem="" if compared else "no input could be generated on which both functions end.",
        )

    async def _usable(self, verified: Verified) -> Program | None:
        """The other function, where it is right on every known question; it is asked for once."""
        if self._second is None and not self._problem:
            await self._write(verified)
        if self._second is None:
            return None
        calls = [self._of_second(call) for call in verified.calls]
        examples = [each.example for each in verified.checked]
        checked = await check(self.cells, self._second, examples, calls, self.answers)
        wrong = [each for each in checked if each.fault is not None]
        if wrong:
            self._second = None
            self._problem = (
                f"the function that {self.role.model} wrote is wrong on {len(wrong)} of {len(checked)} known "
                "questions itself, and was dropped."
            )
        return self._second

    async def _write(self, verified: Verified) -> None:
        contract = contract_of(verified.source, verified.function)
        other = replace(self.conversation, role=self.role, turns=[])
        other.say(question_text(contract, verified.function, self.modules))
        for _ in range(_TRIES):
            self.replies += 1
            reply = await other.ask(STAGE, self.replies)
            proposal, problem = await load(self.cells, reply)
            if proposal is not None and verified.function not in proposal.functions:
                problem = f"The block defines no function {verified.function}."
            other.judge(STAGE, self.replies, reply, problem)
            if proposal is not None and problem is None:
                self._second = Program(proposal.source, verified.function)
                return
            self._problem = f"{self.role.model} wrote no function that loads: {problem}"
            other.say(f"{problem}\nPlease reply with the whole function again, in one Python block.")

    async def _both(self, verified: Verified, second: Program, call: LiteralCall) -> tuple[Outcome, Outcome]:
        mine = await self.cells.apply(verified.program, call.args, call.kwargs)
        return mine, await self.cells.apply(second, call.args, call.kwargs)

    def _of_second(self, call: LiteralCall) -> LiteralCall:
        assert self._second is not None
        return replace(call, function=self._second.function or call.function)

    def _alike(self, mine: Outcome, theirs: Outcome) -> bool:
        if mine.ok and theirs.ok:
            return self._same(mine.value, theirs.value)
        return mine.status is theirs.status  # both decline: by which error is a matter of taste

    def _same(self, mine: object, theirs: object) -> bool:
        """Whether two values are one answer: the same data, or the same by the answer type."""
        if alike(_plain(mine), _plain(theirs)):
            return True
        if self.answers.name == CALLER:  # made for values and labels, not for two values
            return False
        try:
            return self.answers.same(mine, theirs, "")
        except ValueError:
            return False

    async def _ask_about(self, difference: Difference) -> str | None:
        """The reply that brings a mended function; None where the maker keeps its own, or cannot be read."""
        self.conversation.say(dispute(difference))
        for _ in range(_TRIES):
            self.replies += 1
            reply = await self.conversation.ask(STAGE, self.replies)
            brings = brings_function(reply)
            problem = str(difference) if brings else None
            if not brings and not says(reply, _KEEP):
                problem = f"The reply is neither the one word {_KEEP} nor a function in a Python block."
            self.conversation.judge(STAGE, self.replies, reply, problem)
            if brings or problem is None:
                return reply if brings else None
            self.conversation.say(f"{problem} Please reply again.")
        return None


def _plain(value: object) -> object:
    """A value in which a tuple is a list, and a number of whole value an int."""
    match value:
        case list() | tuple():
            return [_plain(each) for each in cast("list[object] | tuple[object, ...]", value)]
        case dict():
            return {key: _plain(each) for key, each in cast("dict[object, object]", value).items()}
        case float() if value.is_integer():
            return int(value)
        case float():
            return round(value, _DIGITS)
        case _:
            return value


def _said(outcome: Outcome) -> str:
    if outcome.ok:
        return shown(outcome.value)
    return f"raises {outcome.error.type}" if outcome.error is not None else outcome.status.value
