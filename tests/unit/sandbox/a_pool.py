"""A pool on a fake launcher and a fake clock, and what the tests look at."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup

from latm_sandbox import Limits, PoolPolicy, Program, SandboxClosed
from latm_sandbox._callers import TaskCaller
from latm_sandbox._cell import Cell
from latm_sandbox._codec import dumps, encode_arguments
from latm_sandbox._pool import Pool
from latm_sandbox._surroundings import cell_spec
from unit.sandbox.fake_clock import FakeClock, settle
from unit.sandbox.fake_launcher import FakeLauncher

A, B, C, D = (Program(name) for name in "ABCD")
BODY = dumps(encode_arguments((), {}))


class Bench:
    """The pool under test and everything around it."""

    def __init__(self, policy: PoolPolicy, *, single_use: bool, start_s: float) -> None:
        self.clock = FakeClock()
        self.limits = Limits()
        self.launcher = FakeLauncher(self.clock, start_s=start_s)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.pool = Pool(
            "fake",
            self.launcher,
            cell_spec(self.limits),
            policy,
            single_use=single_use,
            event=lambda name, **fields: self.events.append((name, fields)),
            clock=self.clock,
        )
        self.group: TaskGroup | None = None

    async def acquire(self, program: Program, wait_s: float | None = None) -> Cell:
        """Wait for a cell as a call does that is a task."""
        return await TaskCaller(self.pool).acquire(
            program, self.pool.policy.wait_s if wait_s is None else wait_s
        )

    def count(self, name: str) -> int:
        """How often something happened."""
        return sum(each == name for each, _ in self.events)

    async def use(self, program: Program, calls: int = 1) -> Cell:
        """Call a program and give its cell back; which one it was."""
        for _ in range(calls - 1):
            await self.use(program)
        cell = await self.acquire(program)
        await cell.call(BODY, Limits())
        self.pool.release(cell, reusable=True)
        await settle()
        return cell

    def caller(self, program: Program) -> Caller:
        """Someone who asks for a cell in a task of its own."""
        caller = Caller(program)
        assert self.group is not None
        self.group.start_soon(caller.ask, self.acquire)
        return caller

    async def keep_calling(self, program: Program, call_s: float, served: list[Program]) -> None:
        """Call a program again and again until the pool is closed."""
        with contextlib.suppress(SandboxClosed):
            while True:
                cell = await self.acquire(program)
                served.append(program)
                await self.clock.sleep(call_s)
                self.pool.release(cell, reusable=True)

    async def callers(self, *programs: Program) -> list[Caller]:
        """Several of them, who ask in this order."""
        asking: list[Caller] = []
        for program in programs:
            asking.append(self.caller(program))
            await settle()
        return asking


class Caller:
    """One caller, and how it went."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.cell: Cell | None = None
        self.error: Exception | None = None
        self.cancelled = False
        self.ends = 0
        self.scope = anyio.CancelScope()

    @property
    def waits(self) -> bool:
        return not self.ends

    async def ask(self, acquire: Callable[[Program], Awaitable[Cell]]) -> None:
        with self.scope:
            try:
                self.cell = await acquire(self.program)
            except Exception as error:  # noqa: BLE001 - what came is looked at by the test
                self.error = error
            except BaseException:
                self.cancelled = True
                raise
            finally:
                self.ends += 1


@asynccontextmanager
async def bench(
    policy: PoolPolicy, *, single_use: bool = False, start_s: float = 0.0
) -> AsyncGenerator[Bench, None]:
    """A pool that is open; afterwards it is closed as a sandbox does it, and has left nothing."""
    with anyio.fail_after(60):
        it = Bench(policy, single_use=single_use, start_s=start_s)
        async with anyio.create_task_group() as group:
            it.group = group
            it.pool.open(group)
            yield it
            it.launcher.destroy_hangs, it.launcher.destroy_error = False, None
            await it.pool.aclose()
            group.cancel_scope.cancel()
    assert not it.launcher.alive
    assert it.pool.count == 0
