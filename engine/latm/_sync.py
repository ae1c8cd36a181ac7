"""The sync face: one portal to one event loop in a thread of its own, and no second copy of anything."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, aclosing
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar, final

import anyio

from latm._engine import AsyncEngine
from latm._ledger import Ledger
from latm._records import Answer, Example, OnEvent, Tool
from latm._traffic import Traffic
from latm.config import Config, Limit
from latm.errors import ConfigError

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from latm._answers import Same
    from latm._checks import CheckResult
    from latm.library import Library
    from latm.tuner._sync import Tuning
    from latm_sandbox import Outcome

T = TypeVar("T")


@final
class Engine:
    """The engine. Safe to use from several threads.

    It opens at the ``with`` statement or at its first use, and closes at the end of the ``with`` statement or
    by `close`. A process that ends without either leaves no cell behind: cells end with it.

    Args:
        config: roles, library, sandbox and the rest.
        plugins: plugins that need no package, by name.
        on_event: told of progress, in a thread of the engine's.

    Raises:
        ConfigError: `config` is none.
    """

    def __init__(
        self,
        config: Config,
        *,
        plugins: Mapping[str, object] | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self._core = AsyncEngine(config, plugins=plugins or {}, on_event=on_event)
        self._lock = threading.Lock()
        self._portal: BlockingPortal | None = None
        self._stack = ExitStack()
        self._closed = False
        self._process: int | None = None
        self._pumps: set[Future[None]] = set()

    def __enter__(self) -> Engine:
        """Open the library; models and the sandbox are reached when they are first needed.

        Raises:
            LibraryError: the library cannot be opened.
        """
        self._opened()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop what runs, close cells, backends and the library."""
        self.close()

    def close(self) -> None:
        """Stop what runs, close cells, backends and the library. May be called twice.

        In a process that was forked while the engine was open this does nothing: all of it is its parent's.
        """
        if self._process not in {None, os.getpid()}:
            return
        with self._lock:
            self._closed = True
            self._portal = None
            stack, self._stack = self._stack, ExitStack()
        # Someone may hold a stream without taking from it: its task would keep the portal waiting for ever.
        for pump in tuple(self._pumps):
            pump.cancel()
        stack.close()

    @property
    def config(self) -> Config:
        """The configuration."""
        return self._core.config

    @property
    def ledger(self) -> Ledger:
        """What was spent since the engine was made."""
        return self._core.ledger

    @property
    def traffic(self) -> Traffic:
        """Which layers answered since the engine was made, at what cost."""
        return self._core.traffic

    @property
    def library(self) -> Library:
        """The tools, instances and the journal."""
        self._opened()
        return self._core.store

    @property
    def tuning(self) -> Tuning:
        """Synthetic text, fine-tuning, comparison and promotion."""
        from latm.tuner._sync import Tuning

        return Tuning(self._core.tuning, self._call)

    def make(
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
        """Make a tool for a task from examples and store it; see `AsyncEngine.make`."""
        known = tuple(examples)
        return self._call(
            lambda: self._core.make(
                task,
                known,
                protocol=protocol,
                answer_type=answer_type,
                demonstrations=demonstrations,
                validation=validation,
                attempts=attempts,
            )
        )

    def use(self, tool: Tool | str, question: str, *, timeout_s: float | None = None) -> Answer:
        """Answer a question by a tool that the caller chose; see `AsyncEngine.use`."""
        return self._call(lambda: self._core.use(tool, question, timeout_s=timeout_s))

    def test(self, tool: Tool | str, *, same: Same | None = None) -> tuple[CheckResult, ...]:
        """Run the unit tests that a tool came with; see `AsyncEngine.test`."""
        return self._call(lambda: self._core.test(tool, same=same))

    def call(self, tool: Tool | str, arguments: Mapping[str, object]) -> Outcome:
        """Call a tool's function with arguments by name; no model is asked; see `AsyncEngine.call`."""
        return self._call(lambda: self._core.call(tool, arguments))

    def solve(
        self,
        question: str,
        *,
        timeout_s: float | None = None,
        budget: Limit | Mapping[str, object] | None = None,
    ) -> Answer:
        """Answer a question: by a tool if one fits, else by the strong model; see `AsyncEngine.solve`."""
        return self._call(lambda: self._core.solve(question, timeout_s=timeout_s, budget=budget))

    def feedback(self, answer: Answer, *, correct: str | bool) -> None:
        """Say whether an answer was right, or what the right one is; see `AsyncEngine.feedback`."""
        self._call(lambda: self._core.feedback(answer, correct=correct))

    def settle(self) -> None:
        """Wait until makings and audits in the background have ended; see `AsyncEngine.settle`."""
        self._call(self._core.settle)

    def solve_many(
        self,
        questions: Iterable[str],
        *,
        concurrency: int = 8,
        timeout_s: float | None = None,
        budget: Limit | Mapping[str, object] | None = None,
    ) -> Iterator[Answer]:
        """Answer questions, several at a time, in their order; see `AsyncEngine.solve_many`."""
        portal = self._opened()
        send, receive = anyio.create_memory_object_stream[Answer](0)

        async def pump() -> None:
            stream = self._core.solve_many(
                questions, concurrency=concurrency, timeout_s=timeout_s, budget=budget
            )
            async with send, aclosing(stream) as answers:
                async for answer in answers:
                    await send.send(answer)

        future = portal.start_task_soon(pump)
        self._pumps.add(future)
        try:
            while True:
                try:
                    answer = portal.call(receive.receive)
                except anyio.EndOfStream:
                    break
                yield answer
            future.result()
        except (RuntimeError, CancelledError):
            if not self._closed:
                raise
            raise ConfigError("the engine was closed while it was answering") from None
        finally:
            self._pumps.discard(future)
            future.cancel()
            try:
                portal.call(receive.aclose)
            except RuntimeError:  # the portal has gone; no one else can be at the stream
                receive.close()

    def _call(self, function: Callable[[], Awaitable[T]]) -> T:
        portal = self._opened()
        try:
            future = portal.start_task_soon(function)
        except RuntimeError:
            if not self._closed:
                raise
            raise ConfigError("this engine is closed") from None  # by another thread, a moment ago
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C here must stop the work over there
            raise

    def _opened(self) -> BlockingPortal:
        # Before the lock, which a thread of the parent may have held when the process was forked.
        if self._process not in {None, os.getpid()}:
            raise ConfigError(
                "this engine was opened before the process was forked, and belongs to its parent: open one "
                "here, after the fork"
            )
        with self._lock:
            if self._closed:
                raise ConfigError("this engine is closed")
            if self._portal is None:
                from anyio.from_thread import start_blocking_portal

                with ExitStack() as stack:
                    portal = stack.enter_context(start_blocking_portal("asyncio", name="latm-engine"))
                    stack.enter_context(portal.wrap_async_context_manager(self._core))
                    self._stack = stack.pop_all()
                self._portal = portal
                self._process = os.getpid()
            return self._portal
