"""A library that stays right: answers of tools are looked at again, and wrong versions are found out."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, final

from latm._answers import CALLER, AnswerType, answer_type
from latm._chores import Chores
from latm._events import Events
from latm._fallback import Fallback, Said
from latm._learning import Learner
from latm._ledger import Ledger
from latm._reading import folded
from latm._records import Answer, Example, Tool, new_run
from latm._threads import in_thread
from latm._watching import AUDITS, FAILURES
from latm.config import AuditingConfig
from latm.errors import ConfigError
from latm.user import Use

if TYPE_CHECKING:
    from latm.library import Audit, Library

_MOST_FAILED = 10_000  # questions of a version that are remembered


@dataclass(kw_only=True)
class _Version:
    """What this process knows of a version's traffic.

    Attributes:
        new: how many answers are still audited because the version is new.
        place: of the next answer in the current block.
        drawn: the place in the block whose answer is audited.
        suspected: whether every answer is audited, since the last verdicts were against it.
        failures: the sum of `FAILURES`.
        failed: hashes of questions that it failed on.
    """

    new: int
    place: int = 0
    drawn: int = 0
    suspected: bool = False
    failures: float = 0.0
    failed: set[int] = field(default_factory=set[int])

    def ran(self, question: str, *, well: bool) -> bool:
        """Count a run; whether the version is established as failing. A question fails it once only."""
        asked = hash(folded(question))
        if well or asked not in self.failed:
            self.failures = FAILURES.step(self.failures, good=well)
        if not well and len(self.failed) < _MOST_FAILED:
            self.failed.add(asked)
        if not FAILURES.established(self.failures):
            return False
        self.failures = 0.0
        return True


@final
@dataclass(kw_only=True)
class Auditor:
    """Puts answers of tools to the strong model, and takes versions out of use that are established as wrong.

    One answer in each block of ``1 / share`` is drawn, so that the wait for the next audit is bounded and
    not only likely to be short. A disagreement is put to the strong model a second time; if it then says
    something else than before, nobody knows, and it counts for neither side. If the question was never one
    for the tool, the dispatcher erred. After a disagreement every answer is audited until trust is back.

    Attributes:
        library: where verdicts are kept.
        fallback: the strong model; None for no audits.
        learner: gets the questions that a version was wrong on.
        settings: how many.
        chores: where audits run.
        events: who is told.
        draw: a whole number below its argument.
    """

    library: Library
    fallback: Fallback | None
    learner: Learner
    settings: AuditingConfig
    chores: Chores
    events: Events
    draw: Callable[[int], int] = random.randrange
    _versions: dict[tuple[str, int], _Version] = field(
        default_factory=dict[tuple[str, int], _Version], init=False
    )
    _at_work: int = field(default=0, init=False)

    def used(self, tool: Tool, question: str, use: Use, *, layer: str) -> None:
        """Look at what came of a use, in the background; `layer` is what chose the tool."""
        seen = self._seen(tool)
        if use.kind in {"answered", "failed"} and seen.ran(question, well=use.kind == "answered"):
            self.chores.start("quarantine", lambda: self._quarantine(tool, "its runs fail too often"))
        if use.kind != "answered" or self.fallback is None or tool.answer_type == CALLER:
            return
        new = seen.new > 0
        if self._is_drawn(seen):
            self._at_work += 1
            self.chores.start("audit", lambda: self._audit(tool, question, use, layer=layer, new=new))

    async def answered_instead(self, tool: Tool, question: str, use: Use, text: str) -> None:
        """The strong model answered what a tool failed on: an example for the version that comes next."""
        if use.kind == "failed":
            await in_thread(lambda: self.library.remember(tool.name, Example(question, text), source="audit"))

    async def told(self, answer: Answer, *, correct: str | bool) -> None:
        """A caller's word on an answer.

        Raises:
            ConfigError: it is no answer of an engine, or `correct` is neither a text nor true or false.
        """
        _check_feedback(answer, correct)
        tool = None
        if answer.route == "tool" and answer.tool is not None:
            tool = await in_thread(self.library.find, answer.tool, answer.tool_version)
        right = correct is True or (isinstance(correct, str) and _alike(tool, answer, correct))
        example = Example(answer.question, correct if isinstance(correct, str) else answer.text or "")
        known = isinstance(correct, str) or correct is True
        if tool is None:
            if answer.task is not None and known and example.answer:
                pending = await in_thread(
                    lambda: self.library.remember(str(answer.task), example, source="feedback")
                )
                self.learner.consider(str(answer.task), pending)
            elif answer.task is not None and correct is False:
                await in_thread(self.library.disown, answer.task, answer.question)
            return
        agreed: bool | None = right
        if not right:
            await in_thread(self.library.forget_repeat, answer.question)
            if answer.layer != "parser" and await self._misrouted(tool, answer.question):
                agreed, known = None, False
        if known:
            await in_thread(lambda: self.library.remember(tool.name, example, source="feedback"))
        other = correct if isinstance(correct, str) else ""
        await self._verdict(tool, answer.question, answer.text or "", other, agreed=agreed, source="feedback")

    def _seen(self, tool: Tool) -> _Version:
        return self._versions.setdefault((tool.name, tool.version), _Version(new=self.settings.first))

    def _is_drawn(self, seen: _Version) -> bool:
        has_room = self._at_work < self.settings.at_once
        if seen.new > 0 or seen.suspected:
            # What there is no room for is none of the first ones: others will be.
            seen.new = max(0, seen.new - has_room)
            return has_room
        if self.settings.share == 0:
            return False
        block = round(1 / self.settings.share)
        if seen.place == 0:
            seen.drawn = self.draw(block)
        drawn = seen.place == seen.drawn
        seen.place = (seen.place + 1) % block
        return drawn and has_room

    async def _audit(self, tool: Tool, question: str, use: Use, *, layer: str, new: bool) -> None:
        try:
            if new and len(await in_thread(self.library.audits, tool)) >= self.settings.first:
                self._seen(tool).new = 0  # it is new to this process only
                return
            said, agreed = await self._asked(tool, question, use, layer=layer)
            if agreed is False:
                example = Example(question, said)
                await in_thread(self.library.forget_repeat, question)
                await in_thread(lambda: self.library.remember(tool.name, example, source="audit"))
            await self._verdict(tool, question, use.text or "", said, agreed=agreed, source="model")
        except Exception:
            self._seen(tool).new += new  # one that came to nothing is none of the first ones
            raise
        finally:
            self._at_work -= 1

    async def _asked(self, tool: Tool, question: str, use: Use, *, layer: str) -> tuple[str, bool | None]:
        """What the strong model says to a question, and whether it is what the tool said."""
        kind = answer_type(tool.answer_type)
        said = await self._ask(tool, question)
        if not said.final:
            return said.text, None
        agreed = _same(kind, use.value, said.text, question)
        if agreed is False and not _same(kind, (await self._ask(tool, question)).text, said.text, question):
            agreed = None
        if agreed is False and layer != "parser" and await self._misrouted(tool, question):
            agreed = None
        return said.text, agreed

    async def _misrouted(self, tool: Tool, question: str) -> bool:
        """Whether a question was never one for the tool: then the dispatcher erred, and learns of it.

        A tool is not lost, and its next version is not made from foreign questions, because of a bad choice.
        """
        if self.fallback is None:
            return False
        fits = await self.fallback.fits(question, tool, run=new_run("audit"), bill=Ledger())
        if fits is not False:
            return False
        await in_thread(self.library.forget_repeat, question)
        await in_thread(self.library.add_negative, tool.name, question)
        self.events.tell("dispatch.wrong", tool=tool.name, version=tool.version)
        return True

    async def _ask(self, tool: Tool, question: str) -> Said:
        assert self.fallback is not None
        # What says the same in other words is no disagreement: the model is shown how answers are written.
        others = [each.answer for each in tool.checks if folded(each.question) != folded(question)]
        return await self.fallback.answer(
            question,
            task=tool.name,
            run=new_run("audit"),
            bill=Ledger(),
            like=others[0] if others else None,
        )

    async def _verdict(
        self,
        tool: Tool,
        question: str,
        answer: str,
        other: str,
        *,
        agreed: bool | None,
        source: Literal["model", "feedback"],
    ) -> None:
        from latm.library import Audit

        audit = Audit(
            tool=tool.name,
            version=tool.version,
            question=question,
            answer=answer,
            other=other,
            agreed=agreed,
            source=source,
        )
        await in_thread(self.library.record_audit, audit)
        if agreed:
            await in_thread(self.library.forget_negative, tool.name, question)  # it was refused by mistake
        self.events.tell("audit.done", tool=tool.name, version=tool.version, agreed=agreed, source=source)
        verdicts = counting(await in_thread(self.library.audits, tool))
        total = AUDITS.total(verdicts)
        self._seen(tool).suspected = total > 0
        if AUDITS.established(total):
            against = verdicts.count(False)
            await self._quarantine(tool, f"{against} of {len(verdicts)} audited answers are disagreed with")

    async def _quarantine(self, tool: Tool, reason: str) -> None:
        await in_thread(self.library.quarantine, tool, reason)
        self.events.tell("tool.quarantined", tool=tool.name, version=tool.version, reason=reason)
        self.learner.consider(tool.name, len(await in_thread(self.library.pending, tool.name)))


def _check_feedback(answer: object, correct: object) -> None:
    """Refuse what is no feedback, whatever the types of its caller say."""
    if not isinstance(answer, Answer) or not answer.question:
        raise ConfigError("feedback needs an Answer that the engine gave", where="answer")
    if not isinstance(correct, str | bool):
        kind = type(correct).__name__
        raise ConfigError(f"must be the right answer as text, or True or False; not {kind}", where="correct")
    if isinstance(correct, str) and not correct.strip():
        raise ConfigError("the right answer is empty; say False if it is unknown", where="correct")


def counting(audits: Sequence[Audit]) -> Sequence[bool]:
    """The verdicts that count, oldest first.

    Those since a person last let the version serve again. Of a question that came several times the newest
    alone, and a caller's before any model's: who errs on a question errs on it each time, and a popular one
    would cost a right version its good name.
    """
    newest: dict[str, Audit] = {}
    for each in audits:
        if each.source == "restored":
            newest.clear()
            continue
        if each.agreed is None:
            continue
        asked = folded(each.question)
        before = newest.get(asked)
        if before is None or before.source != "feedback" or each.source == "feedback":
            newest.pop(asked, None)
            newest[asked] = each
    return [each.agreed is True for each in newest.values()]


def _same(kind: AnswerType, value: object, expected: str, question: str) -> bool | None:
    """Whether they are the same answer; None where they cannot be compared."""
    try:
        return kind.same(value, expected, question)
    except ValueError:
        return None


def _alike(tool: Tool | None, answer: Answer, correct: str) -> bool:
    if tool is not None and _same(answer_type(tool.answer_type), answer.text, correct, answer.question):
        return True
    return folded(answer.text or "") == folded(correct)
