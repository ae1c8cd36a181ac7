"""What one use of a tool, and one try within it, come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from latm.plugin import Function, Reply
from latm_sandbox import Outcome

Kind: TypeAlias = Literal["answered", "declined", "unreadable", "ungrounded", "failed"]
"""What came of it.

``declined``: the tool raised an error that it declares. ``unreadable``: no reply held a call that the tool
takes. ``ungrounded``: what the call says is not in the question. ``failed``: the function, or the reply's
code, raised something else, ran into a limit, or gave what is no answer.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What came of using a tool.

    Attributes:
        text: the answer, rendered by the tool's answer type; None where the tool gave none.
        kind: why there is none, of the last try; ``answered`` where there is one.
        value: what was rendered: the function's value, or the part of it that the call chose.
        call: the call that gave it, as Python writes it, to be made again by `User.call`; None where it has
            no such form, as the code of ``call_style="code"``.
        outcome: the last run in a cell; None where no reply could be run.
        trace: what happened, one sentence each.
        reason: why there is no answer, in a sentence; empty where there is one.
    """

    text: str | None
    kind: Kind
    outcome: Outcome | None
    trace: tuple[str, ...]
    value: object = None
    call: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of one reply, or of one call.

    Attributes:
        text: the answer; None where there is none.
        kind: what came of it.
        value: what was rendered.
        call: the call that gave it, as Python writes it.
        outcome: the run in a cell; None where there was none.
        problem: what kept it from an answer, as the model is told; None where nothing did. Of a tool that
            declined, its error.
    """

    text: str | None = None
    kind: Kind = "answered"
    value: object = None
    call: str | None = None
    outcome: Outcome | None = None
    problem: str | None = None

    def use(self, trace: Sequence[str], outcome: Outcome | None = None) -> Use:
        """The use that ends with it.

        Args:
            trace: of the use.
            outcome: of an earlier try, where this one ran nothing.
        """
        return Use(
            text=self.text,
            kind=self.kind,
            outcome=outcome if self.outcome is None else self.outcome,
            trace=tuple(trace),
            value=self.value,
            call=self.call,
            reason=(self.problem or "").partition("\n")[0],
        )


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
