"""What one use of a tool, and one try within it, come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from latm.plugin import Function, Reply
from latm_sandbox import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What came of using a tool.

    Attributes:
        text: the answer, rendered by the tool's answer type; None where the tool gave none.
        value: what was rendered: the function's value, or the part of it that the call chose.
        outcome: the last run in a cell; None where no reply could be run.
        trace: what happened, one sentence each.
        abstained: whether the tool itself said that it cannot answer, by an error that it declares.
    """

    text: str | None
    outcome: Outcome | None
    trace: tuple[str, ...]
    value: object = None
    abstained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of one reply.

    Attributes:
        text: the answer; None where there is none.
        value: what was rendered.
        outcome: the run in a cell; None where the reply could not be run.
        problem: what kept it from an answer, as the model is told; None where nothing did.
        declined: the declared error by which the tool said that it cannot answer; None where it did not.
    """

    text: str | None = None
    value: object = None
    outcome: Outcome | None = None
    problem: str | None = None
    declined: str | None = None


class Style(Protocol):
    """How a question becomes a call: one for each ``call_style``."""

    @property
    def system(self) -> str:
        """The system prompt."""
        ...

    @property
    def functions(self) -> tuple[Function, ...]:
        """What the model may call natively."""
        ...

    @property
    def again(self) -> str:
        """How a turn ends that asks for another reply."""
        ...

    @property
    def patient(self) -> bool:
        """Whether a model that declined, or whose reply was cut, is asked once more."""
        ...

    async def attempt(self, reply: Reply) -> Tried:
        """Read a reply and run what it says."""
        ...
