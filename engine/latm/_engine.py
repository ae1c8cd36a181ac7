"""The engine: the way of a question and of a tool through the rooms."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, final

import anyio

from latm._awaited import AsyncLibrary
from latm._clock import Clock, SystemClock
from latm._ledger import Ledger
from latm._order import in_order
from latm._reading import folded
from latm._records import Answer, Example, OnEvent, Route, Tool, new_run
from latm._threads import in_thread
from latm.config import Config
from latm.errors import ConfigError, LatmError, MakingFailed
from latm_sandbox import Outcome, SandboxError

if TYPE_CHECKING:
    from latm._answers import AnswerType, Same
    from latm._checks import CheckResult
    from latm._rooms import Rooms
    from latm.dispatcher import Decision
    from latm.library import Library

T = TypeVar("T")

_REST_S = 60.0
_NO_PLUGINS: Mapping[str, object] = MappingProxyType({})


@dataclass(kw_only=True)
class _Question:
    """What is known of one question on its way."""

    text: str
    run: str
    started: float
    bill: Ledger = field(default_factory=Ledger)
    trace: list[str] = field(default_factory=list[str])
    tool: Tool | None = None
    outcome: Outcome | None = None


@final
class AsyncEngine:
    """The engine, awaited; on asyncio and trio. Use it as ``async with AsyncEngine(config) as engine``.

    Args:
        config: roles, library, sandbox and the rest.
        plugins: plugins that need no package, by name.
        on_event: told of progress; see `latm.plugin` for the same by plugin.
        clock: time, for tests.
    """

    def __init__(
        self,
        config: Config,
        *,
        plugins: Mapping[str, object] = _NO_PLUGINS,
        on_event: OnEvent | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self.ledger = Ledger()
        self._given = plugins
        self._on_event = on_event
        self._clock = SystemClock() if clock is None else clock
        self._open: Rooms | None = None
        self._closing = False
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> AsyncEngine:
        """Open the library; models and the sandbox are reached when they are first needed.

        Raises:
            LibraryError: the library cannot be opened.
        """
        if self._open is not None:
            raise ConfigError("this engine is open already")
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
        known = _distinct(examples)
        kind = _kind(answer_type, known)

        async def work() -> Tool:
            # Whoever else makes one for this task, here or in another process, is waited for in there.
            return await self._rooms.maker.make(task, known, settings=settings, answer_type=kind)

        return await self._stoppable(work)

    async def use(self, tool: Tool | str, question: str) -> Answer:
        """Answer a question by a tool that the caller chose.

        Returns:
            The answer; where the tool gave none, one with route ``none`` and the reason in its trace.
        """

        async def work() -> Answer:
            asked = self._question(question)
            asked.tool = await in_thread(self.store.get, tool) if isinstance(tool, str) else tool
            text = await self._try_tool(asked)
            return self._answer(asked, text, "none" if text is None else "tool", layer="caller")

        return await self._stoppable(work)

    async def test(self, tool: Tool | str) -> tuple[CheckResult, ...]:
        """Run the unit tests that a tool came with, in cells; no model is asked.

        Raises:
            LibraryError: the library has no such tool.
            SandboxError: no cell could be had.
        """

        async def work() -> tuple[CheckResult, ...]:
            from latm._checks import run_checks

            found = await in_thread(self.store.get, tool) if isinstance(tool, str) else tool
            return await run_checks(self._rooms.user.sandbox, found)

        return await self._stoppable(work)

    async def solve(self, question: str) -> Answer:
        """Answer a question: by a tool if the dispatcher finds one that fits, else by the strong model."""
        return await self._stoppable(lambda: self._solve(question))

    async def _solve(self, question: str) -> Answer:
        rooms = self._rooms
        asked = self._question(question)
        shortlist = await rooms.dispatcher.shortlist(question)
        decision = await rooms.dispatcher.decide(question, shortlist, run=asked.run, bill=asked.bill)
        asked.trace.append(str(decision))
        if decision.kind == "tool" and decision.task is not None:
            asked.tool = await in_thread(rooms.library.find, decision.task)
            if asked.tool is not None and (text := await self._try_tool(asked)) is not None:
                return self._answer(asked, text, "tool", layer="dispatcher")
        text = await self._ask_strong_model(asked, decision)
        if decision.kind in {"task", "new"} and decision.task is not None:
            try:
                await self._learn(asked, decision.task, Example(question, text))
            except (LatmError, SandboxError) as error:
                # The question is answered and paid for: what goes wrong behind it must not lose that.
                asked.trace.append(f"Nothing was learnt of it: {error}")
                rooms.events.tell("learn.failed", task=decision.task, error=str(error))
        return self._answer(asked, text, "model", layer="dispatcher")

    async def solve_many(
        self, questions: Iterable[str], *, concurrency: int = 8
    ) -> AsyncGenerator[Answer, None]:
        """Answer questions, several at a time, and give the answers in the order of the questions.

        Not more than `concurrency` questions are taken from the iterable ahead of the answers that were
        taken from here.

        Raises:
            ConfigError: `concurrency` is not above 0.
            LatmError: a question could not be answered; raised in its place in the order.
        """
        if concurrency < 1:
            raise ConfigError("must be above 0", where="concurrency")
        answers = in_order(self.solve, questions, tasks=self._rooms.tasks, concurrency=concurrency)
        async with aclosing(answers):
            async for answer in answers:
                yield answer

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

    async def _try_tool(self, asked: _Question) -> str | None:
        rooms = self._rooms
        assert asked.tool is not None
        use = await rooms.user.use(asked.tool, asked.text, run=asked.run, bill=asked.bill)
        asked.trace.extend(use.trace)
        asked.outcome = use.outcome
        # A tool that says that it cannot answer has kept its contract.
        tool, failed = asked.tool, use.text is None and not use.abstained
        try:
            await in_thread(lambda: rooms.library.count_use(tool, failed=failed))
        except LatmError as error:
            rooms.events.tell("learn.failed", task=tool.name, error=str(error))
        return use.text

    async def _ask_strong_model(self, asked: _Question, decision: Decision) -> str:
        text, model = await self._rooms.fallback.answer(
            asked.text, task=decision.task, run=asked.run, bill=asked.bill
        )
        asked.trace.append(f"The strong model {model} answered.")
        return text

    async def _learn(self, asked: _Question, task: str, example: Example) -> None:
        """Keep the answered question; make a tool once there are enough of its task."""
        rooms = self._rooms
        if await in_thread(rooms.library.find, task) is not None:
            return
        pending = await in_thread(rooms.library.remember, task, example)
        asked.trace.append(f"It is instance {pending} of {task}.")
        settings = self.config.making
        if pending < settings.pending or rooms.making(task).locked():
            return  # too few yet, or someone else is at it: this caller has its answer and need not wait
        async with rooms.making(task):
            if self._clock.monotonic() < rooms.resting.get(task, 0.0):
                return
            chosen, waiting = await in_thread(_due, rooms.library, task, settings.pending)
            if not chosen:
                return
            examples = tuple(each for _, each in chosen)
            try:
                tool = await rooms.maker.make(
                    task,
                    examples,
                    settings=settings,
                    answer_type=_kind(None, examples),
                    instances=tuple(number for number, _ in chosen),
                    pending=waiting,
                )
            except MakingFailed as error:
                asked.trace.append(f"No tool was made: {error}")
            except (LatmError, SandboxError) as error:
                # A rate limit, a daemon: the making goes on where it stopped, though not at every question.
                rooms.resting[task] = self._clock.monotonic() + _REST_S
                asked.trace.append(f"The making of a tool was interrupted: {error}")
                rooms.events.tell("make.interrupted", task=task, error=str(error))
            else:
                asked.trace.append(f"A tool was made for {task}: version {tool.version}.")

    def _question(self, text: str) -> _Question:
        if not text.strip():
            raise ConfigError("the question is empty")
        return _Question(text=text, run=new_run("ask"), started=self._clock.monotonic())

    def _answer(self, asked: _Question, text: str | None, route: Route, *, layer: str) -> Answer:
        spend = asked.bill.total()
        answer = Answer(
            text=text,
            route=route,
            layer=layer,
            tool=None if asked.tool is None else asked.tool.name,
            tool_version=None if asked.tool is None else asked.tool.version,
            outcome=asked.outcome,
            cost_usd=spend.cost_usd,
            usage=spend.usage,
            seconds=self._clock.monotonic() - asked.started,
            trace=tuple(asked.trace),
        )
        self._rooms.events.tell(
            "solve.done",
            run=asked.run,
            route=route,
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


def _distinct(examples: Iterable[Example]) -> tuple[Example, ...]:
    """The examples without repeated questions, which would verify a function on what it was shown."""
    found: dict[str, Example] = {}
    for example in examples:
        found.setdefault(folded(example.question), example)
    return tuple(found.values())


def _due(library: Library, task: str, enough: int) -> tuple[Sequence[tuple[int, Example]], int]:
    """The instances to make a tool from now, none if it is not time; and how many are pending."""
    waiting = library.pending(task)
    if library.find(task) is not None:  # another caller made it in the meantime
        return (), len(waiting)
    begun = library.unfinished(task)
    if taken_up := [each for each in waiting if each[0] in begun]:
        return taken_up, len(waiting)
    if len(waiting) < library.failed_with(task) + enough:
        return (), len(waiting)
    # The newest: after a failure these are other examples than those that led to it.
    return waiting[-enough:], len(waiting)
