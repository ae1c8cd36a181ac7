"""What the dispatcher knows of a task, and what it says of a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from latm._records import Demonstration, Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A known task that a question may belong to.

    Attributes:
        name: the task's name, which its tool has too.
        contract: what its tool takes and gives; empty where there is no tool yet.
        samples: questions that belong to it, where no calls are known.
        has_tool: whether a tool can answer them.
        demonstrations: questions that belong to it, with the calls that answer them.
        negatives: questions that look like it and do not belong to it, newest first.
        score: how near the question is, between 0 and 1; see `Shortlist`.
        tool: the version that serves, if one does.
    """

    name: str
    contract: str
    samples: tuple[str, ...]
    has_tool: bool
    demonstrations: tuple[Demonstration, ...] = ()
    negatives: tuple[str, ...] = ()
    score: float = 0.0
    tool: Tool | None = None

    @property
    def questions(self) -> tuple[str, ...]:
        """All questions that are known to belong to it."""
        return (*(each.question for each in self.demonstrations), *self.samples)


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The candidates for one question.

    A score is the share of what the question says, rare words counting more, that the task's name, contract
    and questions say too. It finds, and cannot decide: questions that only look like a task score higher than
    other wordings of the task's own.

    Attributes:
        candidates: at most five, best first.
        cut: only what scores above this is a candidate. 0: one telling word has to be shared.
    """

    candidates: tuple[Candidate, ...]
    cut: float = 0.0

    @property
    def known(self) -> bool:
        """Whether anything is above the cut."""
        return bool(self.candidates)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the dispatcher said.

    Attributes:
        kind: ``tool``; ``task``: a known task that has no tool yet; ``new``: a task not known so far;
            ``none``: belongs to no task; ``unsure``: the dispatcher cannot tell; ``unreadable``: the reply
            was not understood. Only ``tool`` leads to a tool.
        task: the task's name for the first three.
        merged_from: the name that the dispatcher gave to a new task, where that is another word for the known
            task in ``task``. An instance is then kept under the known name; the task's tool was not chosen.
    """

    kind: Literal["tool", "task", "new", "none", "unsure", "unreadable"]
    task: str | None = None
    merged_from: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "tool":
                said = f"The dispatcher chose the tool {self.task}."
            case "task":
                said = f"The dispatcher named the task {self.task}, which has no tool yet."
            case "new" if self.merged_from is not None:
                said = f"The dispatcher named a new task, {self.merged_from}: another word for {self.task}."
            case "new":
                said = f"The dispatcher named a new task: {self.task}."
            case "none":
                said = "The dispatcher found no task for it."
            case "unsure":
                said = "The dispatcher was not sure."
            case _:
                said = "The dispatcher's reply could not be read."
        return said
