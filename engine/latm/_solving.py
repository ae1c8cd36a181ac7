"""The way of a question: one layer after another, the cheap and certain ones first.

An exact repeat makes the call that answered the question before; a tool's own parser takes the whole question
or nothing; the dispatcher's model decides among a few candidates; what none of them can answer goes to the
strong model. Whatever is doubtful goes on to the next layer, and never to a tool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from latm._asked import Asked
from latm._auditing import Auditor
from latm._events import Events
from latm._fallback import Fallback
from latm._learning import Learner
from latm._records import Tool
from latm._tally import Tally
from latm._threads import in_thread
from latm.dispatcher import Decision, Dispatcher, Shortlist, note_refusal
from latm.errors import LatmError
from latm.user import Use, User
from latm_sandbox import SandboxError

if TYPE_CHECKING:
    from latm.library import Library

_NO_FALLBACK = "No tool answers it, and the configuration names no strong model."


@final
@dataclass(frozen=True, kw_only=True)
class Solver:
    """Answers questions.

    Attributes:
        library: the tools and what is remembered of questions.
        user: uses tools.
        dispatcher: chooses them.
        fallback: the strong model; None where nobody answers what no tool can.
        learner: what becomes of answered questions.
        auditor: what becomes of tools' answers.
        tally: counts uses.
        events: who is told.
    """

    library: Library
    user: User
    dispatcher: Dispatcher
    fallback: Fallback | None
    learner: Learner
    auditor: Auditor
    tally: Tally
    events: Events

    async def solve(self, asked: Asked) -> str | None:
        """Answer a question; None where nobody could, which its ``reason`` explains.

        Raises:
            BackendError: a model did not deliver.
            BudgetExceeded: a budget does not allow to ask one.
            SandboxError: no cell could be had.
        """
        # One visit to a worker thread: going there costs as much as what is done there.
        shortlist = await in_thread(self._look, asked.text, abandon=True)
        if not isinstance(shortlist, Shortlist):
            if (use := await self._repeated(asked, *shortlist)) is not None:
                return use.text
            shortlist = await self.dispatcher.shortlist(asked.text)
        use = await self._parsed(asked, shortlist)
        decision: Decision | None = None
        if use is None:
            decision = await self._decided(asked, shortlist)
            if asked.tool is not None:
                use = await self._used(asked, asked.tool)
        if use is not None and use.text is not None:
            return use.text
        if self.fallback is None:
            asked.reason = asked.reason or _NO_FALLBACK
            asked.trace.append(_NO_FALLBACK)
            return None
        said = await self.fallback.answer(asked.text, task=asked.task, run=asked.run, bill=asked.bill)
        if not said.text:
            asked.reason = f"The reply of the strong model {said.model} is empty."
            asked.trace.append(asked.reason)
            return None
        asked.by_model = True
        asked.trace.append(f"The strong model {said.model} answered.")
        if said.final:
            await self._learn(asked, decision, use, said.text)
        else:
            asked.trace.append("Nothing is learnt of it: the reply has no final answer.")
        return said.text

    async def use(self, asked: Asked, tool: Tool) -> str | None:
        """Answer a question by the tool that its caller chose."""
        asked.layer, asked.tool, asked.task = "caller", tool, tool.name
        return (await self._used(asked, tool)).text

    def _look(self, question: str) -> tuple[Tool, str] | Shortlist:
        """The tool and the call that answered this very question, if it still serves; else candidates."""
        known = self.dispatcher.known
        found = known.look(question)
        if isinstance(found, Shortlist):
            return found
        tool = known.tool(found.tool, found.version)
        return known.shortlist(question) if tool is None else (tool, found.call)

    async def _repeated(self, asked: Asked, tool: Tool, call: str) -> Use | None:
        """The same call once more; None where it gives no answer any more."""
        use = await self.user.call(tool, call, asked.text)
        if use.text is None:
            await in_thread(self.library.forget_repeat, asked.text)
            return None
        asked.layer, asked.tool, asked.task = "repeat", tool, tool.name
        asked.trace.append("The very question was answered before: its call was made again.")
        return self._took(asked, tool, use)

    async def _parsed(self, asked: Asked, shortlist: Shortlist) -> Use | None:
        """What the first parser that takes the whole question leads to; None where none does."""
        for candidate in shortlist.candidates:
            tool = candidate.tool
            if tool is None or tool.parser is None:
                continue
            use = await self.user.parse(tool, asked.text)
            if use is not None:
                asked.layer, asked.tool, asked.task = "parser", tool, tool.name
                asked.trace.append(f"The parser of {tool.name} took the whole question.")
                return self._took(asked, tool, use)
        return None

    async def _decided(self, asked: Asked, shortlist: Shortlist) -> Decision:
        """Ask the dispatcher's model; the tool that it chose is the question's from here on."""
        asked.layer = "dispatcher"
        decision = await self.dispatcher.decide(asked.text, shortlist, run=asked.run, bill=asked.bill)
        asked.trace.append(str(decision))
        asked.task = decision.task
        asked.tool, unkept = await in_thread(self._chosen, asked.text, shortlist, decision)
        if unkept is not None:
            self.events.tell("learn.failed", task=decision.task, error=str(unkept))
        return decision

    def _chosen(
        self, question: str, shortlist: Shortlist, decision: Decision
    ) -> tuple[Tool | None, LatmError | None]:
        """The tool that was chosen, if it serves by now; and why a near miss of the others was not kept."""
        unkept: LatmError | None = None
        try:
            note_refusal(self.library, question, shortlist, decision)
        except LatmError as error:
            unkept = error  # it only makes later questions cheaper; this one must not fail for it
        if decision.kind != "tool" or decision.task is None:
            return None, unkept
        return self.dispatcher.known.serving(decision.task), unkept

    async def _used(self, asked: Asked, tool: Tool) -> Use:
        """Have the user's model use the tool."""
        use = await self.user.use(tool, asked.text, run=asked.run, bill=asked.bill)
        if use.text is not None and use.call is not None and asked.layer != "caller":
            await self._remember(asked.text, tool, use.call)
        return self._took(asked, tool, use)

    def _took(self, asked: Asked, tool: Tool, use: Use) -> Use:
        """Write down what came of a use."""
        asked.trace.extend(use.trace)
        asked.outcome = use.outcome
        asked.reason = use.reason
        self.tally.add(tool, failed=use.kind == "failed")
        if asked.layer != "caller":
            self.auditor.used(tool, asked.text, use, layer=asked.layer)
        return use

    async def _learn(self, asked: Asked, decision: Decision | None, use: Use | None, text: str) -> None:
        """Keep what the strong model answered; what goes wrong with that must not lose the answer."""
        try:
            if use is not None and asked.tool is not None:
                await self.auditor.answered_instead(asked.tool, asked.text, use, text)
            elif decision is not None and decision.kind in {"task", "new"} and decision.task is not None:
                asked.trace.append(await self.learner.learn(decision.task, asked.text, text))
        except (LatmError, SandboxError) as error:
            asked.trace.append(f"Nothing was learnt of it: {error}")
            self.events.tell("learn.failed", task=asked.task, error=str(error))

    async def _remember(self, question: str, tool: Tool, call: str) -> None:
        """Keep the call for when the question comes again; this one must not fail for it."""
        try:
            await in_thread(self.library.remember_call, question, tool, call)
        except LatmError as error:
            self.events.tell("learn.failed", task=tool.name, error=str(error))
