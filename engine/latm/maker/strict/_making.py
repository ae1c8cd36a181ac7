"""The way through the stages of the strict protocol."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from latm._answers import AnswerType
from latm._records import Check, Demonstration, Evidence, Example, Tool
from latm._signature import contract_of, signature_of
from latm.config import MakingConfig
from latm.errors import MakingFailed
from latm.maker._conversation import Conversation
from latm.maker._draft import Draft
from latm.maker.judge import Judge, Robustness
from latm.maker.strict import exam as examining
from latm.maker.strict.dispute import disputed
from latm.maker.strict.overlap import Overlap, overlap
from latm.maker.strict.parser import Parsing, parser
from latm.maker.strict.probe import Scaling, determinism, distinct, scaling, unsteady
from latm.maker.strict.properties import Held, Properties
from latm.maker.strict.propose import Modules, propose
from latm.maker.strict.verify import Verification, Verified
from latm.user import User
from latm_sandbox import AsyncSandbox

_ENOUGH_FOR_AN_EXAM = 9
_OPTIONAL = frozenset({"parser", "scaling"})  # stages without which a tool is no less to be trusted


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
    """The first are shown, the next are held back, the last are for the exam."""
    first = settings.demonstrations
    second = first + settings.validation
    count = settings.exam
    if count is None:
        count = len(examples) // 3 if len(examples) >= _ENOUGH_FOR_AN_EXAM else 0
    count = min(count, len(examples) - second)
    unseen = tuple(examples[len(examples) - count :]) if count > 0 else ()
    return Split(tuple(examples[:first]), tuple(examples[first:second]), unseen)


@dataclass(frozen=True, slots=True)
class _Probed:
    """What probing found that is no fault."""

    overlap: Overlap
    robustness: Robustness

    @property
    def outside(self) -> tuple[str, ...]:
        """What fails outside of the contract."""
        return tuple(f"{each.call}: {each.problem}" for each in self.robustness.outside)


@final
@dataclass(frozen=True, kw_only=True)
class Strict:
    """Makes drafts by the strict protocol.

    Attributes:
        cells: where functions run.
        other: the same with another hash seed and time zone.
        judge: tries properties and generated input.
        user: the user model, for the exam; None where the role is not filled.
    """

    cells: AsyncSandbox
    other: AsyncSandbox
    judge: Judge
    user: User | None

    async def make(
        self,
        conversation: Conversation,
        examples: Sequence[Example],
        *,
        settings: MakingConfig,
        answers: AnswerType,
        foreign: Sequence[str],
        tool_of: Callable[[Draft], Tool],
    ) -> Draft:
        """Make a function that passes every stage.

        Args:
            conversation: with the maker.
            examples: as many as `settings` need, in their order.
            settings: counts.
            answers: how answers compare.
            foreign: known questions of other tasks.
            tool_of: a tool that is not stored, for the exam.

        Raises:
            MakingFailed: a stage used up its attempts.
        """
        parts = split(examples, settings)
        modules = Modules.of(await self.cells.modules())
        conversation.begin("propose")
        proposal = await propose(
            conversation, self.cells, parts.shown, modules=modules, attempts=settings.attempts
        )
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
        conversation.begin("verify")
        try:
            verified = await verification.begin(proposal)
        except MakingFailed as failure:
            raise await disputed(failure, conversation, verification, properties) from None
        while True:
            verified, probed = await self._probe(conversation, verified, verification, examples)
            conversation.begin("properties")
            held = await properties.run(verified, contract_of(verified.source, verified.function))
            if held.verified.source == verified.source:
                break
            verified = held.verified
        conversation.begin("parser")
        parsing = await parser(conversation, self.cells, verified, foreign)
        conversation.begin("scaling")
        grown = await scaling(verified, self.cells)
        found = _Found(verified, parts, probed, held, parsing, grown)
        draft = _draft(found, evidence := _evidence(found))
        result = await self._examine(conversation, tool_of(draft), parts.unseen, settings, answers)
        evidence = (*evidence, result)
        return dataclasses.replace(draft, evidence=evidence, notes=_notes(found, evidence))

    async def _probe(
        self,
        conversation: Conversation,
        verified: Verified,
        verification: Verification,
        examples: Sequence[Example],
    ) -> tuple[Verified, _Probed]:
        """Have the function mended until nothing is found."""
        while True:
            conversation.begin("determinism")
            signature = signature_of(verified.source, verified.function)
            found = overlap(verified.source, examples)
            problem = found.problem or await determinism(verified, self.other)
            if problem is None:
                conversation.begin("robustness")
                robust = await self.judge.robustness(
                    verified.program,
                    verified.function,
                    distinct(verified.calls),
                    () if signature is None else signature.declared,
                )
                if not robust.inside:
                    return verified, _Probed(found, robust)
                problem = _crash(robust)
            verified = await verification.mend(verified, problem, stage="probe")

    async def _examine(
        self,
        conversation: Conversation,
        tool: Tool,
        unseen: Sequence[Example],
        settings: MakingConfig,
        answers: AnswerType,
    ) -> Evidence:
        if not unseen or self.user is None:
            why = "there were fewer than 9 examples" if not unseen else "no model fills the role user"
            return Evidence(stage=examining.STAGE, held=False, summary=f"Not held: {why}.")
        conversation.begin(examining.STAGE)
        result = await examining.exam(
            conversation, self.user, tool, unseen, answers=answers, threshold=settings.exam_score
        )
        if not result.passed:
            conversation.judge(examining.STAGE, 1, "", str(result))
            raise conversation.failed(examining.STAGE)
        figures = {"right": result.right, "asked": result.asked, "bound": result.bound}
        return Evidence(stage=examining.STAGE, summary=str(result), figures=figures)


def _crash(robust: Robustness) -> str:
    first = robust.inside[0]
    return (
        f"The function fails on an input of the kind that it is for: {first.call}\n{first.problem}\n"
        "Make it answer, or raise an error for it that its docstring names under `Raises:`."
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What the stages have found."""

    verified: Verified
    parts: Split
    probed: _Probed
    held: Held
    parsing: Parsing
    grown: Scaling


def _evidence(found: _Found) -> tuple[Evidence, ...]:
    verified, probed, held = found.verified, found.probed, found.held
    known = len(verified.checked)
    robust, tried = probed.robustness, held.verdicts
    return (
        Evidence(
            stage="verify",
            summary=f"{known} answers are right; the maker did not know {len(found.parts.held)} of them.",
            figures={"right": known, "unknown_to_maker": len(found.parts.held)},
        ),
        Evidence(
            stage="determinism",
            summary=" ".join(
                [
                    f"{known} calls gave the same in cells of another hash seed and zone.",
                    *unsteady(verified.source),
                ]
            ),
            figures={"calls": known},
        ),
        Evidence(
            stage="overlap",
            summary="The source holds none of the examples.",
            figures={"shared_literals": list(probed.overlap.evidence)},
        ),
        Evidence(
            stage="robustness",
            held=robust.cases > 0,
            summary=f"{robust.cases} generated inputs inside its contract gave a value or a declared error.",
            figures={
                "cases": robust.cases,
                "outside": list(probed.outside),
            },
        ),
        Evidence(
            stage="properties",
            held=any(each.status == "holds" for each in tried),
            summary=_properties(held),
            figures={
                "holds": {each.name: each.cases for each in tried if each.status == "holds"},
                "vacuous": [each.name for each in tried if each.status == "vacuous"],
                "dropped": list(held.dropped),
            },
        ),
        Evidence(
            stage="scaling",
            held=found.grown.held,
            summary=str(found.grown),
            figures={"cpu_s": {str(factor): seconds for factor, seconds in found.grown.seconds.items()}},
        ),
        Evidence(stage="parser", held=found.parsing.source is not None, summary=found.parsing.summary),
    )


def _properties(held: Held) -> str:
    good = [f"{each.name} ({each.cases} cases)" for each in held.verdicts if each.status == "holds"]
    parts = [f"Hold: {', '.join(good)}." if good else held.problem or "None was left."]
    if held.dropped:
        parts.append(f"Dropped as wrong themselves: {', '.join(held.dropped)}.")
    return " ".join(parts)


def _notes(found: _Found, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """What a reader should know before trusting the tool: what is missing, and what is weak."""
    missing = [each for each in evidence if not each.held and each.stage not in _OPTIONAL]
    notes = [f"{each.stage}: {each.summary}" for each in missing]
    notes += [f"Outside its contract: {each}" for each in found.probed.outside]
    return (*notes, found.grown.warning) if found.grown.warning else tuple(notes)


def _draft(found: _Found, evidence: tuple[Evidence, ...]) -> Draft:
    verified = found.verified
    return Draft(
        source=verified.source,
        function=verified.function,
        contract=contract_of(verified.source, verified.function),
        demonstrations=tuple(
            Demonstration(each.example.question, str(each.call)) for each in verified.checked
        ),
        call_style="call",
        checks=tuple(
            Check(question=each.example.question, call=str(each.call), answer=each.example.answer)
            for each in verified.checked
        ),
        parser=found.parsing.source,
        evidence=evidence,
    )
