"""The exam: the user model answers, with the tool, examples that nobody has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latm._answers import AnswerType
from latm._records import Example, Tool
from latm.maker._conversation import Conversation
from latm.user import Use, User

STAGE = "exam"
_FEW = 5
_MANY_PASS = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """How it went.

    Attributes:
        model: the user's.
        right: questions with the right answer.
        asked: questions in all.
        threshold: the share that has to be right.
        wrong: the others, each with what was given (the answer, or why there was none) and the known answer.
    """

    model: str
    right: int
    asked: int
    threshold: float
    wrong: tuple[tuple[str, str, str], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether enough were right."""
        return self.right >= self.threshold * self.asked

    @property
    def bound(self) -> float:
        """With 95 % confidence the error is below this, if nothing was wrong: 3/n (the rule of three)."""
        return 3 / self.asked

    def __str__(self) -> str:
        """For a reader."""
        score = f"{self.right} of {self.asked} unseen questions were answered rightly"
        if not self.wrong and self.bound >= 1:
            return f"{score}; so few bound no error (3/n is {self.bound:.0%})."
        if not self.wrong:
            return f"{score}; the error is below {self.bound:.0%} with 95 % confidence (3/n)."
        given = "; ".join(f"{question[:80]!r}: {gave} for {known!r}" for question, gave, known in self.wrong)
        return f"{score}, {self.threshold:.0%} are needed. Wrong: {given}"


async def exam(
    conversation: Conversation,
    user: User,
    tool: Tool,
    examples: Sequence[Example],
    *,
    answers: AnswerType,
    threshold: float | None,
) -> Exam:
    """Hold it.

    Args:
        conversation: whose run and bill the user model's replies belong to.
        user: the user.
        tool: what is to be examined, not stored yet.
        examples: neither the maker nor the function has met them.
        answers: how answers compare.
        threshold: the share that has to be right; None means all of up to 5, else 95 %.
    """
    share = threshold if threshold is not None else 1.0 if len(examples) <= _FEW else _MANY_PASS
    wrong: list[tuple[str, str, str]] = []
    for number, example in enumerate(examples, 1):
        conversation.check(STAGE)
        use = await user.use(
            tool,
            example.question,
            run=conversation.run,
            bill=conversation.bill,
            step=f"{STAGE}/{number}",
            resumable=True,
        )
        if not _is_right(use, example, answers):
            gave = repr(use.text) if use.text is not None else f"no answer ({use.kind}: {use.reason})"
            wrong.append((example.question, gave, example.answer))
    role = await user.roles.get("user")
    return Exam(
        model=role.model,
        right=len(examples) - len(wrong),
        asked=len(examples),
        threshold=share,
        wrong=tuple(wrong),
    )


def _is_right(use: Use, example: Example, answers: AnswerType) -> bool:
    if use.text is None:
        return False
    try:
        # The value and not its text: a caller's comparison is told what the function returned.
        return answers.same(use.value, example.answer, example.question)
    except ValueError:
        return False
