"""A maker and a user for a task of our own, which follow the formats of docs/reference.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from latm import Example
from latm.plugin import Request

NUMBERS = (
    (3, 1, 2), (10, 20, 31), (4, 5, 6, 31), (7, 7, 8), (100, 1, 0), (8, 9, 1, 3, 5), (2, 2, 3),
    (11, 5, 44, 6), (90, 6, 7),
)  # fmt: skip


def asked(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"What do {', '.join(first)} and {last} add up to?"


# A fifth of the cases that a making tries unless told otherwise, where it is not those that are tested.
QUICK = {"cases": 20}
# With a mark in each answer that stands nowhere else, to see where answers go.
EXAMPLES = tuple(Example(asked(each), f"{sum(each)}000") for each in NUMBERS)
GOOD = (
    "def total(numbers: list[int]) -> int:\n    '''Add numbers up, in thousands.'''\n"
    "    return sum(numbers) * 1000"
)
HOLDS = (
    "@given(numbers=st.lists(st.integers(-9, 99), max_size=6))\ndef test_order(numbers):\n"
    "    assert total(numbers) == total(numbers[::-1])\n"
)
STAGES = {
    "propose": "Write one general Python function",
    "verify": "write one call of the function",
    "properties": "tests for Hypothesis",
    "dispute": "does not hold",
    "opinion": "written from the description",
    "parser": "fixed form",
}


def numbers(text: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", text)]


def call_of(question: str) -> str:
    return f"total({numbers(question)})"


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


def questions_in(text: str) -> Sequence[str]:
    listed = text.partition("questions of this kind.\n\n")[2].partition("\n\nFor each question")[0]
    return [part.removeprefix("Question: ") for part in listed.split("\n\nQuestion: ")]


@dataclass
class Maker:
    """Replies in the given order, by stage; the last one of a stage is said again and again.

    Attributes:
        functions: what it replies with when it is to propose, and when its function is to be mended.
        calls: how it turns a question into a call, by how often it was asked.
        properties: its replies about properties; bare code is fenced.
        parser: its replies about a parser.
        dispute: its replies to counterexamples.
        opinion: its replies where another model's function differs.
        asked: every request that it got.
    """

    functions: Sequence[str] = (GOOD,)
    calls: Sequence[Callable[[str], str]] = (call_of,)
    properties: Sequence[str] = (HOLDS,)
    parser: Sequence[str] = ("none",)
    dispute: Sequence[str] = ("property",)
    opinion: Sequence[str] = ("keep",)
    asked: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> str:
        self.asked.append(request)
        turns = [each.text for each in request.messages if each.role == "user"]
        stage = self._stage(turns[-1])
        so_far = [self._stage(turn) for turn in turns]
        if stage == "verify":
            wanted = next(turn for turn in reversed(turns) if STAGES["verify"] in turn)
            translate = self.calls[min(so_far.count("verify") - 1, len(self.calls) - 1)]
            return fenced("\n".join(translate(each) for each in questions_in(wanted)))
        replies = {
            "propose": self.functions,
            "function": self.functions,
            "properties": self.properties,
            "dispute": self.dispute,
            "opinion": self.opinion,
            "parser": self.parser,
        }[stage]
        number = sum(each in ({"propose", "function"} if stage == "function" else {stage}) for each in so_far)
        reply = replies[min(number - 1, len(replies) - 1)]
        return reply if "```" in reply or "\n" not in reply else fenced(reply)

    def _stage(self, turn: str) -> str:
        for stage, words in STAGES.items():
            if words in turn:
                return stage
        # What a rejected reply is answered with; the words of the stage are not in it.
        if "all calls again" in turn or "all of them again" in turn:
            return "verify" if "If calls are wrong" not in turn or self._calls_first else "function"
        if "all properties again" in turn:
            return "properties"
        if "the one word keep" in turn:
            return "opinion"
        return "parser" if "with both functions" in turn else "function"

    @property
    def _calls_first(self) -> bool:
        return len(self.calls) > 1


def user(request: Request) -> str:
    return fenced(call_of(request.messages[-1].text))
