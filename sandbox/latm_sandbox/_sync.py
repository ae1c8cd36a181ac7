"""The sandbox for code that does not await: one event loop in one thread, and no second copy of anything."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from latm_sandbox._callers import ThreadCaller
from latm_sandbox._calls import call_body, run_body, run_in, unserialisable
from latm_sandbox._codec import Unserialisable
from latm_sandbox._images import Image
from latm_sandbox._launcher import Finding, LauncherSpec
from latm_sandbox._limits import Limits, PoolPolicy
from latm_sandbox._outcome import Outcome, TestReport
from latm_sandbox._program import Program
from latm_sandbox._sandbox import AsyncSandbox
from latm_sandbox.errors import SandboxClosed

T = TypeVar("T")


class _Request(Generic[T]):
    """A coroutine on its way to the loop, and its result on the way back.

    A lock is all that is passed between the threads: what `concurrent.futures` adds costs a fifth of a call.
    """

    __slots__ = ("_done", "_error", "_result", "_task", "coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.coroutine = coroutine
        self._done = threading.Lock()
        self._done.acquire()
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._result: T | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in the thread of the loop."""
        self._task = loop.create_task(self._live())

    async def _live(self) -> None:
        try:
            self._result = await self.coroutine
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            self._error = error
        finally:
            self._done.release()

    def wait(self, loop: asyncio.AbstractEventLoop) -> T:
        """The result, in the thread that asked."""
        try:
            self._done.acquire()
        except BaseException:  # KeyboardInterrupt in the waiting thread: the call has to end as well
            loop.call_soon_threadsafe(self._cancel)
            raise
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # a traceback that refers to itself would live on
        return cast("T", self._result)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class _Portal:
    """A thread with an event loop in which an `AsyncSandbox` lives."""

    def __init__(self, sandbox: AsyncSandbox) -> None:
        self._sandbox = sandbox
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._caller: ThreadCaller | None = None

    def run(self, function: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **kwargs: Any) -> T:
        """Await the function's result in the thread of the loop."""
        loop = self._loop or self._open()
        if os.getpid() != self._pid:
            raise SandboxClosed(
                "the sandbox was opened before this process was forked: open one of its own here"
            )
        request = _Request(function(*args, **kwargs))
        try:
            loop.call_soon_threadsafe(request.start, loop)
        except RuntimeError:
            request.coroutine.close()
            raise SandboxClosed("the sandbox is closed") from None
        return request.wait(loop)

    def here(self, program: Program, body: bytes, limits: Limits) -> Outcome:
        """Run an encoded call in this thread, past the event loop."""
        if self._caller is None or os.getpid() != self._pid:
            self._caller = ThreadCaller(self.run(self._sandbox.pool), self.run)
        call = run_in(self._caller, program, body, limits)
        try:
            call.send(None)
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome
        raise AssertionError("a call in a thread was suspended")

    def _open(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise SandboxClosed("the sandbox is closed")
            if self._loop is None:
                started = threading.Event()
                self._thread = threading.Thread(
                    target=lambda: asyncio.run(self._live(started)), name="latm-sandbox", daemon=True
                )
                self._thread.start()
                started.wait()
            assert self._loop is not None
            return self._loop

    async def _live(self, started: threading.Event) -> None:
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._sandbox.serve_threads(loop.call_soon_threadsafe)
        async with self._sandbox:
            self._loop = loop
            started.set()
            await self._stop.wait()

    def close(self) -> None:
        """End the loop, and with it every cell."""
        with self._lock:
            self._closed = True
            loop, stop, thread = self._loop, self._stop, self._thread
            self._loop = None
        if loop is None or stop is None or thread is None or os.getpid() != self._pid:
            return
        loop.call_soon_threadsafe(stop.set)
        thread.join()


class Sandbox:
    """Runs untrusted Python in cells; `AsyncSandbox` for code that does not await. Any thread may use it.

    Arguments and errors are those of `AsyncSandbox`. Nothing is started before the first call, or `start`.
    """

    def __init__(
        self,
        *,
        launcher: str = "docker",
        image: Image | str | None = None,
        pool: PoolPolicy | None = None,
        limits: Limits | None = None,
        fresh_cell_per_call: bool = False,
        launchers: Iterable[LauncherSpec] = (),
        launcher_options: Mapping[str, object] | None = None,
        on_event: Callable[[str, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._async = AsyncSandbox(
            launcher=launcher,
            image=image,
            pool=pool,
            limits=limits,
            fresh_cell_per_call=fresh_cell_per_call,
            launchers=launchers,
            launcher_options=launcher_options,
            on_event=on_event,
        )
        self._portal = _Portal(self._async)
        self._finalizer = weakref.finalize(self, self._portal.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Destroy all cells and refuse further calls. May be called twice."""
        self._finalizer()

    def start(self) -> None:
        """Build what has to be built and start the spare cells, instead of at the first call."""
        self._portal.run(self._async.start)

    def call(self, program: Program, /, *args: Any, limits: Limits | None = None, **kwargs: Any) -> Outcome:
        """Call the program's function; see `AsyncSandbox.call`."""
        narrowed = self._async.tightened(limits)
        try:
            body = call_body(args, kwargs)
        except Unserialisable as error:
            return unserialisable(error)
        return self._portal.here(program, body, narrowed)

    def run(
        self,
        program: Program,
        code: str,
        *,
        want: Sequence[str] = (),
        limits: Limits | None = None,
        ask: Callable[..., Any] | None = None,
    ) -> Outcome:
        """Execute code after the program; see `AsyncSandbox.run`. `ask` runs in a thread of its own."""
        if ask is None:
            return self._portal.here(program, run_body(code, want), self._async.tightened(limits))
        asked = _in_thread(ask)
        return self._portal.run(self._async.run, program, code, want=want, limits=limits, ask=asked)

    def test(self, program: Program, tests: Mapping[str, str], *, limits: Limits | None = None) -> TestReport:
        """Execute each test in a state of its own; see `AsyncSandbox.test`."""
        return TestReport({name: self.run(program, code, limits=limits) for name, code in tests.items()})

    def modules(self) -> tuple[str, ...]:
        """What a program can import; see `AsyncSandbox.modules`."""
        return self._portal.run(self._async.modules)

    def check(self) -> tuple[Finding, ...]:
        """What a person should know about this sandbox here; see `AsyncSandbox.check`."""
        return self._portal.run(self._async.check)


def _in_thread(ask: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """`ask` may use this very sandbox, so it must not stand in the way of its loop."""

    async def asked(*args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(ask, *args, **kwargs)

    return asked
