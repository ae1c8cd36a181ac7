"""One use of a tool: by a model's reply and one more where that failed, by a known call, or by a parser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from latm._ledger import Ledger
from latm._literals import LiteralCall, Unreadable, read_call
from latm._records import Tool
from latm._roles import Purpose, Roles
from latm._signature import misfit, to_call
from latm.errors import ConfigError, Refused, Truncated
from latm.plugin import Message, Reply, Request
from latm.sdk import plain
from latm.user._calling import Calling, make, picks
from latm.user._coding import Coding
from latm.user._fitting import misshapen
from latm.user._functions import signature_in
from latm.user._parsing import try_parser
from latm.user._tries import Style, Tried, Use
from latm_sandbox import AsyncSandbox, Outcome

TRIES = 2
"""One try, and one more with the error shown."""

_NOTHING = "(nothing)"
_SHOWN = 80


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
    _unsound: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]], init=False, repr=False)
    """Parsers, each behind its tool's source, that ran into a limit: each further try would cost as much."""

    async def use(
        self,
        tool: Tool,
        question: str,
        *,
        run: str,
        bill: Ledger,
        step: str = "use",
        resumable: bool = False,
    ) -> Use:
        """Answer a question by a tool.

        Each try runs in a fresh state: an ``ans`` that the reply did not set is never an older one.

        Args:
            tool: need not be stored.
            question: the last message of the first request, and nothing else.
            run: the question or making that the replies belong to.
            bill: what they cost.
            step: where in the run; each try adds its number.
            resumable: whether replies that an earlier process paid for may be used.
        """
        role = await self.roles.get("user")
        style = self._style(tool, question)
        turns = [Message("user", question)]
        outcome: Outcome | None = None
        trace: list[str] = []
        tried = Tried(kind="unreadable")
        for number in range(1, TRIES + 1):
            purpose = Purpose(
                run=run,
                step=f"{step}/{number}",
                bill=bill,
                task=tool.name,
                tool=tool.name,
                resumable=resumable,
            )
            request = Request(messages=tuple(turns), system=style.system, functions=style.functions)
            try:
                reply = await role.complete(request, purpose)
            except (Refused, Truncated) as error:
                # The model had its say, and it was no call: that is a failed try, not a failed question.
                tried = Tried(kind="unreadable", problem=str(error))
                trace.append(f"Try {number} with {_which(tool)} failed: {error}")
                if not style.patient:
                    break
                turns += [_partial(error.reply), _again(f"There was no whole reply: {error}", style)]
                continue
            tried = await style.attempt(reply)
            outcome = outcome if tried.outcome is None else tried.outcome
            trace.append(_told(tried, _which(tool), f"at try {number}", f"Try {number} with"))
            if tried.kind in {"answered", "declined"}:
                break
            turns += [_said(reply), _again(str(tried.problem), style)]
        return tried.use(trace, outcome)

    async def call(self, tool: Tool, call: str, question: str) -> Use:
        """Answer a question by a call that is known to be right for it. No model is asked.

        Args:
            tool: that the call is of, as `Use.call` gave it.
            call: one call with literal arguments.
            question: that it was made for; its options say how the value is written.

        Raises:
            SandboxError: no cell could be had.
        """
        signature = signature_in(tool.source, tool.function)
        try:
            made = read_call(call, (tool.function,))
            problem = misfit(signature, made)
        except Unreadable as error:
            made, problem = LiteralCall(tool.function), str(error)
        if problem is None:
            tried = await make(made, tool=tool, question=question, sandbox=self.sandbox)
        else:
            problem = f"{call[:_SHOWN]!r} is no call of {tool.function}: {problem}"
            tried = Tried(kind="unreadable", problem=problem)
        return tried.use([_told(tried, _which(tool), "by a known call", "A known call of")])

    async def apply(self, tool: Tool, arguments: Mapping[str, object]) -> Outcome:
        """Call a tool's function with arguments of the caller's own. No model is asked, and nothing rendered.

        Args:
            tool: whose function is called.
            arguments: by name, as JSON has them: a list stands for a tuple or a set where the function's hint
                says so.

        Raises:
            ConfigError: the function does not take these arguments; says which, and why.
            SandboxError: no cell could be had.
        """
        try:
            call = to_call(signature_in(tool.source, tool.function), arguments)
        except Unreadable as error:
            raise ConfigError(str(error), where="arguments") from None
        if (problem := misshapen(tool, call)) is not None:
            raise ConfigError(problem[:1].lower() + problem[1:], where="arguments")
        return await self.sandbox.apply(tool.program, call.args, call.kwargs)

    async def parse(self, tool: Tool, question: str) -> Use | None:
        """Answer a question by the parser that came with a tool. No model is asked.

        The parser has to take the whole question, and to put it together again from what it found.

        Args:
            tool: whose parser is asked.
            question: one that may be of another kind.

        Returns:
            What the function gave; None where the tool has no parser, or it does not take the question.

        Raises:
            SandboxError: no cell could be had.
        """
        if tool.parser is None or (tool.source, tool.parser) in self._unsound or picks(tool):
            return None
        parsed = await try_parser(tool, tool.parser, question, self.sandbox)
        if not parsed.sound:
            self._unsound.add((tool.source, tool.parser))
        tried = parsed.tried
        return (
            None
            if tried is None
            else tried.use([_told(tried, _which(tool), "by its parser", "The parser of")])
        )

    def _style(self, tool: Tool, question: str) -> Style:
        if tool.call_style == "call":
            return Calling.of(tool=tool, question=question, sandbox=self.sandbox)
        return Coding(tool=tool, question=question, sandbox=self.sandbox)


def _which(tool: Tool) -> str:
    return f"{tool.name} version {tool.version}"


def _told(tried: Tried, which: str, how: str, start: str) -> str:
    if tried.kind == "answered":
        return f"{which} gave the answer {how}."
    first = str(tried.problem).partition("\n")[0]
    return (
        f"{which} declined {how}: {first}" if tried.kind == "declined" else f"{start} {which} failed: {first}"
    )


def _again(problem: str, style: Style) -> Message:
    return Message("user", f"{problem}\n{style.again}")


def _said(reply: Reply) -> Message:
    """The model's turn as text; services take no empty one, nor a call without its result."""
    calls = [f"{call.name}({json.dumps(plain(call.arguments), default=str)})" for call in reply.calls]
    text = "\n".join([*([reply.text] if reply.text.strip() else []), *calls])
    return Message("assistant", text or _NOTHING, metadata=reply.metadata)


def _partial(reply: Reply | None) -> Message:
    # Without its metadata: half a turn is nothing that a service wants to see again.
    text = "" if reply is None else reply.text
    return Message("assistant", text if text.strip() else _NOTHING)
