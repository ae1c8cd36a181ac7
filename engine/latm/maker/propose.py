"""Proposing: the maker sees k demonstrations and writes one general function; it must run in a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latm._failures import failure
from latm._reading import Block, defined_functions, parse, python_blocks
from latm._records import Example
from latm.maker._conversation import Conversation
from latm.maker._source import distil
from latm_sandbox import AsyncSandbox, Program, Status

STAGE = "propose"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A function that runs.

    Attributes:
        source: its definitions, without the maker's example usage.
        functions: the functions in it, in order.
    """

    source: str
    functions: tuple[str, ...]


def question_text(demonstrations: Sequence[Example]) -> str:
    """What the maker is asked."""
    shown = "\n\n".join(f"Question: {each.question}\nAnswer: {each.answer}" for each in demonstrations)
    return (
        f"Here are questions of one kind, each with its right answer.\n\n{shown}\n\n"
        "Write one generic Python function that solves every question of this kind, not only these. Take "
        "what a question says as arguments and return what the answer is made of; turning it into the "
        "answer's wording (the letter of an option, say) comes later. Use the standard library only. Reply "
        "with the function, imports included, in one block:\n```python\n```"
    )


async def propose(
    conversation: Conversation, sandbox: AsyncSandbox, demonstrations: Sequence[Example], *, attempts: int
) -> Proposal:
    """Get a function that loads and runs, with at most `attempts` replies.

    Raises:
        MakingFailed: no attempt gave one.
    """
    conversation.say(question_text(demonstrations))
    for number in range(1, attempts + 1):
        reply = await conversation.ask(STAGE, number)
        code, problem = read(reply)
        proposal: Proposal | None = None
        if problem is None:
            # Whole first, with the maker's own example usage: that is where its first faults show.
            outcome = await sandbox.run(Program(code), "")
            problem = None if outcome.status is Status.OK else failure(outcome)
            if problem is None:
                proposal = await definitions(sandbox, code)
        conversation.judge(STAGE, number, reply, problem)
        if proposal is not None:
            return proposal
        conversation.say(f"{problem}\nPlease mend it and reply with the whole function again.")
    raise conversation.failed(STAGE)


def read(reply: str, find: Callable[[str], Sequence[Block]] = python_blocks) -> tuple[str, str | None]:
    """The proposed code, or what keeps it from being read.

    Args:
        reply: the maker's.
        find: finds its blocks of code.
    """
    found = find(reply)
    if not found:
        return "", "The reply holds no fenced Python block."
    parsed = [(block.code, parse(block.code)) for block in found]
    with_functions = [index for index, (_, tree) in enumerate(parsed) if tree and defined_functions(tree)]
    if not with_functions:
        broken = [code for code, tree in parsed if tree is None]
        # The cell says best what is wrong with code that has no valid syntax.
        return (broken[-1], None) if broken else ("", "No block of the reply defines a function.")
    # Of several versions the last one is meant; imports may stand in a block of their own before it.
    chosen = with_functions[-1]
    imports = [
        code
        for code, tree in parsed[:chosen]
        if tree and all(type(node).__name__ in {"Import", "ImportFrom"} for node in tree.body)
    ]
    return "".join([*imports, parsed[chosen][0]]), None


async def definitions(sandbox: AsyncSandbox, code: str) -> Proposal:
    """What stays of proposed code: definitions and what they need, if that loads by itself."""
    tree = parse(code)
    functions = defined_functions(tree) if tree else ()
    kept = distil(code)
    if kept != code:
        outcome = await sandbox.run(Program(kept), "\n".join(functions))
        if outcome.status is not Status.OK:
            kept = code  # the definitions lean on what was cut away
    return Proposal(kept, functions)
