"""Counts of uses and of answers, written in the background: each write costs as much as an answer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, final

import anyio

from latm._chores import Chores
from latm._clock import Clock
from latm._latency import step_of
from latm._records import Answer, Tool
from latm._threads import in_thread

if TYPE_CHECKING:
    from latm.library import Answered, Library

_EVERY_S = 0.5


@final
class Tally:
    """How often versions were used and failed, and what was answered, since the library was last told.

    A process that is killed loses the counts of half a second, and nothing else.
    """

    def __init__(self, library: Library, chores: Chores, clock: Clock) -> None:
        self._library = library
        self._chores = chores
        self._clock = clock
        self._counts: dict[tuple[str, int], tuple[Tool, int, int]] = {}
        self._answers: dict[object, Answered] = {}
        self._writing = anyio.Lock()
        self._waiting = False

    def add(self, tool: Tool, *, failed: bool) -> None:
        """Count a use."""
        _, uses, failures = self._counts.get((tool.name, tool.version), (tool, 0, 0))
        self._counts[tool.name, tool.version] = tool, uses + 1, failures + int(failed)
        self._soon()

    def answered(self, answer: Answer) -> None:
        """Count an answer."""
        self._put(_answered(answer))
        self._soon()

    async def flush(self) -> None:
        """Write what was counted."""
        async with self._writing:
            answers, self._answers = self._answers, {}
            try:
                await in_thread(self._library.count_answers, tuple(answers.values()))
            except BaseException:
                for each in answers.values():
                    self._put(each)
                raise
            for key, (tool, uses, failures) in tuple(self._counts.items()):
                await in_thread(self._write, tool, uses, failures)
                # Only what is written is taken off; more may have come meanwhile.
                _, now, failed = self._counts.pop(key)
                if now > uses:
                    self._counts[key] = tool, now - uses, failed - failures

    def _write(self, tool: Tool, uses: int, failures: int) -> None:
        self._library.count_uses(tool, uses=uses, failures=failures)

    def _put(self, answered: Answered) -> None:
        known = self._answers.get(answered.key)
        self._answers[answered.key] = answered if known is None else known + answered

    def _soon(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._chores.start("count", self._later, awaited=False)

    async def _later(self) -> None:
        try:
            await self._clock.sleep(_EVERY_S)
        finally:
            self._waiting = False
            with anyio.CancelScope(shield=True):
                await self.flush()


def _answered(answer: Answer) -> Answered:
    from latm.library import Answered

    return Answered(
        task=answer.task,
        tool=answer.tool,
        version=answer.tool_version,
        layer=answer.layer,
        route=answer.route,
        questions=1,
        known_usd=answer.cost_usd or Decimal(0),
        unpriced=int(answer.cost_usd is None),
        seconds=answer.seconds,
        times={step_of(answer.seconds): 1},
    )
