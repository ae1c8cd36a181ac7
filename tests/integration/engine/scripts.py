"""Scripted models for a task of our own: adding up numbers. They see the request and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from latm import Example
from latm.plugin import Request

EXAMPLES = tuple(
    Example(f"What do {a}, {b} and {c} add up to?", str(a + b + c))
    for a, b, c in ((1, 2, 3), (10, 20, 30), (4, 5, 6), (7, 7, 7), (100, 1, 0), (8, 9, 1), (2, 2, 2))
)
GOOD = "```python\ndef total(numbers):\n    '''Add numbers up.'''\n    return sum(numbers)\n```"


def numbers(text: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", text)]


def asserts_for(text: str, offset: int) -> str:
    lines: list[str] = []
    for question, answer in re.findall(r"Question: (.+)\nAnswer: (.+)", text):
        lines += [
            f"ret = total({numbers(question)})",
            "ans = str(ret)",
            f"assert ans == '{int(answer) + offset}'",
        ]
    return "```python\n" + "\n".join(lines) + "\n```"


def wrapping_for(text: str) -> str:
    return "\n\n".join(
        f"Question: {question}\nSolution:\n```python\nret = total({numbers(question)})\nans = str(ret)\n```"
        for question in re.findall(r"^Question: (What.+)$", text, re.MULTILINE)
    )


def maker(
    *, proposals: tuple[str, ...] = (GOOD,), offsets: tuple[int, ...] = (0,)
) -> Callable[[Request], str]:
    """A maker whose proposals and asserts come in the given order; which is due it reads from the request."""

    def reply(request: Request) -> str:
        asked = [turn.text for turn in request.messages if turn.role == "user"]
        starts = {
            "verify": next((n for n, text in enumerate(asked) if "Test the function" in text), None),
            "wrap": next((n for n, text in enumerate(asked) if "All tests pass" in text), None),
        }
        last = len(asked) - 1
        if starts["wrap"] is not None:
            return wrapping_for(asked[starts["wrap"]])
        if (start := starts["verify"]) is not None:
            return asserts_for(asked[start], offsets[min(last - start, len(offsets) - 1)])
        return proposals[min(last, len(proposals) - 1)]

    return reply


def user(request: Request) -> str:
    return f"```python\nret = total({numbers(request.messages[-1].text)})\nans = str(ret)\n```"


def dispatcher(request: Request) -> str:
    question = request.messages[-1].text
    assert request.response_schema is not None
    names = request.response_schema["properties"]["decision"]["enum"]  # type: ignore[index]
    if "add up" not in question:
        return json.dumps({"decision": "none", "task": None})
    if "adding" in names:
        return json.dumps({"decision": "adding", "task": None})
    return json.dumps({"decision": "new-task", "task": "Adding"})


def strong(request: Request) -> str:
    question = request.messages[-1].text
    found = numbers(question)
    return f"Let me see.\nAnswer: {sum(found)}" if "add up" in question else "Paris"
