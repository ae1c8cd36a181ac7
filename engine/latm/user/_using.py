"""``call_style="code"``: the user's last Python block runs after the tool's source and sets ``ans``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from latm._answers import answer_type
from latm._failures import failure
from latm._ledger import Ledger
from latm._reading import bound_names, defined_functions, parse, python_blocks
from latm._records import Tool
from latm._roles import Purpose, Roles
from latm.errors import Refused, Truncated
from latm.plugin import Message, Request
from latm_sandbox import AsyncSandbox, Outcome, Status

TRIES = 2
"""One try, and one more with the error shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What came of using a tool.

    Attributes:
        text: the answer, rendered by the tool's answer type; None where the tool gave none.
        outcome: the last run in a cell; None where no reply could be run.
        trace: what happened, one sentence each.
    """

    text: str | None
    outcome: Outcome | None
    trace: tuple[str, ...]


@final
@dataclass(frozen=True, kw_only=True)
class User:
    """Uses tools.

    Attributes:
        roles: where the user's model is found.
        sandbox: where the calls run.
    """

    roles: Roles
    sandbox: AsyncSandbox

    async def use(self, tool: Tool, question: str, *, run: str, bill: Ledger) -> Use:
        """Answer a question by a tool.

        Each try runs in a fresh state: an ``ans`` that the reply did not set is never an older one.
        """
        role = await self.roles.get("user")
        turns = [Message("user", question)]
        outcome: Outcome | None = None
        trace: list[str] = []
        for number in range(1, TRIES + 1):
            purpose = Purpose(run=run, step=f"use/{number}", bill=bill, task=tool.name, tool=tool.name)
            try:
                reply = await role.complete(Request(messages=tuple(turns), system=card(tool)), purpose)
            except (Refused, Truncated) as error:
                # The model had its say, and it was no call: that is a failed try, not a failed question.
                trace.append(f"Try {number} with {tool.name} version {tool.version} failed: {error}")
                break
            code, problem = read(reply.text, tool)
            if problem is None:
                outcome = await self.sandbox.run(tool.program, code, want=("ans",))
                text, problem = _answer(tool, outcome, question)
                if text is not None:
                    trace.append(f"{tool.name} version {tool.version} gave the answer at try {number}.")
                    return Use(text=text, outcome=outcome, trace=tuple(trace))
            trace.append(
                f"Try {number} with {tool.name} version {tool.version} failed: {str(problem).splitlines()[0]}"
            )
            turns += [
                Message("assistant", reply.text, metadata=reply.metadata),
                Message("user", f"{problem}\nPlease reply with the mended code for the same question."),
            ]
        return Use(text=None, outcome=outcome, trace=tuple(trace))


def _answer(tool: Tool, outcome: Outcome, question: str) -> tuple[str | None, str | None]:
    """The answer's text, or what kept the run from giving one."""
    if outcome.status is not Status.OK:
        return None, failure(outcome)
    try:
        return answer_type(tool.answer_type).render(outcome.values["ans"], question), None
    except ValueError as error:
        return None, f"The value of ans cannot be written as an answer: {error}"


def card(tool: Tool) -> str:
    """The system prompt: the function and its demonstrations. The question travels as a message alone."""
    shown = "\n\n".join(
        f"Question: {each.question}\nSolution:\n```python\n{each.code.rstrip()}\n```"
        for each in tool.demonstrations
    )
    return (
        "A Python function answers one kind of question. Turn the user's question into a call of it; the "
        "function computes the answer, not you.\n\n"
        f"The function:\n```python\n{tool.source.rstrip()}\n```\n\n{shown}\n\n"
        f"Reply in the same way with one Python block that takes the arguments for {tool.function} from the "
        "question, calls it, and sets `ans` to the answer. Do not repeat the function."
    )


def read(reply: str, tool: Tool) -> tuple[str, str | None]:
    """The code to run, or what keeps it from being run."""
    found = python_blocks(reply)
    if not found:
        return "", "The reply holds no fenced Python block."
    code = found[-1].code
    tree = parse(code)
    source = parse(tool.source)
    if tree is not None and source is not None:
        again = sorted(bound_names(tree) & set(defined_functions(source)))
        if again:
            return code, f"The code defines {again[0]} anew; it must call the function as it is."
    return code, None
