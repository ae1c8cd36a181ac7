"""Answer many questions at once and give the answers in the order of the questions."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from latm._records import Answer
from latm.errors import ConfigError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


@dataclass
class _Slot:
    """A place in the order."""

    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    done: anyio.Event = field(default_factory=anyio.Event)
    answer: Answer | None = None
    error: Exception | None = None

    async def fill(self, solve: Callable[[str], Awaitable[Answer]], question: str) -> None:
        """Answer the question of this place."""
        try:
            with self.scope:
                self.answer = await solve(question)
        except Exception as error:  # noqa: BLE001 - raised where the caller takes this answer
            self.error = error
        finally:
            self.done.set()


class _Source:
    """Questions one by one; what their iterator raises is kept until what is under way is handed out."""

    def __init__(self, questions: Iterable[str]) -> None:
        self._questions = iter(questions)
        self.error: Exception | None = None

    def take(self) -> tuple[str] | None:
        """The next question, in a tuple, since a None among them is no end; None at the end or an error."""
        try:
            return (next(self._questions),)
        except StopIteration:
            return None
        except Exception as error:  # noqa: BLE001 - raised later, in its place in the order
            self.error = error
            return None


async def in_order(
    solve: Callable[[str], Awaitable[Answer]], questions: Iterable[str], *, tasks: TaskGroup, concurrency: int
) -> AsyncGenerator[Answer, None]:
    """Answers in order; at most `concurrency` questions are taken ahead of the answers that were taken."""
    window: deque[_Slot] = deque()
    source = _Source(questions)
    try:
        while True:
            while len(window) < concurrency and (taken := source.take()) is not None:
                slot = _Slot()
                if tasks.cancel_scope.cancel_called:
                    raise ConfigError("the engine was closed while it was answering")
                window.append(slot)
                tasks.start_soon(slot.fill, solve, *taken)
            if not window:
                if source.error is not None:
                    raise source.error
                return
            slot = window.popleft()
            await slot.done.wait()
            if slot.error is not None:
                raise slot.error
            if slot.answer is None:
                raise ConfigError("the engine was closed while it was answering")
            yield slot.answer
    finally:
        for slot in window:
            slot.scope.cancel()
