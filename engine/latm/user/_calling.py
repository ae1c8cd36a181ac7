"""``call_style="call"``: the user replies with one literal call of the tool's function.

Its value, or the part of it that the call chooses, is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

from latm._answers import answer_type
from latm._failures import failure
from latm._literals import LiteralCall, Unreadable, read_call
from latm._records import Tool
from latm._signature import Signature, contract_of, json_schema
from latm._threads import in_thread
from latm.plugin import Function, Reply
from latm.user._fitting import hollow, misshapen
from latm.user._functions import Kept, signature_in
from latm.user._grounding import ungrounded
from latm.user._replies import read
from latm.user._tries import Tried
from latm_sandbox import AsyncSandbox, Outcome, Status

_LONGEST_DESCRIPTION = 1024  # characters; what services take
_SHOWN = 300
_LONG = 20_000  # characters of a question that it takes some 40 ms to go through


@final
@dataclass(frozen=True, kw_only=True)
class Calling:
    """Uses one tool for one question by one call.

    Attributes:
        tool: whose function is called.
        question: what is asked.
        sandbox: where it runs.
        signature: of the function.
        functions: the function, where it can be called natively and its whole value is the answer.
        system: the contract and its demonstrations; the question travels as a message alone.
    """

    tool: Tool
    question: str
    sandbox: AsyncSandbox
    signature: Signature
    functions: tuple[Function, ...]
    system: str
    patient: bool = True

    @classmethod
    def of(cls, *, tool: Tool, question: str, sandbox: AsyncSandbox) -> Calling:
        """What a tool's source says of the function."""
        signature, functions, system = _offer(Kept(tool))
        return cls(
            tool=tool,
            question=question,
            sandbox=sandbox,
            signature=signature,
            functions=functions,
            system=system,
        )

    @property
    def again(self) -> str:
        """What the second reply has to be."""
        return f"Please reply with one mended call of {self.tool.function} for the same question."

    async def attempt(self, reply: Reply) -> Tried:
        """Make the reply's call in a cell, if what it says comes from the question."""
        try:
            call = read(reply, self.signature, native=bool(self.functions))
        except Unreadable as error:
            unread = f"No call of {self.tool.function} can be read: {error}."
            return Tried(kind="unreadable", problem=unread)
        if (problem := misshapen(self.tool, call)) is not None:
            return Tried(kind="unreadable", problem=f"{problem}.")
        if (problem := await self._ungrounded(call)) is not None:
            return Tried(kind="ungrounded", problem=f"{problem}.")
        tried = await make(call, tool=self.tool, question=self.question, sandbox=self.sandbox)
        if tried.kind == "answered" and (problem := hollow(self.tool, call)) is not None:
            # The function may decline it; what it answers to nothing is no answer to the question.
            return Tried(kind="ungrounded", outcome=tried.outcome, problem=f"{problem}.")
        return tried

    async def _ungrounded(self, call: LiteralCall) -> str | None:
        if len(self.question) < _LONG:
            return ungrounded(self.tool, call, self.question)
        return await in_thread(ungrounded, self.tool, call, self.question)


async def make(call: LiteralCall, *, tool: Tool, question: str, sandbox: AsyncSandbox) -> Tried:
    """Make a call of a tool's function in a cell, and render what it gives.

    Args:
        call: whose arguments the function takes.
        tool: whose function it is.
        question: that it is made for; options are named by what it lists.
        sandbox: where it runs.

    Raises:
        SandboxError: no cell could be had.
    """
    return judged(
        await sandbox.apply(tool.program, call.args, call.kwargs), call, tool=tool, question=question
    )


def judged(outcome: Outcome, call: LiteralCall, *, tool: Tool, question: str) -> Tried:
    """What a run of a call comes to."""
    if _declined(outcome, signature_in(tool.source, tool.function)):
        return Tried(kind="declined", outcome=outcome, problem=_cut(str(outcome.error)))
    if outcome.status is not Status.OK:
        return Tried(kind="failed", outcome=outcome, problem=_failed(call, outcome))
    try:
        value = call.pick(outcome.value)
        text = answer_type(tool.answer_type).render(value, question)
    except ValueError as error:  # an Unreadable too
        problem = f"The value of {_cut(str(call))} is no answer: {error}"
        return Tried(kind="failed", outcome=outcome, problem=problem)
    return Tried(text=text, value=value, call=str(call), outcome=outcome)


def _declined(outcome: Outcome, signature: Signature) -> bool:
    """Whether the function raised what it declares; arguments that do not bind raise outside of it."""
    error = outcome.error
    if outcome.status is not Status.ERROR or error is None or error.line is None:
        return False
    return error.type in signature.declared


@lru_cache(maxsize=256)
def _offer(kept: Kept) -> tuple[Signature, tuple[Function, ...], str]:
    """What a model is offered of a tool, the same for all questions."""
    signature = signature_in(kept.tool.source, kept.tool.function)
    functions = _functions(kept.tool, signature)
    return signature, functions, card(kept.tool, signature, native=bool(functions))


def _functions(tool: Tool, signature: Signature) -> tuple[Function, ...]:
    schema = json_schema(signature)
    if schema is None or picks(tool):
        return ()
    said = signature.docstring or tool.contract
    return (Function(name=tool.function, description=said[:_LONGEST_DESCRIPTION], parameters=schema),)


def card(tool: Tool, signature: Signature, *, native: bool) -> str:
    """The system prompt: what the function takes and gives, and how questions became calls of it."""
    contract = tool.contract or contract_of(tool.source, tool.function)
    if not signature.docstring:
        contract = tool.source.rstrip()
    parts = [
        (
            "A Python function answers one kind of question. Turn the user's question into one call of it; "
            "the function computes the answer, not you."
        ),
        f"The function:\n```python\n{contract}\n```",
    ]
    unsaid = [name for name in signature.declared if name not in contract]
    if unsaid:
        parts.append(f"It raises {', '.join(unsaid)} where it cannot answer.")
    parts += [
        f"Question: {each.question}\nCall:\n```python\n{each.code.rstrip()}\n```"
        for each in tool.demonstrations
    ]
    way = "Call the function, or reply with" if native else "Reply with"
    parts.append(
        f"{way} one Python block that holds one call of {tool.function} and nothing else. Take its arguments "
        "from the question and write them out as literals: no variables, no expressions."
    )
    return "\n\n".join(parts)


def picks(tool: Tool) -> bool:
    """Whether a demonstration takes a part of the function's value, which arguments alone cannot say."""
    return any(_picks(each.code, tool.function) for each in tool.demonstrations)


@lru_cache(maxsize=1024)
def _picks(code: str, function: str) -> bool:
    try:
        return bool(read_call(code, (function,)).picks)
    except Unreadable:
        return True


def _failed(call: LiteralCall, outcome: Outcome) -> str:
    # Without the traceback: the model sees the contract, and not the source.
    if outcome.status is Status.ERROR and outcome.error is not None:
        return f"{_cut(str(call))} failed with the error {_cut(str(outcome.error))}"
    return f"{_cut(str(call))}: {failure(outcome)}"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
