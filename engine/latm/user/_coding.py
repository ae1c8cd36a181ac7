"""``call_style="code"``: the user's last Python block runs after the tool's source and sets ``ans``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from latm._answers import answer_type
from latm._failures import failure
from latm._reading import bound_names, defined_functions, parse, python_blocks
from latm._records import Tool
from latm.plugin import Function, Reply
from latm.user._tries import Tried
from latm_sandbox import AsyncSandbox, Status


@final
@dataclass(frozen=True, kw_only=True)
class Coding:
    """Uses one tool for one question by code.

    Attributes:
        tool: whose source the code runs after.
        question: what is asked.
        sandbox: where it runs.
    """

    tool: Tool
    question: str
    sandbox: AsyncSandbox
    functions: tuple[Function, ...] = ()
    again: str = "Please reply with the mended code for the same question."
    patient: bool = False

    @property
    def system(self) -> str:
        """The function and its demonstrations."""
        return card(self.tool)

    async def attempt(self, reply: Reply) -> Tried:
        """Run the reply's code."""
        code, problem = read(reply.text, self.tool)
        if problem is not None:
            return Tried(kind="unreadable", problem=problem)
        outcome = await self.sandbox.run(self.tool.program, code, want=("ans",))
        if outcome.status is not Status.OK:
            return Tried(kind="failed", outcome=outcome, problem=failure(outcome))
        value = outcome.values["ans"]
        try:
            text = answer_type(self.tool.answer_type).render(value, self.question)
        except ValueError as error:
            problem = f"The value of ans cannot be written as an answer: {error}"
            return Tried(kind="failed", outcome=outcome, problem=problem)
        return Tried(text=text, value=value, outcome=outcome)


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
