"""Regression: a new version gives every answer that the version before it was tested with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from latm._answers import AnswerType
from latm._literals import LiteralCall, Unreadable, read_call, read_calls
from latm._reading import defined_functions, folded, parse
from latm._records import Check, Example, Tool
from latm._signature import misfit, signature_of
from latm.errors import MakingFailed
from latm.maker._conversation import Conversation
from latm.maker.strict._checks import Checked, check, shown
from latm.maker.strict.verify import GO_ON, Verification, Verified, brings_function, calls_text, report
from latm_sandbox import AsyncSandbox

STAGE: Final = "regression"
MOST: Final = 60
"""Checks of the version before that are looked at, the newest first."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The version that is to be replaced.

    Attributes:
        tool: the version.
        doubted: whether it was found wrong (quarantined), so that its world may have changed.
        overruled: answers of feedback by question, folded; they outrank the version's own.
    """

    tool: Tool
    doubted: bool = False
    overruled: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What of the version before holds for the new one.

    Attributes:
        version: its number.
        checked: its questions with their calls, all answered rightly; they become checks of the new version.
        tests: its tests as code, by name, that pass; those of the paper's protocol.
        overruled: its questions whose answers are others now, by feedback or by an example.
        disputed: what it was tested with and the new one does otherwise, since it was found wrong itself.
        dropped: names of tests as code that do not run on the new function.
        left_out: how many of its checks are too old to be looked at.
    """

    version: int
    checked: tuple[Checked, ...] = ()
    tests: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    overruled: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    left_out: int = 0

    def __str__(self) -> str:
        """For a reader."""
        said = [
            f"{len(self.checked)} questions that version {self.version} was tested with are answered too."
        ]
        if self.tests:
            said.append(f"Its tests as code pass: {', '.join(self.tests)}.")
        if self.overruled:
            said.append(
                f"Their answers are others now, by feedback or an example: {_listed(self.overruled)}."
            )
        if self.disputed:
            said.append(f"That version was found wrong, and is not followed in: {_listed(self.disputed)}.")
        if self.dropped:
            said.append(f"Its tests that do not run on this function: {', '.join(self.dropped)}.")
        if self.left_out:
            said.append(f"{self.left_out} older ones were left out.")
        return " ".join(said)

    @property
    def figures(self) -> dict[str, object]:
        """As JSON data."""
        return {
            "version": self.version,
            "carried": len(self.checked),
            "overruled": list(self.overruled),
            "disputed": list(self.disputed),
            "left_out": self.left_out,
        }


@dataclass(frozen=True, slots=True)
class _Wrong:
    """An old check, and what the new function does instead; None where no call is known."""

    old: Check
    result: Checked | None


@dataclass(kw_only=True)
class Regression:
    """The dialogue of this stage; without a request where the old calls give the old answers.

    Attributes:
        conversation: with the maker.
        verification: verifies a function that was mended.
        cells: where functions run.
        answers: how answers compare.
        replaced: what is to be replaced.
        examples: all examples of this making; their answers are the newer ones.
        attempts: replies with calls.
    """

    conversation: Conversation
    verification: Verification
    cells: AsyncSandbox
    answers: AnswerType
    replaced: Replaced
    examples: Sequence[Example]
    attempts: int
    replies: int = 0
    _calls: dict[str, LiteralCall] = field(default_factory=dict[str, LiteralCall], init=False)
    _asked: list[Check] = field(default_factory=list[Check], init=False)
    _problem: str = field(default="", init=False)

    async def run(self, verified: Verified) -> tuple[Verified, Carried | None]:
        """Look at every old check.

        Returns:
            The function, and what holds for it. One that was mended comes back at once and without that: it
            has to go through the other stages before it is looked at here again.

        Raises:
            MakingFailed: an answer of before is not given, and the attempts are used up.
        """
        due = self._due()
        while True:
            found = await self._checked(verified, due)
            wrong = [_Wrong(old, each) for old, each in zip(due, found, strict=True) if _is_wrong(each)]
            at_fault = [each.result for each in wrong if each.result and each.result.fault == "function"]
            if self.replaced.doubted and 2 * len(at_fault) >= len(due) > 0:
                return verified, await self._carried(verified, found, disputed=at_fault)
            if not wrong:
                return verified, await self._carried(verified, found)
            reply = await self._ask(verified, wrong)
            if brings_function(reply):
                self.conversation.judge(STAGE, self.replies, reply, None)
                if not self.verification.may_mend:
                    raise self._failed(wrong)
                self._problem = ""
                return await self.verification.take(verified, reply), None
            self._problem = await self._read(verified, reply)
            self.conversation.judge(STAGE, self.replies, reply, self._problem or None)

    def _due(self) -> tuple[Check, ...]:
        """The old checks with the answers that hold now, without those that this making's examples ask."""
        asked = {folded(each.question) for each in self.examples}
        return tuple(
            dataclasses.replace(each, answer=self._answer(each))
            for each in self.replaced.tool.checks
            if folded(each.question) not in asked
        )[:MOST]

    def _answer(self, old: Check) -> str:
        return self.replaced.overruled.get(folded(old.question), old.answer)

    async def _checked(self, verified: Verified, due: Sequence[Check]) -> tuple[Checked | None, ...]:
        """Each check with what its call gives; None where there is no call that the function takes."""
        calls = [self._call(verified, each) for each in due]
        pairs = [(each, call) for each, call in zip(due, calls, strict=True) if call is not None]
        examples = [Example(each.question, each.answer) for each, _ in pairs]
        results = iter(
            await check(self.cells, verified.program, examples, [call for _, call in pairs], self.answers)
        )
        return tuple(None if call is None else next(results) for call in calls)

    def _call(self, verified: Verified, old: Check) -> LiteralCall | None:
        """The call that the maker wrote for the question, or that of the old version where it fits."""
        written = self._calls.get(old.question)
        if written is not None:
            return dataclasses.replace(written, function=verified.function)
        tree = parse(self.replaced.tool.source)
        try:
            call = read_call(old.call, defined_functions(tree) if tree else ())
        except Unreadable:
            return None
        call = dataclasses.replace(call, function=verified.function)
        signature = signature_of(verified.source, verified.function)
        return None if signature is not None and misfit(signature, call) is not None else call

    async def _ask(self, verified: Verified, wrong: Sequence[_Wrong]) -> str:
        """The maker's next reply: calls for the questions that are not answered rightly, or a function."""
        if self.replies >= self.attempts:
            raise self._failed(wrong)
        questions = [each.old.question for each in wrong]
        if self._problem:
            text = f"{self._problem}\n{GO_ON}"
        elif not {each.question for each in self._asked}.issuperset(questions):
            # An old call may mean something else to this function: the first word is the maker's.
            self._asked = [each.old for each in wrong]
            text = calls_text(
                "The function replaces an earlier version, which was tested with more than that. Here are "
                f"{len(wrong)} questions of this kind.",
                questions,
            )
        else:
            found = await self._checked(verified, self._asked)
            text = f"{report([each for each in found if each is not None], told=0)}\n{GO_ON}"
        self.conversation.say(text)
        self.replies += 1
        return await self.conversation.ask(STAGE, self.replies)

    async def _read(self, verified: Verified, reply: str) -> str:
        """Take the calls of a reply; what is wrong with it, or with what they give."""
        try:
            calls = read_calls(reply, (verified.function,), len(self._asked))
        except Unreadable as error:
            return str(error)
        self._calls |= {each.question: call for each, call in zip(self._asked, calls, strict=True)}
        found = [each for each in await self._checked(verified, self._asked) if each is not None]
        return report(found, told=0) if any(map(_is_wrong, found)) else ""

    def _failed(self, wrong: Sequence[_Wrong]) -> MakingFailed:
        """The error; it shows the caller the answer, which no model is shown."""
        first = wrong[0]
        gives = "no call of the function is known for it"
        if first.result is not None:
            done = first.result.outcome.ok
            gives = f"the function gives {shown(first.result.value)}" if done else "the function fails on it"
        return MakingFailed(
            f"version {self.replaced.tool.version} was tested with {first.old.question!r}, whose answer is "
            f"{first.old.answer!r}, and {gives} ({len(wrong)} in all are not answered so). If an answer is "
            "wrong, correct it by feedback.",
            task=self.conversation.task,
            stage=STAGE,
            history=tuple(self.conversation.history),
        )

    async def _carried(
        self, verified: Verified, found: Sequence[Checked | None], disputed: Sequence[Checked] = ()
    ) -> Carried:
        old = self.replaced.tool
        newer = {folded(each.question): each.answer for each in self.examples}
        answers = {**self.replaced.overruled, **newer}
        others = [each for each in old.checks if self._differs(each, answers)]
        asked = sum(folded(each.question) not in newer for each in old.checks)
        passed = {
            name: code
            for name, code in old.tests.items()
            if (await self.cells.run(verified.program, code)).ok
        }
        return Carried(
            version=old.version,
            checked=tuple(each for each in found if each is not None and each.fault is None),
            tests=passed,
            overruled=tuple(each.question for each in others),
            disputed=tuple(
                f"{each.example.question} ({each.example.answer!r}, and now {shown(each.value)})"
                for each in disputed
            ),
            dropped=tuple(name for name in old.tests if name not in passed),
            left_out=max(0, asked - MOST),
        )

    def _differs(self, old: Check, answers: Mapping[str, str]) -> bool:
        now = answers.get(folded(old.question), old.answer)
        try:
            return now != old.answer and not self.answers.same(now, old.answer, old.question)
        except ValueError:
            return True


def _is_wrong(result: Checked | None) -> bool:
    return result is None or result.fault is not None


def _listed(questions: Sequence[str]) -> str:
    return "; ".join(questions)
