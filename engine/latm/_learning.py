"""From answered questions to tools: instances, and makings that no caller waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from latm._chores import Chores
from latm._clock import Clock
from latm._events import Events
from latm._records import Example, Tool, slug
from latm._threads import in_thread
from latm.config import MakingConfig
from latm.errors import LatmError, MakingFailed
from latm.maker import Maker
from latm_sandbox import SandboxError

if TYPE_CHECKING:
    from latm.library import Lease, Library

_REST_S = 60.0


@final
@dataclass(kw_only=True)
class Learner:
    """Keeps answered questions, and has a tool made when there are enough of a task.

    Attributes:
        library: where they are kept.
        maker: makes the tools.
        settings: how, and from how many.
        chores: where makings run.
        clock: after an interruption a task rests for a minute.
        events: who is told.
    """

    library: Library
    maker: Maker
    settings: MakingConfig
    chores: Chores
    clock: Clock
    events: Events
    _busy: set[str] = field(default_factory=set[str], init=False)
    _resting: dict[str, float] = field(default_factory=dict[str, float], init=False)
    # What has to be pending after makings that failed, as far as it was looked up.
    _enough: dict[str, int] = field(default_factory=dict[str, int], init=False)

    async def learn(self, task: str, question: str, answer: str) -> str:
        """Keep a question that the strong model answered; gives a sentence for the trace.

        A task that has a tool learns nothing here: its tool was not chosen for this question. Nor does one
        whose tool a person took out of use: none comes back by itself.
        """
        current = await in_thread(self.library.current, task)
        if current is not None and current.status == "active":
            return f"Nothing is learnt of it: {slug(task)} has a tool, which was not chosen."
        if current is not None and current.status == "retired":
            return f"Nothing is learnt of it: the tool of {slug(task)} was retired."
        pending = await in_thread(self.library.remember, task, Example(question, answer))
        self.consider(task, pending)
        return f"It is instance {pending} of {slug(task)}."

    def consider(self, task: str, pending: int) -> None:
        """Begin a making in the background, if there are enough instances and none is under way here."""
        name = slug(task)
        if pending < max(self.settings.pending, self._enough.get(name, 0)) or name in self._busy:
            return
        if self.clock.monotonic() < self._resting.get(name, float("-inf")):
            return
        self._busy.add(name)
        self.chores.start("make", lambda: self._make(name))

    async def _make(self, task: str) -> None:
        try:
            async with self.maker.lease(task) as lease:
                if lease is not None:  # else another process is at it
                    await self._make_under(task, lease)
        except MakingFailed:
            pass  # the maker told of it, and the library has its history
        except (LatmError, SandboxError) as error:
            # A rate limit, a daemon: the making goes on where it stopped, though not at every question.
            self._resting[task] = self.clock.monotonic() + _REST_S
            self.events.tell("make.interrupted", task=task, error=str(error))
        finally:
            self._busy.discard(task)

    async def _make_under(self, task: str, lease: Lease) -> None:
        """Make a tool, if it is still wanted now that nobody else can make one."""
        due = await in_thread(_due, self.library, task, self.settings.pending)
        self._enough[task] = due.enough
        if due.examples:
            await self.maker.make(
                task,
                due.examples,
                settings=self.settings,
                answer_type=due.answer_type,
                instances=due.ids,
                pending=due.pending,
                held=lease,
            )


@dataclass(frozen=True, kw_only=True)
class _Due:
    """What a tool is to be made from now.

    Attributes:
        pending: how many instances there are.
        enough: how many there have to be.
        examples: those to make it from; none if it is not time.
        ids: of these.
        answer_type: how their answers compare.
    """

    pending: int
    enough: int
    examples: Sequence[Example] = ()
    ids: Sequence[int] = ()
    answer_type: str = "text"


def _due(library: Library, task: str, wanted: int) -> _Due:
    """What is due for a task that `wanted` instances are enough for at first."""
    waiting = library.pending(task)
    current = library.current(task)
    if current is not None and current.status in {"active", "retired"}:
        # Another caller made it in the meantime; or a person wants none.
        return _Due(pending=len(waiting), enough=wanted)
    begun = library.unfinished(task)
    enough = library.failed_with(task) + wanted
    chosen: Sequence[tuple[int, Example]] = [each for each in waiting if each[0] in begun]
    if not chosen or len(chosen) < len(begun):  # some may have been found wrong, or belong to another task
        if len(waiting) < enough:
            return _Due(pending=len(waiting), enough=enough)
        chosen = _choice(waiting, library.sources(task), wanted)
    examples = tuple(each for _, each in chosen)
    return _Due(
        pending=len(waiting),
        enough=enough,
        examples=examples,
        ids=tuple(number for number, _ in chosen),
        answer_type=_answer_type(None if current is None else current.tool, examples),
    )


def _answer_type(before: Tool | None, examples: Sequence[Example]) -> str:
    """That of the version before, which somebody may have chosen; else what the answers look like."""
    from latm._answers import CALLER, guess_answer_type

    if before is None or before.answer_type == CALLER:
        return guess_answer_type(examples)
    return before.answer_type


def _choice(
    waiting: Sequence[tuple[int, Example]], sources: Mapping[int, str], enough: int
) -> Sequence[tuple[int, Example]]:
    """What a caller corrected and what an audit found first: there the last version was wrong.

    Of the others the newest: after a failure these are other examples than those that led to it.
    """
    telling = [each for each in waiting if sources.get(each[0], "model") != "model"][-enough:]
    others = [each for each in waiting if sources.get(each[0], "model") == "model"]
    room = enough - len(telling)
    return [*telling, *(others[-room:] if room else ())]
