"""The way through the stages of the strict protocol."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from latm._answers import AnswerType
from latm._clock import Clock, SystemClock
from latm._records import Example, Tool
from latm._roles import Role
from latm._signature import contract_of, signature_of
from latm.config import MakingConfig
from latm.errors import MakingFailed
from latm.maker._conversation import Conversation
from latm.maker._draft import Draft
from latm.maker.judge import Judge
from latm.maker.strict import _evidence as evidence
from latm.maker.strict import exam as examining
from latm.maker.strict import opinion as opining
from latm.maker.strict import regression as regressing
from latm.maker.strict._evidence import Findings, Probed, Settled
from latm.maker.strict.dispute import disputed
from latm.maker.strict.exam import Exam
from latm.maker.strict.opinion import SecondOpinion
from latm.maker.strict.overlap import overlap
from latm.maker.strict.parser import Parsing, parser
from latm.maker.strict.probe import crash, declared, determinism, distinct, scaling
from latm.maker.strict.properties import Properties
from latm.maker.strict.propose import Modules, propose
from latm.maker.strict.regression import Regression, Replaced
from latm.maker.strict.verify import Verification, Verified
from latm.user import User
from latm_sandbox import AsyncSandbox

_ENOUGH_FOR_AN_EXAM = 9
_MOST_HELD = 12  # of what the maker has to write calls for, unless `validation` says more


@dataclass(frozen=True, slots=True)
class Split:
    """Examples by what they are for.

    Attributes:
        shown: with their answers, to the maker.
        held: their questions alone, to the maker; the engine compares the answers.
        unseen: for the exam.
    """

    shown: tuple[Example, ...]
    held: tuple[Example, ...]
    unseen: tuple[Example, ...]


def split(examples: Sequence[Example], settings: MakingConfig) -> Split:
    """The first are shown, the next are held back, the last are for the exam.

    What is between them is held back too, up to twelve in all: no answer that is known goes unused.
    """
    first = settings.demonstrations
    second = first + settings.validation
    count = settings.exam
    if count is None:
        count = len(examples) // 3 if len(examples) >= _ENOUGH_FOR_AN_EXAM else 0
    count = min(count, len(examples) - second)
    unseen = tuple(examples[len(examples) - count :]) if count > 0 else ()
    third = max(second, min(len(examples) - len(unseen), first + _MOST_HELD))
    return Split(tuple(examples[:first]), tuple(examples[first:third]), unseen)


@final
@dataclass(frozen=True, kw_only=True)
class Strict:
    """Makes drafts by the strict protocol.

    Attributes:
        cells: where functions run.
        other: the same with another hash seed and time zone.
        judge: tries properties and generated input.
        user: the user model, for the exam; None where the role is not filled.
        clock: says how far apart two runs were.
    """

    cells: AsyncSandbox
    other: AsyncSandbox
    judge: Judge
    user: User | None
    clock: Clock = dataclasses.field(default_factory=SystemClock)

    async def make(
        self,
        conversation: Conversation,
        examples: Sequence[Example],
        *,
        settings: MakingConfig,
        answers: AnswerType,
        foreign: Sequence[str],
        tool_of: Callable[[Draft], Tool],
        second: Role | None = None,
        replaced: Replaced | None = None,
    ) -> Draft:
        """Make a function that passes every stage.

        Args:
            conversation: with the maker.
            examples: as many as `settings` need, in their order.
            settings: counts.
            answers: how answers compare.
            foreign: known questions of other tasks.
            tool_of: a tool that is not stored, for the exam.
            second: who gives a second opinion, if anybody does.
            replaced: the version that the tool would replace, if there is one.

        Raises:
            MakingFailed: a stage used up its attempts.
        """
        parts = split(examples, settings)
        modules = Modules.of(await self.cells.modules())
        verification = Verification(
            conversation=conversation,
            cells=self.cells,
            told=parts.shown,
            held=parts.held,
            answers=answers,
            attempts=settings.attempts,
        )
        properties = Properties(
            conversation=conversation,
            verification=verification,
            judge=self.judge,
            attempts=settings.attempts,
        )
        opinions = None
        if second is not None:
            opinions = SecondOpinion(
                conversation=conversation,
                verification=verification,
                judge=self.judge,
                cells=self.cells,
                role=second,
                answers=answers,
                modules=modules,
            )
        regression = None
        if replaced is not None:
            regression = Regression(
                conversation=conversation,
                verification=verification,
                cells=self.cells,
                answers=answers,
                replaced=replaced,
                examples=examples,
                attempts=settings.attempts,
            )
        way = _Way(
            strict=self,
            conversation=conversation,
            examples=examples,
            parts=parts,
            settings=settings,
            answers=answers,
            modules=modules,
            verification=verification,
            properties=properties,
            regression=regression,
            opinions=opinions,
        )
        return await way.go(foreign, tool_of)


@dataclass(kw_only=True)
class _Way:
    """One making's way through the stages."""

    strict: Strict
    conversation: Conversation
    examples: Sequence[Example]
    parts: Split
    settings: MakingConfig
    answers: AnswerType
    modules: Modules
    verification: Verification
    properties: Properties
    regression: Regression | None
    opinions: SecondOpinion | None

    async def go(self, foreign: Sequence[str], tool_of: Callable[[Draft], Tool]) -> Draft:
        """The whole of it."""
        verified = await self._verified()
        while True:
            settled = await self._with_opinion(await self._settled(verified))
            verified = settled.verified
            self.conversation.begin("parser")
            bare = tool_of(evidence.draft_of(settled, Parsing(None, "")))
            parsing = await parser(self.conversation, self.strict.cells, verified, foreign, bare)
            self.conversation.found(evidence.parser_of(parsing))
            self.conversation.begin("scaling")
            grown = await scaling(verified, self.strict.cells)
            self.conversation.found(evidence.scaling_of(grown))
            draft = evidence.draft_of(settled, parsing)
            exam = await self._examined(tool_of(draft))
            no_exam = "there were fewer than 9 examples" if not self.parts.unseen else _NOBODY
            self.conversation.found(evidence.exam_of(exam, no_exam))
            # Once more at the very end, when the most time has passed.
            self.conversation.begin("determinism")
            apart_s = self.strict.clock.monotonic() - settled.probed.at
            problem = await determinism(verified, self.strict.other)
            if problem is None:
                break
            verified = await self.verification.mend(verified, problem, stage="determinism")
        self.conversation.found(evidence.determinism_of(verified, apart_s))
        found = Findings(
            settled=settled,
            unknown=len(self.parts.held),
            parsing=parsing,
            grown=grown,
            exam=exam,
            no_exam=no_exam,
            apart_s=apart_s,
        )
        gathered = evidence.evidence_of(found)
        return dataclasses.replace(draft, evidence=gathered, notes=evidence.notes_of(found, gathered))

    async def _verified(self) -> Verified:
        """A function that answers every known question."""
        self.conversation.begin("propose")
        proposal = await propose(
            self.conversation,
            self.strict.cells,
            self.parts.shown,
            modules=self.modules,
            attempts=self.settings.attempts,
        )
        self.conversation.begin("verify")
        try:
            verified = await self.verification.begin(proposal)
        except MakingFailed as failure:
            raise await disputed(
                failure, self.conversation, self.verification, self.properties, self.opinions
            ) from None
        self.conversation.found(evidence.verify_of(verified, len(self.parts.held)))
        return verified

    async def _settled(self, verified: Verified) -> Settled:
        """Have the function mended until no stage finds anything."""
        while True:
            verified, probed = await self._probed(verified)
            self.conversation.begin("properties")
            held = await self.properties.run(verified, contract_of(verified.source, verified.function))
            if held.verified.source != verified.source:
                verified = held.verified
                continue
            self.conversation.found(evidence.properties_of(held, probed.seed))
            if self.regression is None:
                return Settled(verified=verified, probed=probed, held=held)
            self.conversation.begin(regressing.STAGE)
            verified, carried = await self.regression.run(verified)
            if carried is not None:
                self.conversation.found(evidence.regression_of(carried))
                return Settled(verified=verified, probed=probed, held=held, carried=carried)

    async def _probed(self, verified: Verified) -> tuple[Verified, Probed]:
        while True:
            self.conversation.begin("determinism")
            at = self.strict.clock.monotonic()
            signature = signature_of(verified.source, verified.function)
            found = overlap(verified.source, self.examples, told=len(self.parts.shown))
            problem = found.problem or await determinism(verified, self.strict.other)
            if problem is None:
                self.conversation.begin("robustness")
                robust = await self.strict.judge.robustness(
                    verified.program,
                    verified.function,
                    distinct(verified.calls),
                    () if signature is None else declared(verified.source, signature),
                )
                if not robust.inside:
                    probed = Probed(found, robust, at, self.strict.judge.seed)
                    self.conversation.found(evidence.robustness_of(probed))
                    return verified, probed
                problem = crash(robust)
            verified = await self.verification.mend(verified, problem, stage="probe")

    async def _with_opinion(self, settled: Settled) -> Settled:
        """Hear the second opinion; a function that is mended because of it goes through the stages again."""
        if self.opinions is None:
            return settled
        while True:
            self.conversation.begin(opining.STAGE)
            verified, opinion = await self.opinions.run(settled.verified)
            if verified.source == settled.verified.source:
                self.conversation.found(evidence.opinion_of(opinion))
                return dataclasses.replace(settled, opinion=opinion)
            try:
                settled = await self._settled(verified)
            except MakingFailed:
                # What was mended does not hold; what was there did, and nobody but a doubt speaks against it.
                return dataclasses.replace(settled, opinion=opinion)

    async def _examined(self, tool: Tool) -> Exam | None:
        if not self.parts.unseen or self.strict.user is None:
            return None
        self.conversation.begin(examining.STAGE)
        result = await examining.exam(
            self.conversation,
            self.strict.user,
            tool,
            self.parts.unseen,
            answers=self.answers,
            threshold=self.settings.exam_score,
        )
        if not result.passed:
            self.conversation.judge(examining.STAGE, 1, "", str(result))
            raise self.conversation.failed(examining.STAGE)
        return result


_NOBODY = "no model fills the role user"
