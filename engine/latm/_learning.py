"""From answered questions to tools: instances, and makings that no caller waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from latm._chores import Chores
from latm._clock import Clock
from latm._events import Events
from latm._records import Example, slug
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

    async def learn(self, task: str, question: str, answer: str) -> str:
        """Keep a question that the strong model answered; gives a sentence for the trace.

        A task that has a tool learns nothing here: its tool was not chosen for this question.
        """
        if await in_thread(self.library.find, task) is not None:
            return f"Nothing is learnt of it: {slug(task)} has a tool, which was not chosen."
        pending = await in_thread(self.library.remember, task, Example(question, answer))
        self.consider(task, pending)
        return f"It is instance {pending} of {slug(task)}."

    def consider(self, task: str, pending: int) -> None:
        """Begin a making in the background, if there are enough instances and none is under way here."""
        name = slug(task)
        if pending < self.settings.pending or name in self._busy:
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
        from latm._answers import answer_type, guess_answer_type

        examples, ids, pending = await in_thread(_due, self.library, task, self.settings.pending)
        if examples:
            await self.maker.make(
                task,
                examples,
                settings=self.settings,
                answer_type=answer_type(guess_answer_type(examples)),
                instances=ids,
                pending=pending,
                held=lease,
            )


def _due(library: Library, task: str, enough: int) -> tuple[Sequence[Example], Sequence[int], int]:
    """The instances to make a tool from now with their ids, none if it is not time; how many are pending."""
    waiting = library.pending(task)
    if library.find(task) is not None:  # another caller made it in the meantime
        return (), (), len(waiting)
    begun = library.unfinished(task)
    chosen: Sequence[tuple[int, Example]] = [each for each in waiting if each[0] in begun]
    if not chosen:
        if len(waiting) < library.failed_with(task) + enough:
            return (), (), len(waiting)
        chosen = _choice(waiting, library.sources(task), enough)
    return tuple(each for _, each in chosen), tuple(number for number, _ in chosen), len(waiting)


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
