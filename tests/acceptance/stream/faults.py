"""When a scripted model errs, and how: by a hash of what it is asked, whatever the order of the calls."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from latm.plugin import Request

FAULTS: Mapping[str, Sequence[str]] = {
    "dispatcher": ("malformed", "throttled", "unavailable", "unsure", "wrong label"),
    "user": (
        *("malformed", "throttled", "truncated", "ungrounded", "ungrounded", "out of contract"),
        *("failing", "wrong argument"),
    ),
    # A strong model is seldom wrong: one error in ten, and one more is an answer that it refuses to give.
    "fallback": ("throttled",) * 5 + ("unavailable",) * 3 + ("refused", "wrong answer"),
    "maker": ("malformed", "throttled", "unavailable", "wrong function", "wrong function"),
}
"""What may go wrong, by role; as often as it is listed."""

TRANSIENT = ("throttled", "unavailable")
"""These pass: the same request is answered when it is made again."""


class Chance:
    """Numbers that depend on a request and a seed, and on nothing else."""

    def __init__(self, seed: int, role: str, request: Request) -> None:
        turns = [(turn.role, turn.text) for turn in request.messages]
        text = json.dumps([seed, role, request.system, turns])
        self.key = hashlib.sha256(text.encode()).hexdigest()

    def share(self, purpose: str) -> float:
        """From 0 to 1, evenly."""
        return int(hashlib.sha256(f"{self.key}{purpose}".encode()).hexdigest()[:12], 16) / 16**12

    def of(self, choices: Sequence[str], purpose: str) -> str:
        """One of several."""
        return choices[int(self.share(purpose) * len(choices))]

    def fault(self, role: str, rate: float) -> str | None:
        """What goes wrong; None where nothing does."""
        return self.of(FAULTS[role], "which") if self.share("whether") < rate else None


def malformed_decision(chance: Chance, names: Sequence[str]) -> str:
    """A dispatcher's reply that decides nothing."""
    first = names[0] if names else "sorting"
    return chance.of(
        (
            "It looks like one of the tasks above, I would say.",
            f'{{"decision": "{first}", "decision": "none", "task": null}}',
            '{"decision": "a task of my own", "task": null}',
            f"{first}, or perhaps another one",
            "",
        ),
        "malformed",
    )


def malformed_call(chance: Chance, call: str, answer: str) -> str:
    """A user's reply that makes no readable call, though it may know the answer."""
    name = call.partition("(")[0]
    return chance.of(
        (
            f"No need to call anything: the answer is {answer}.",
            f"```python\n{call}\n{name}()\n```",
            f"```python\n{name}(*words)\n```",
            f"```python\nans = {answer!r}\n```",
            f"```python\n{name}(",
        ),
        "malformed",
    )


def outside(chance: Chance, call: str) -> str:
    """A call that the function's contract does not allow."""
    name, _, rest = call.partition("(")
    words = " ".join(re.findall(r"'([^']*)'", call)[:2])
    return chance.of(
        (f"answer_it({rest}", f"{name}({words!r})", f"[{words!r}]", f"{name}()", f"{name}(nothing={{}})"),
        "outside",
    )


def ungrounded(chance: Chance, call: str, answer: str) -> str:
    """A call with something in it that the question does not hold.

    With a sequence of brackets it may be the very answer: the model closes them in the argument.
    """
    tree = ast.parse(call, mode="eval")
    leaf = next((each for each in _arguments(tree) if isinstance(each, ast.Constant)), None)
    if leaf is None:
        return f"{call.partition('(')[0]}(['zyzzyva'])"
    word = str(leaf.value)
    brackets = chance.of((word + answer, f"{word}([", f"<{word}"), "ungrounded")
    leaf.value = brackets if set(word) <= set("()[]{}<>") else "zyzzyva"
    return ast.unparse(tree)


def failing(call: str) -> str:
    """A call with arguments from the question that the function declines."""
    tree = ast.parse(call, mode="eval")
    pair = next((each for each in _arguments(tree) if isinstance(each, ast.Tuple)), None)
    if pair is None:
        return f"{call.partition('(')[0]}(')')"
    pair.elts[1] = ast.Constant("Then")
    return ast.unparse(tree)


def wrong_argument(call: str) -> str:
    """A call with arguments from the question, and a part of them left out."""
    tree = ast.parse(call, mode="eval")
    found = next((each for each in _arguments(tree) if isinstance(each, ast.List) and each.elts), None)
    if found is not None:
        found.elts.pop()
        return ast.unparse(tree)
    leaf = next(each for each in _arguments(tree) if isinstance(each, ast.Constant))
    leaf.value = str(leaf.value)[:-1]
    return ast.unparse(tree)


def _arguments(tree: ast.AST) -> Iterator[ast.AST]:
    """All that stands in the arguments of the call, the outer things first."""
    call = next(each for each in ast.walk(tree) if isinstance(each, ast.Call))
    for argument in call.args:
        yield from ast.walk(argument)
