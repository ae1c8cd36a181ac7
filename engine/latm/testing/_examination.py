"""The checks that are made in this process, one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import final

import anyio
import anyio.to_thread

from latm.errors import BackendError, ConfigError, Timeout, Unauthorized
from latm.plugin import Backend, Message, ProviderSpec, Reply, Request
from latm.testing import _findings
from latm.testing._findings import CANARY, Findings
from latm.testing._judging import Failed, judge_error, judge_reply
from latm.testing._scenario import Scenario

__all__ = ["Examination"]

_PROMPT_S = 1.0
_CALLERS = 8


@final
class Examination:
    """A provider under examination, and what was found so far."""

    def __init__(self, spec: ProviderSpec) -> None:
        self.spec = spec
        self.found = Findings()

    def create(self, scenario: Scenario, **more: object) -> Backend:
        """A backend for a scenario, with a key that is looked for afterwards."""
        key = {} if self.spec.key_env is None else {"api_key": CANARY}
        backend = self.spec.create(scenario.model, {**key, **scenario.options, **more})
        self.found.see(repr(backend))
        return backend

    @contextlib.asynccontextmanager
    async def backend(self, scenario: Scenario) -> AsyncGenerator[Backend, None]:
        """A backend that is closed afterwards."""
        backend = self.create(scenario)
        try:
            yield backend
        finally:
            closed = False
            with anyio.move_on_after(_PROMPT_S, shield=True):
                await backend.aclose()
                closed = True
            if not closed:
                raise Failed(f"aclose() did not return within {_PROMPT_S:g} s")

    async def before_any_request(self, plain: Scenario) -> None:
        """What can be seen before any request."""
        before = plain.served() if plain.served else 0
        await self.found.check("the name is text without a colon", self._named)
        await self.found.check(
            "an unknown option is a ConfigError that names it, before any request",
            lambda: self._unknown(plain),
        )
        if (variable := self.spec.key_env) is not None:
            await self.found.check(
                f"without a key there is Unauthorized that names {variable}",
                lambda: self._keyless(plain, variable),
            )
        await self.found.check(
            "a backend can be made and closed, and asks nothing by itself",
            lambda: self._unasked(plain, before),
        )

    async def _named(self) -> None:
        if not self.spec.name or ":" in self.spec.name:
            raise Failed(f"{self.spec.name!r}")

    async def _unknown(self, plain: Scenario) -> None:
        try:
            backend = self.create(plain, no_such_option=1)
        except ConfigError as error:
            self.found.note(error)
            if "no_such_option" not in str(error):
                raise Failed(f"the error does not name it: {error}") from None
        else:
            await backend.aclose()
            raise Failed("it was accepted")

    async def _keyless(self, plain: Scenario, variable: str) -> None:
        try:
            backend = self.spec.create(plain.model, dict(plain.options))
        except Unauthorized as error:
            if variable not in str(error):
                raise Failed(f"the error does not name {variable}: {error}") from None
        else:
            await backend.aclose()  # a server of one's own may want none

    async def _unasked(self, plain: Scenario, before: int) -> None:
        await self.create(plain).aclose()
        if plain.served is not None and (made := plain.served() - before):
            raise Failed(f"{made} requests were made before complete() was called")

    async def ordinary_use(self, plain: Scenario) -> None:
        """The checks of ordinary use."""

        async def replies() -> None:
            async with self.backend(plain) as backend:
                judge_reply(await backend.complete(plain.request), plain)

        async def once() -> None:
            if plain.served is not None and (made := plain.served() - before) != 1:
                raise Failed(f"{made} requests for one call of complete()")

        async def twice() -> None:
            backend = self.create(plain)
            await backend.aclose()
            await backend.aclose()

        async def other_loop() -> None:
            async def alone() -> None:
                # A deadline of its own: the one around this check does not reach into the other loop.
                with anyio.move_on_after(_findings.LONGEST_S):
                    async with self.backend(plain) as backend:
                        await backend.complete(plain.request)

            await anyio.to_thread.run_sync(anyio.run, alone)

        before = plain.served() if plain.served else 0
        await self.found.check("a reply has text, usage, a model, and metadata that are JSON", replies)
        if plain.served is not None:
            await self.found.check("one request is made for each complete()", once)
        await self.found.check(
            "a conversation goes on, whatever metadata its turns have", lambda: self._goes_on(plain)
        )
        await self.found.check("aclose() may be called twice", twice)
        await self.found.check("a second backend works in a second event loop", other_loop)
        await self.found.check(
            f"{_CALLERS} callers at once each get their own reply", lambda: self._crowd(plain)
        )

    async def _goes_on(self, scenario: Scenario) -> None:
        async with self.backend(scenario) as backend:
            reply = await backend.complete(scenario.request)
            foreign = {"another-provider.thoughts": [{"type": "signed"}], **reply.metadata}
            judge_reply(await backend.complete(_second(scenario.request, reply, **foreign)), scenario)

    async def _crowd(self, plain: Scenario) -> None:
        replies: dict[str, Reply] = {}

        async def ask(backend: Backend, text: str) -> None:
            replies[text] = await backend.complete(
                replace(plain.request, messages=(Message("user", text),)) if plain.echo else plain.request
            )

        async with self.backend(plain) as backend, anyio.create_task_group() as group:
            for number in range(_CALLERS):
                group.start_soon(ask, backend, f"question {number}")
        mixed = [text for text, reply in replies.items() if plain.echo and reply.text != text]
        if mixed:
            raise Failed(f"{mixed[0]!r} got the reply {replies[mixed[0]].text!r}")

    async def outcome(self, name: str, scenario: Scenario) -> None:
        """What one request must come to."""

        async def happens() -> None:
            async with self.backend(scenario) as backend:
                try:
                    reply = await backend.complete(scenario.request)
                except BackendError as error:
                    self.found.note_outcome(error)
                    judge_error(error, scenario)
                    return
            if scenario.expect is not None:
                raise Failed(f"expected {scenario.expect.__name__}, got a reply")
            judge_reply(reply, scenario)

        expected = "a reply" if scenario.expect is None else scenario.expect.__name__
        await self.found.check(f"{name}: {expected}", happens)

    async def conversation(self, name: str, scenario: Scenario) -> None:
        """What the service gave with a reply is handed in again with its turn."""

        async def carries() -> None:
            async with self.backend(scenario) as backend:
                reply = await backend.complete(scenario.request)
                judge_reply(reply, scenario)
                await backend.complete(_second(scenario.request, reply, **reply.metadata))
            if scenario.carried is not None and not scenario.carried():
                raise Failed("it was not handed in again")

        await self.found.check(f"{name}: what came with a reply goes back with its turn", carries)

    async def silent(self, name: str, scenario: Scenario) -> None:
        """A service that never answers."""

        async def times_out() -> None:
            async with self.backend(scenario) as backend:
                try:
                    await backend.complete(replace(scenario.request, timeout_s=0.2))
                except Timeout as error:
                    self.found.note_outcome(error)
                    return
            raise Failed("there was a reply")

        async def cancels() -> None:
            async with self.backend(scenario) as backend:
                with anyio.move_on_after(0.2) as scope:
                    await backend.complete(replace(scenario.request, timeout_s=30.0))
                late_s = anyio.current_time() - scope.deadline
                if not scope.cancelled_caught:
                    raise Failed("it was not cancelled")
                if late_s > _PROMPT_S:
                    raise Failed(f"it took {late_s:.1f} s")
                await _none_left(scenario)

        await self.found.check(f"{name}: timeout_s ends in Timeout", times_out)
        left = " and leaves no connection open" if scenario.connections else ""
        await self.found.check(f"{name}: cancelling returns within {_PROMPT_S:g} s{left}", cancels)
        await self.found.check(
            f"{name}: aclose() returns within {_PROMPT_S:g} s though a call is under way",
            lambda: self._closed_amid(scenario),
        )

    async def _closed_amid(self, scenario: Scenario) -> None:
        """The call may end with an error of ours, or go on until it is cancelled."""
        backend = self.create(scenario)

        async def ask() -> None:
            with contextlib.suppress(BackendError):
                await backend.complete(replace(scenario.request, timeout_s=30.0))

        closed = False
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.sleep(0.2)
            with anyio.move_on_after(_PROMPT_S):
                await backend.aclose()
                closed = True
            group.cancel_scope.cancel()
        if not closed:
            raise Failed("it did not")
        await _none_left(scenario)


def _second(request: Request, reply: Reply, **metadata: object) -> Request:
    """The request that follows a reply in a conversation."""
    turns = (*request.messages, Message("assistant", reply.text, metadata=metadata), request.messages[-1])
    return replace(request, messages=turns)


async def _none_left(scenario: Scenario) -> None:
    """Give a service a moment to see its connections closed."""
    if scenario.connections is None:
        return
    with anyio.move_on_after(_PROMPT_S):
        while scenario.connections():  # noqa: ASYNC110 - the author's count tells no one when it changes
            await anyio.sleep(0.01)
        return
    raise Failed(f"{scenario.connections()} connections are left open")
