"""The sandbox for code that does not await: one event loop in one thread, and no second copy of anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from latm_sandbox._callers import ThreadCaller
from latm_sandbox._calls import call_body, run_body, run_in, unserialisable
from latm_sandbox._codec import Unserialisable
from latm_sandbox._images import Image
from latm_sandbox._interrupts import PutOff, Waiting
from latm_sandbox._launcher import Finding, LauncherSpec
from latm_sandbox._limits import Limits, PoolPolicy
from latm_sandbox._outcome import Outcome, TestReport
from latm_sandbox._program import Program
from latm_sandbox._sandbox import AsyncSandbox
from latm_sandbox.errors import SandboxClosed, SandboxUnavailable

T = TypeVar("T")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class _Request(Generic[T]):
    """A coroutine on its way to the loop, and its result on the way back.

    A lock is all that is passed between the threads: what `concurrent.futures` adds costs a fifth of a call.
    """

    __slots__ = ("_done", "_error", "_over", "_result", "_task", "coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.coroutine = coroutine
        self._done = threading.Lock()
        self._done.acquire()
        self._over = False
        self._task: asyncio.Task[T] | None = None
        self._error: BaseException | None = None
        self._result: T | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, in the thread of the loop."""
        self._task = loop.create_task(self.coroutine)
        self._task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[T]) -> None:
        # Not in the coroutine: one that is cancelled before its first step says nothing any more.
        if task.cancelled():
            self._error = SandboxClosed("the sandbox was closed while this was being done")
        elif (error := task.exception()) is not None:
            self._error = error
        else:
            self._result = task.result()
        self._end()

    def fail(self, error: BaseException) -> None:
        """The loop has ended; what it has not done, it never will."""
        if not self._over:
            self.coroutine.close()
            self._error = error
            self._end()

    def _end(self) -> None:
        self._over = True
        self._done.release()

    def wait(self, loop: asyncio.AbstractEventLoop) -> T:
        """The result, in the thread that asked."""
        try:
            with Waiting():
                self._done.acquire()
        except BaseException:  # KeyboardInterrupt in the waiting thread: the call has to end as well
            with contextlib.suppress(RuntimeError):  # the loop has ended
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
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._closed = False
        self._caller: ThreadCaller | None = None
        self._requests: set[_Request[Any]] = set()

    def run(self, function: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **kwargs: Any) -> T:
        """Await the function's result in the thread of the loop."""
        self._refuse_after_fork()
        loop = self._loop or self._open()
        request = _Request(function(*args, **kwargs))
        self._requests.add(request)
        try:
            loop.call_soon_threadsafe(request.start, loop)
        except RuntimeError:
            self._requests.discard(request)
            request.coroutine.close()
            raise SandboxClosed("the sandbox is closed") from None
        try:
            return request.wait(loop)
        finally:
            self._requests.discard(request)

    def here(self, program: Program, body: bytes, limits: Limits) -> Outcome:
        """Run an encoded call in this thread, past the event loop."""
        self._refuse_after_fork()
        with PutOff():
            if self._caller is None:
                self._caller = ThreadCaller(self.run(self._sandbox.pool), self.run)
            call = run_in(self._caller, program, body, limits)
            try:
                call.send(None)
            except StopIteration as done:
                outcome: Outcome = done.value
                return outcome
            raise AssertionError("a call in a thread was suspended")

    def _refuse_after_fork(self) -> None:
        if os.getpid() != self._pid:
            raise SandboxClosed(
                "the sandbox was opened before this process was forked: open one of its own here"
            )

    def _open(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise SandboxClosed("the sandbox is closed")
            if self._thread is None:
                thread = threading.Thread(target=self._serve, name="latm-sandbox", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    raise _no_loop(error) from error
                self._thread = thread
            self._started.wait()
            if self._loop is None:
                failure, self._failure = self._failure, None
                self._thread = None
                self._started.clear()  # to be tried again
                raise _no_loop(failure) from failure
            return self._loop

    def _serve(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            if self._started.is_set():
                raise
            self._failure = error
        finally:
            for request in list(self._requests):
                request.fail(SandboxClosed("the sandbox was closed before this was done"))
            self._started.set()

    async def _live(self) -> None:
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._sandbox.serve_threads(loop.call_soon_threadsafe)
        async with self._sandbox:
            self._loop = loop
            self._started.set()
            await self._stop.wait()

    def close(self) -> None:
        """End the loop, and with it every cell."""
        if os.getpid() != self._pid:  # where another thread's locks may be held for ever
            return
        with self._lock:
            self._closed = True
            if self._thread is not None:
                self._started.wait()
            loop, stop, thread = self._loop, self._stop, self._thread
            self._loop = None
        if loop is None or stop is None or thread is None:
            return
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            loop.call_soon_threadsafe(stop.set)
        if thread is not threading.current_thread():  # a sandbox is collected in whatever thread that happens
            thread.join()


def _no_loop(failure: BaseException | None) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"no event loop can be started here ({failure})",
        remedy="allow this process more open files and threads: ulimit -n, ulimit -u",
    )


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
        hash_seed: int = 0,
        time_zone: str = "UTC",
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
            hash_seed=hash_seed,
            time_zone=time_zone,
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
        return self.apply(program, args, kwargs, limits=limits)

    def apply(
        self,
        program: Program,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] = _NOTHING,
        *,
        limits: Limits | None = None,
    ) -> Outcome:
        """Call it with arguments that are in hand as collections; see `AsyncSandbox.apply`."""
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
