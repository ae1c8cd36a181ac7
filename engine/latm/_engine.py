"""The engine: the way of a question and of a tool through the rooms."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, final

import anyio

from latm._asked import Asked, within
from latm._awaited import AsyncLibrary
from latm._clock import Clock, SystemClock
from latm._examples import distinct
from latm._ledger import Ledger
from latm._order import in_order
from latm._records import Answer, Example, OnEvent, Tool
from latm._tables import at_least, record
from latm._threads import in_thread
from latm._traffic import Traffic
from latm.config import Config, Limit
from latm.errors import ConfigError

if TYPE_CHECKING:
    from latm._answers import AnswerType, Same
    from latm._checks import CheckResult
    from latm._rooms import Rooms
    from latm.library import Library
    from latm.tuner.tuning import AsyncTuning
    from latm_sandbox import Outcome

T = TypeVar("T")

_NO_PLUGINS: Mapping[str, object] = MappingProxyType({})


@final
class AsyncEngine:
    """The engine, awaited; on asyncio and trio. Use it as ``async with AsyncEngine(config) as engine``.

    Args:
        config: roles, library, sandbox and the rest.
        plugins: plugins that need no package, by name.
        on_event: told of progress; see `latm.plugin` for the same by plugin.
        clock: time, for tests.

    Raises:
        ConfigError: `config` is none.
    """

    def __init__(
        self,
        config: Config,
        *,
        plugins: Mapping[str, object] = _NO_PLUGINS,
        on_event: OnEvent | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not isinstance(config, Config):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not be checked
            raise ConfigError("an engine needs a Config; Config.load(PATH) reads one from a file")
        self.config = config
        self.ledger = Ledger()
        self.traffic = Traffic()
        self._given = plugins
        self._on_event = on_event
        self._clock = SystemClock() if clock is None else clock
        self._open: Rooms | None = None
        self._closing = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> AsyncEngine:
        """Open the library; models and the sandbox are reached when they are first needed.

        Raises:
            ConfigError: it is open, or was closed.
            LibraryError: the library cannot be opened.
        """
        if self._open is not None:
            raise ConfigError("this engine is open already")
        if self._closing:
            raise ConfigError("this engine was closed: make another one")
        async with AsyncExitStack() as stack:
            from latm._rooms import furnish

            self._open = await furnish(
                stack,
                self.config,
                given=self._given,
                ledger=self.ledger,
                listener=self._on_event,
                clock=self._clock,
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop what runs, close cells, backends and the library."""
        rooms = self._open
        self._closing = True
        try:
            if rooms is not None and rooms.working:
                rooms.idle = anyio.Event()
                for scope in rooms.working:
                    scope.cancel()
                await rooms.idle.wait()
        finally:
            self._open = None
            await self._stack.__aexit__(kind, error, traceback)

    @property
    def library(self) -> AsyncLibrary:
        """The tools."""
        return AsyncLibrary(self._rooms.library)

    @property
    def store(self) -> Library:
        """The library itself; its methods block, and may be called from any thread."""
        return self._rooms.library

    @property
    def tuning(self) -> AsyncTuning:
        """Synthetic text, fine-tuning, comparison and promotion."""
        from latm.tuner.tuning import AsyncTuning

        return AsyncTuning(lambda: self._rooms.roles, self._stoppable)

    @property
    def _rooms(self) -> Rooms:
        if self._open is None:
            raise ConfigError("this engine is not open: use it in a with statement")
        return self._open

    async def make(
        self,
        task: str,
        examples: Iterable[Example],
        *,
        protocol: str | None = None,
        answer_type: str | Same | None = None,
        demonstrations: int | None = None,
        validation: int | None = None,
        attempts: int | None = None,
    ) -> Tool:
        """Make a tool for a task from examples and store it.

        Args:
            task: a name for the class of questions.
            examples: questions with their known answers.
            protocol: ``paper`` or ``strict``; None means the configuration's.
            answer_type: how answers compare: ``text``, ``text:casefold``, ``number``, ``number:0.01`` (a
                tolerance), ``option``, ``list``, ``set``, ``time-range``; or a function of a value, the
                expected answer and the question that says whether they are the same, for this making alone:
                the tool keeps the name ``caller`` and writes its answers as text. None finds it from the
                examples.
            demonstrations: how many examples are shown; None means the configuration's.
            validation: how many more are verified on; None means the configuration's.
            attempts: tries a stage; None means the configuration's.

        Raises:
            MakingFailed: no tool came of it; holds the history.
            ConfigError: an argument is wrong, or there are too few examples.
            BackendError: the maker's model did not deliver; the same call goes on where it stopped.
            SandboxError: no cell could be had; the same call goes on where it stopped.
        """
        changes: dict[str, Any] = {
            "protocol": protocol,
            "demonstrations": demonstrations,
            "validation": validation,
            "attempts": attempts,
        }
        # What starts a making by itself is no matter of this one.
        base = dataclasses.replace(self.config.making, instances=None)
        settings = dataclasses.replace(
            base, **{key: value for key, value in changes.items() if value is not None}
        )
        known = distinct(examples)
        kind = _kind(answer_type, known)

        async def work() -> Tool:
            # Whoever else makes one for this task, here or in another process, is waited for in there.
            return await self._rooms.maker.make(task, known, settings=settings, answer_type=kind)

        return await self._stoppable(work)

    async def use(self, tool: Tool | str, question: str, *, timeout_s: float | None = None) -> Answer:
        """Answer a question by a tool that the caller chose.

        Args:
            tool: the tool, or its name.
            question: what is asked.
            timeout_s: seconds that the caller waits at most; None for no bound beside those of the models.

        Returns:
            The answer; where the tool gave none, one with route ``none`` and the reason.

        Raises:
            DeadlineExceeded: there was no answer in that time.
        """

        async def work() -> Answer:
            asked = Asked.of(question, started=self._clock.monotonic())
            text = await self._rooms.solver.use(asked, await self._found(tool))
            return self._answer(asked, text)

        return await self._stoppable(within(timeout_s, work))

    async def test(self, tool: Tool | str, *, same: Same | None = None) -> tuple[CheckResult, ...]:
        """Run the unit tests that a tool came with, in cells; no model is asked.

        Args:
            tool: the tool or its name.
            same: says whether a value is the answer, as in `make(answer_type=...)`; None compares by the
                tool's answer type, and a tool whose type is ``caller`` not at all, which is said.

        Raises:
            LibraryError: the library has no such tool.
            SandboxError: no cell could be had.
        """

        async def work() -> tuple[CheckResult, ...]:
            from latm._checks import run_checks

            return await run_checks(self._rooms.user.sandbox, await self._found(tool), same=same)

        return await self._stoppable(work)

    async def call(self, tool: Tool | str, arguments: Mapping[str, object]) -> Outcome:
        """Call a tool's function with arguments by name, as JSON has them, in a cell; no model is asked.

        Raises:
            ConfigError: the function does not take these arguments.
            LibraryError: the library has no such tool.
            SandboxError: no cell could be had.
        """

        async def work() -> Outcome:
            return await self._rooms.user.apply(await self._found(tool), arguments)

        return await self._stoppable(work)

    async def solve(
        self,
        question: str,
        *,
        timeout_s: float | None = None,
        budget: Limit | Mapping[str, object] | None = None,
    ) -> Answer:
        """Answer a question: by a tool if one fits, else by the strong model.

        Args:
            question: what is asked.
            timeout_s: seconds that the caller waits at most; None for no bound beside those of the models.
            budget: bound on this question alone, beside those of the configuration: a `latm.config.Limit`, or
                its fields, such as ``{"usd": "0.01"}``.

        Returns:
            The answer; with ``roles.fallback = "none"`` one with route ``none`` where no tool gave one.

        Raises:
            DeadlineExceeded: there was no answer in that time.
            BudgetExceeded: a budget does not allow the next call.
            BackendError: a model did not deliver.
            SandboxError: no cell could be had.
        """
        limit = Limit() if budget is None else record(Limit, budget, "budget")

        async def work() -> Answer:
            rooms = self._rooms
            asked = Asked.of(question, started=self._clock.monotonic())
            rooms.roles.budgets.bound(asked.bill, limit, run=asked.run)
            text = await rooms.solver.solve(asked)
            return self._answer(asked, text)

        return await self._stoppable(within(timeout_s, work))

    async def solve_many(
        self,
        questions: Iterable[str],
        *,
        concurrency: int = 8,
        timeout_s: float | None = None,
        budget: Limit | Mapping[str, object] | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """Answer questions, several at a time, and give the answers in the order of the questions.

        Not more than `concurrency` questions are taken from the iterable ahead of the answers that were
        taken from here.

        Args:
            questions: taken one by one, when there is room.
            concurrency: how many are under way at once.
            timeout_s: for each question, see `solve`.
            budget: for each question, see `solve`.

        Raises:
            ConfigError: `concurrency` is no number above 0, or `questions` is one text.
            LatmError: a question could not be answered; raised in its place in the order.
        """
        at_least(1, concurrency=concurrency)
        if isinstance(questions, str):  # else each of its characters would be asked, and paid for
            raise ConfigError("is one text: give a list of texts, or use solve", where="questions")

        def solve(question: str) -> Awaitable[Answer]:
            return self.solve(question, timeout_s=timeout_s, budget=budget)

        answers = in_order(solve, questions, tasks=self._rooms.tasks, concurrency=concurrency)
        async with aclosing(answers):
            async for answer in answers:
                yield answer

    async def feedback(self, answer: Answer, *, correct: str | bool) -> None:
        """Say whether an answer was right, or what the right one is.

        A caller's word outranks what models say: the right answer becomes an example of the task, and
        replaces what the strong model said. Of a tool's answer it counts as an audit; a version that is
        established as wrong is taken out of use, and the next one is made with these examples.

        Args:
            answer: as the engine gave it.
            correct: the right answer; or True or False, where only that is known.

        Raises:
            ConfigError: it is no answer of an engine, or the right answer is empty.
            BackendError: the strong model, which says whether a wrong answer's question was one for the tool
                at all, did not deliver; nothing is kept, so say it again.
            BudgetExceeded: a budget does not allow to ask it; nothing is kept.
        """
        await self._stoppable(lambda: self._rooms.auditor.told(answer, correct=correct))

    async def settle(self) -> None:
        """Wait until what runs in the background has ended: makings of tools, audits, counts.

        An engine that closes stops them; a making goes on where it stopped when its task is next asked for.
        """
        rooms = self._rooms

        async def work() -> None:
            await rooms.chores.settled()
            await rooms.tally.flush()

        await self._stoppable(work)

    async def _found(self, tool: Tool | str) -> Tool:
        """The tool that is meant: one of the library, by its name, or one that the caller has."""
        if isinstance(tool, str):
            return await in_thread(self.store.get, tool)
        if not isinstance(tool, Tool):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not be checked
            raise ConfigError(f"must be a tool or its name, not {type(tool).__name__}", where="tool")
        return tool

    async def _stoppable(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do what a caller asked for, unless the engine is closed first."""
        rooms = self._rooms
        if self._closing:
            raise ConfigError("this engine is being closed")
        with anyio.CancelScope() as scope:
            rooms.working.add(scope)
            try:
                return await work()
            finally:
                rooms.working.discard(scope)
                if not rooms.working:
                    rooms.idle.set()
        raise ConfigError(
            "the engine was closed while it worked on this; what was paid for is in the journal"
        )

    def _answer(self, asked: Asked, text: str | None) -> Answer:
        answer = asked.answer(text, now=self._clock.monotonic())
        self.traffic.add(answer)
        self._rooms.tally.answered(answer)
        self._rooms.events.tell(
            "solve.done",
            run=asked.run,
            route=answer.route,
            layer=answer.layer,
            tool=answer.tool,
            cost_usd=answer.cost_usd,
            seconds=answer.seconds,
        )
        return answer


def _kind(wanted: str | Same | None, examples: Sequence[Example]) -> AnswerType:
    from latm._answers import CALLER, AnswerType, answer_type, guess_answer_type

    if wanted is None:
        return answer_type(guess_answer_type(examples))
    return answer_type(wanted) if isinstance(wanted, str) else AnswerType.of(CALLER, wanted)
