"""The sandbox as an application sees it, awaited. `_sync.py` is the same for everyone else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

import anyio
from anyio.abc import TaskGroup

from latm_sandbox._callers import TaskCaller
from latm_sandbox._calls import answerer, call_body, run_body, run_in, unserialisable
from latm_sandbox._codec import Unserialisable
from latm_sandbox._errands import Ring
from latm_sandbox._images import Image
from latm_sandbox._launcher import Finding, Launcher, LauncherOptions, LauncherSpec
from latm_sandbox._limits import Limits, PoolPolicy
from latm_sandbox._outcome import Outcome, TestReport
from latm_sandbox._pool import Pool
from latm_sandbox._program import Program
from latm_sandbox._registry import find_launcher
from latm_sandbox._starter import no_event
from latm_sandbox._surroundings import cell_spec
from latm_sandbox.errors import LaunchFailed, SandboxClosed, SandboxError

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_MODULES: Final = (
    "import pkgutil, sys\n"
    "found = sorted({m.name for m in pkgutil.iter_modules()} | set(sys.builtin_module_names))\n"
    "found = [name for name in found if name.isidentifier() and name != '__main__']\n"
)


class AsyncSandbox:
    """Runs untrusted Python in cells, on asyncio and trio.

    Nothing is started before the first call, or before `start`.

    Args:
        launcher: what starts the cells: ``docker``, or another by its name. There is no silent fallback.
        image: what the cells are made of. None is an image of the running interpreter, built when needed; a
            text is a reference such as ``python:3.13-slim``; an `Image` may have packages, or a Dockerfile.
        pool: how many cells there are and how long they live.
        limits: what a call may use; a call may tighten them.
        fresh_cell_per_call: give every call a cell that has never run anything, and throw it away after.
        hash_seed: of every cell, from 0 to 4294967295: what depends on the order of a set is repeatable.
        time_zone: of every cell, as POSIX writes it: ``UTC``, ``JST-9``, ``CET-1CEST,M3.5.0,M10.5.0/3``.
        launchers: launchers beside the built-in ones.
        launcher_options: the launcher's own options, such as ``{"runtime": "runsc"}``.
        on_event: called as ``on_event(name, fields)`` when a cell starts, fails or ends; must not block.

    Raises:
        ValueError: no launcher has that name; or seed or zone is none.
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
        self._spec = find_launcher(launcher, launchers)
        self._options = LauncherOptions(image=image, extra=dict(launcher_options or {}))
        self._policy = PoolPolicy() if pool is None else pool
        self._limits = Limits() if limits is None else limits
        self._cell_spec = cell_spec(self._limits, hash_seed=hash_seed, time_zone=time_zone)
        self._single_use = fresh_cell_per_call
        self._on_event = on_event
        self._pid = os.getpid()
        self._launcher: Launcher | None = None
        self._pool: Pool | None = None
        self._group: TaskGroup | None = None
        self._ring: Ring | None = None
        self._state = "not entered"
        self._modules: tuple[str, ...] | None = None

    async def __aenter__(self) -> Self:
        if self._state != "not entered":
            raise SandboxClosed(f"a sandbox is entered once; this one is {self._state}")
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._state = "open"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._group is not None
        try:
            await self.aclose()
            # Told of nothing: it would wrap what the caller's own code raised into an ExceptionGroup.
            await self._group.__aexit__(None, None, None)
        finally:
            # Last: cells that were starting when it all ended are removed through it.
            if self._launcher is not None:
                with anyio.CancelScope(shield=True):
                    await self._launcher.aclose()

    async def aclose(self) -> None:
        """Destroy all cells and refuse further calls. May be called twice."""
        if self._state == "closed":
            return
        self._state = "closed"
        if os.getpid() != self._pid:
            return
        if self._pool is not None:
            await self._pool.aclose()

    async def start(self) -> None:
        """Build what has to be built and start the spare cells, instead of at the first call.

        Raises:
            SandboxUnavailable: nothing can be run here.
        """
        await self._ready().prepare()

    async def call(
        self, program: Program, /, *args: Any, limits: Limits | None = None, **kwargs: Any
    ) -> Outcome:
        """Call the program's function.

        Args:
            program: the source; it is executed anew in a state of its own.
            args: positional arguments of the function.
            limits: tightens the sandbox's own for this call.
            kwargs: keyword arguments of the function; for one called ``limits`` see `apply`.

        Raises:
            LimitsError: `limits` is wider than the sandbox's.
            SandboxBusy: no cell became free.
            SandboxUnavailable: no cell can be started.
        """
        return await self.apply(program, args, kwargs, limits=limits)

    async def apply(
        self,
        program: Program,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] = _NOTHING,
        *,
        limits: Limits | None = None,
    ) -> Outcome:
        """Call the program's function with arguments that are in hand as collections; see `call`.

        Args:
            program: the source; it is executed anew in a state of its own.
            args: positional arguments of the function.
            kwargs: keyword arguments of the function, by any name.
            limits: tightens the sandbox's own for this call.

        Raises:
            LimitsError: `limits` is wider than the sandbox's.
            SandboxBusy: no cell became free.
            SandboxUnavailable: no cell can be started.
        """
        narrowed = self._limits.tightened(limits)
        try:
            body = call_body(args, kwargs)
        except Unserialisable as error:
            return unserialisable(error)
        return await self._run(program, body, narrowed)

    async def run(
        self,
        program: Program,
        code: str,
        *,
        want: Sequence[str] = (),
        limits: Limits | None = None,
        ask: Callable[..., Any] | None = None,
    ) -> Outcome:
        """Execute code after the program, in the same namespace.

        Args:
            program: the source; any number of functions, or none.
            code: what is executed after it.
            want: names whose values are returned. One that the code did not set is an error that names it.
            limits: tightens the sandbox's own for this call.
            ask: what the code may call as ``ask(...)``; it runs on the host, its time counts as the code's.
                It may be a coroutine function. Whatever it raises is a RuntimeError in the code.

        Raises:
            LimitsError: `limits` is wider than the sandbox's.
            SandboxBusy: no cell became free.
            SandboxUnavailable: no cell can be started.
        """
        narrowed = self._limits.tightened(limits)
        return await self._run(program, run_body(code, want, ask=ask is not None), narrowed, ask)

    async def test(
        self, program: Program, tests: Mapping[str, str], *, limits: Limits | None = None
    ) -> TestReport:
        """Execute each test after the program, in a state of its own.

        Args:
            program: the source under test.
            tests: code by name; a test passes when it raises nothing.
            limits: tightens the sandbox's own for each test.

        Raises:
            LimitsError: `limits` is wider than the sandbox's.
            SandboxBusy: no cell became free.
            SandboxUnavailable: no cell can be started.
        """
        return TestReport(
            {name: await self.run(program, code, limits=limits) for name, code in tests.items()}
        )

    async def modules(self) -> tuple[str, ...]:
        """Names of the top-level modules that a program can import, sorted. Looked up once.

        Raises:
            SandboxUnavailable: no cell can be started.
        """
        if self._modules is None:
            outcome = await self.run(Program(""), _MODULES, want=("found",))
            if not outcome.ok:
                raise LaunchFailed(f"the image's modules cannot be listed: {outcome.error}")
            self._modules = tuple(outcome.values["found"])
        return self._modules

    async def check(self) -> tuple[Finding, ...]:
        """What a person should know: the launcher's findings, and a call. Raises nothing."""
        findings: tuple[Finding, ...] = ()
        try:
            self._ready()
            assert self._launcher is not None
            findings = await self._launcher.check()
            outcome = await self.call(Program("def add(a, b):\n    return a + b"), 1, 2)
        except SandboxError as error:
            if not all(finding.ok for finding in findings):
                return findings  # the cause is named
            remedy: str = getattr(error, "remedy", "")
            return (*findings, Finding(name="call", ok=False, detail=str(error), remedy=remedy))
        said = f"add(1, 2) is {outcome.value!r} in {outcome.wall_s * 1000:.1f} ms, cell {outcome.cell}"
        ok = outcome.ok and outcome.value == 1 + 2
        return (*findings, Finding(name="call", ok=ok, detail=said if ok else str(outcome.error)))

    def serve_threads(self, ring: Ring) -> None:
        """Let threads use the pool. To be called before anything else.

        Args:
            ring: runs a function in the event loop, from any thread.
        """
        self._ring = ring

    async def pool(self) -> Pool:
        """The pool, made when there is none yet."""
        return self._ready()

    def tightened(self, limits: Limits | None) -> Limits:
        """The limits of one call."""
        return self._limits.tightened(limits)

    def _ready(self) -> Pool:
        if os.getpid() != self._pid:
            raise SandboxClosed(
                "the sandbox was opened before this process was forked: open one of its own here"
            )
        if self._state != "open":
            raise SandboxClosed(f"the sandbox is {self._state}: use it inside `with` or `async with`")
        if self._pool is None:
            assert self._group is not None
            self._launcher = self._spec.create(self._options)
            self._pool = Pool(
                self._spec.name,
                self._launcher,
                self._cell_spec,
                self._policy,
                single_use=self._single_use,
                event=no_event if self._on_event is None else self._event,
            )
            self._pool.open(self._group, self._ring)
        return self._pool

    def _event(self, name: str, /, **fields: Any) -> None:
        if self._on_event is not None:
            with contextlib.suppress(Exception):  # a listener must not be able to break a call
                self._on_event(name, fields)

    async def _run(
        self, program: Program, body: bytes, limits: Limits, ask: Callable[..., Any] | None = None
    ) -> Outcome:
        answer = None if ask is None else answerer(ask)
        return await run_in(TaskCaller(self._ready()), program, body, limits, answer)
