"""Verification, as published: the maker writes asserts for questions with known answers; they must hold.

Only these calls are mended here, never the function (arXiv 2305.17126, section 3.1).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from latm._failures import failure
from latm._reading import bound_names, called_names, parse, python_blocks
from latm._records import Example
from latm.maker._conversation import Conversation
from latm.maker.propose import Proposal
from latm_sandbox import AsyncSandbox, Program, Status

STAGE = "verify"


@dataclass(frozen=True, slots=True)
class Verification:
    """Asserts that hold.

    Attributes:
        code: the maker's test code.
        function: the function that it calls.
    """

    code: str
    function: str


def question_text(validation: Sequence[Example]) -> str:
    """What the maker is asked."""
    shown = "\n\n".join(f"Question: {each.question}\nAnswer: {each.answer}" for each in validation)
    return (
        f"The function runs. Here are further questions of the same kind with their answers.\n\n{shown}\n\n"
        "Test the function on each of them. Do not repeat the function; for each question write, in one "
        "Python block:\n"
        "1. the arguments, taken from the question;\n"
        "2. the call, its value kept in a variable named `ret`;\n"
        "3. the answer made of `ret` (for a multiple choice question, the option), in a variable named "
        "`ans`;\n"
        "4. `assert ans == ...` with the right answer."
    )


async def verify(
    conversation: Conversation,
    sandbox: AsyncSandbox,
    proposal: Proposal,
    validation: Sequence[Example],
    *,
    attempts: int,
) -> Verification:
    """Get test code that passes, with at most `attempts` replies.

    Raises:
        MakingFailed: no attempt passed.
    """
    conversation.say(question_text(validation))
    for number in range(1, attempts + 1):
        reply = await conversation.ask(STAGE, number)
        code, problem = read(reply, proposal)
        if problem is None:
            outcome = await sandbox.run(Program(proposal.source), code)
            problem = None if outcome.status is Status.OK else failure(outcome)
        conversation.judge(STAGE, number, reply, problem)
        if problem is None:
            return Verification(code, _function(code, proposal))
        conversation.say(f"{problem}\nPlease mend the tests, not the function, and reply with all of them.")
    raise conversation.failed(STAGE)


def read(reply: str, proposal: Proposal) -> tuple[str, str | None]:
    """The test code, or what keeps it from being read."""
    found = python_blocks(reply)
    if not found:
        return "", "The reply holds no fenced Python block."
    code = "\n".join(block.code for block in found)
    tree = parse(code)
    if tree is None:
        return code, None  # the cell says best what is wrong with it
    return code, _idle(tree, proposal)


def _idle(tree: ast.Module, proposal: Proposal) -> str | None:
    """Why tests would prove nothing, if they would not."""
    if again := sorted(bound_names(tree) & set(proposal.functions)):
        return f"The tests define {again[0]} anew; they must call the function as it was proposed."
    if not any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
        return "The tests hold no assert statement."
    if name := _never_called(tree):
        return f"The asserts in {name} never run: call it, or write them outside of a function."
    if not set(called_names(tree)) & set(proposal.functions):
        return f"The tests never call {' or '.join(proposal.functions)}."
    return None


def _never_called(tree: ast.Module) -> str | None:
    """The name of a function that holds asserts and that nothing calls, if there is one."""
    called = set(called_names(tree))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in functions:
        if node.name not in called and any(isinstance(part, ast.Assert) for part in ast.walk(node)):
            return node.name
    return None


def _function(code: str, proposal: Proposal) -> str:
    tree = parse(code)
    called = called_names(tree) if tree else ()
    return next((name for name in called if name in proposal.functions), proposal.functions[-1])
