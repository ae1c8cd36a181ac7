"""``call_style="call"``: the user replies with one literal call of the tool's function.

Its value, or the part of it that the call chooses, is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from latm._answers import answer_type
from latm._failures import failure
from latm._literals import LiteralCall, Unreadable, read_call
from latm._records import Tool
from latm._signature import Parameter, Signature, contract_of, json_schema, signature_of
from latm.plugin import Function, Reply
from latm.user._replies import read
from latm.user._tries import Tried
from latm_sandbox import AsyncSandbox, Outcome, Status

_LONGEST_DESCRIPTION = 1024  # characters; what services take
_SHOWN = 300


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
        signature = _signature(tool)
        functions = _functions(tool, signature)
        return cls(
            tool=tool,
            question=question,
            sandbox=sandbox,
            signature=signature,
            functions=functions,
            system=card(tool, signature, native=bool(functions)),
        )

    @property
    def again(self) -> str:
        """What the second reply has to be."""
        return f"Please reply with one mended call of {self.tool.function} for the same question."

    async def attempt(self, reply: Reply) -> Tried:
        """Make the reply's call in a cell."""
        try:
            call = read(reply, self.signature, native=bool(self.functions))
        except Unreadable as error:
            return Tried(problem=f"No call of {self.tool.function} can be read: {error}.")
        outcome = await self.sandbox.apply(self.tool.program, call.args, call.kwargs)
        if self._declined(outcome):
            return Tried(outcome=outcome, declined=_cut(str(outcome.error)))
        if outcome.status is not Status.OK:
            return Tried(outcome=outcome, problem=_failed(call, outcome))
        try:
            value = call.pick(outcome.value)
            text = answer_type(self.tool.answer_type).render(value, self.question)
        except ValueError as error:  # an Unreadable too
            problem = f"The value of {_cut(str(call))} is no answer: {error}"
            return Tried(outcome=outcome, problem=problem)
        return Tried(text=text, value=value, outcome=outcome)

    def _declined(self, outcome: Outcome) -> bool:
        """Whether the function raised what it declares; arguments that do not bind raise outside of it."""
        error = outcome.error
        if outcome.status is not Status.ERROR or error is None or error.line is None:
            return False
        return error.type in self.signature.declared


def _signature(tool: Tool) -> Signature:
    """The function's; one that takes anything where the source does not say."""
    anything = (Parameter("args", place="args"), Parameter("kwargs", place="kwargs"))
    found = signature_of(tool.source, tool.function)
    return Signature(tool.function, anything) if found is None else found


def _functions(tool: Tool, signature: Signature) -> tuple[Function, ...]:
    schema = json_schema(signature)
    if schema is None or any(_picks(each.code, tool.function) for each in tool.demonstrations):
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


def _picks(code: str, function: str) -> bool:
    """Whether a demonstration takes a part of the function's value, which no native call can say."""
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
