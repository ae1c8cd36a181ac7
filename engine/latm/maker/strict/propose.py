"""Strict proposing: one typed, data-only function that says what it takes and what it cannot do."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from latm._failures import failure
from latm._reading import code_blocks, parse
from latm._records import Example
from latm.maker._conversation import Conversation
from latm.maker.propose import Proposal, definitions, read
from latm_sandbox import AsyncSandbox, Program, Status

STAGE = "propose"


@dataclass(frozen=True, slots=True)
class Modules:
    """What a program can import beside, and what it lacks of, the standard library.

    Attributes:
        more: modules that are not of the standard library.
        less: public modules of the standard library that the image does not have.
    """

    more: tuple[str, ...]
    less: tuple[str, ...]

    @classmethod
    def of(cls, importable: Iterable[str]) -> Modules:
        """Sort what an image has."""
        found = {name for name in importable if not name.startswith("_")}
        standard = {name for name in sys.stdlib_module_names if not name.startswith("_")}
        return cls(tuple(sorted(found - standard)), tuple(sorted((standard - found) & _WANTED)))

    def __str__(self) -> str:
        """As a part of a prompt."""
        more = f" and {', '.join(self.more)}" if self.more else ""
        less = f" (not {', '.join(self.less)})" if self.less else ""
        return f"the standard library{less}{more}"


# Those that a function of data may well want; that there is no tkinter in a cell surprises nobody.
_COMMON = (
    "array bisect calendar cmath collections copy csv ctypes dataclasses datetime decimal difflib enum "
    "fractions functools heapq itertools json math numbers operator re statistics string textwrap typing "
    "unicodedata zoneinfo"
)
_WANTED = frozenset(_COMMON.split())


def question_text(demonstrations: Sequence[Example], modules: Modules) -> str:
    """What the maker is asked first."""
    shown = "\n\n".join(f"Question: {each.question}\nAnswer: {each.answer}" for each in demonstrations)
    return (
        f"Here are questions of one kind, each with its right answer.\n\n{shown}\n\n"
        "Write one general Python function that answers every question of this kind, not only these.\n"
        "- Its arguments are plain data taken from a question (text, numbers, lists, dicts), with type "
        "hints; it returns the answer as plain data. It reads no question text itself.\n"
        "- Its docstring says what each argument holds and, under `Raises:`, which errors it raises for "
        "what it cannot answer. It never returns a text that describes an error.\n"
        "- The same arguments always give the same value: no randomness, no clock, no files, no network.\n"
        f"- It imports only from {modules}.\n"
        "Reply with the function, imports included, in one block:\n```python\n```"
    )


def mending(problem: str) -> str:
    """What the maker is told of a function that does not run."""
    return f"{problem}\nPlease mend it and reply with the whole function again, in one Python block."


async def propose(
    conversation: Conversation,
    cells: AsyncSandbox,
    demonstrations: Sequence[Example],
    *,
    modules: Modules,
    attempts: int,
) -> Proposal:
    """Get a function that loads, with at most `attempts` replies.

    Raises:
        MakingFailed: no attempt gave one.
    """
    conversation.say(question_text(demonstrations, modules))
    for number in range(1, attempts + 1):
        reply = await conversation.ask(STAGE, number)
        proposal, problem = await load(cells, reply)
        conversation.judge(STAGE, number, reply, problem)
        if proposal is not None:
            return proposal
        conversation.say(mending(str(problem)))
    raise conversation.failed(STAGE)


async def load(cells: AsyncSandbox, reply: str) -> tuple[Proposal | None, str | None]:
    """The function that a reply holds, loaded once in a cell; or what is wrong with it."""
    code, problem = read(reply, code_blocks)
    if problem is None:
        # Whole first, with the maker's own example usage: that is where its first faults show.
        outcome = await cells.run(Program(code), "")
        problem = None if outcome.status is Status.OK else failure(outcome)
    if problem is not None:
        return None, problem
    proposal = await definitions(cells, code)
    problem = _unfit(proposal)
    return (None, problem) if problem is not None else (proposal, None)


def _unfit(proposal: Proposal) -> str | None:
    tree = parse(proposal.source)
    for node in tree.body if tree else ():
        if isinstance(node, ast.AsyncFunctionDef):
            return f"The function {node.name} is async: write it with a plain def."
    return None
