"""One use of a tool: a reply, its run, and one more of each where that failed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import final

from latm._ledger import Ledger
from latm._records import Tool
from latm._roles import Purpose, Roles
from latm.errors import Refused, Truncated
from latm.plugin import Message, Reply, Request
from latm.sdk import plain
from latm.user._calling import Calling
from latm.user._coding import Coding
from latm.user._tries import Style, Tried, Use
from latm_sandbox import AsyncSandbox, Outcome

TRIES = 2
"""One try, and one more with the error shown."""

_NOTHING = "(nothing)"


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
        which = f"{tool.name} version {tool.version}"
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
                trace.append(f"Try {number} with {which} failed: {error}")
                if not style.patient:
                    break
                turns += [_partial(error.reply), _again(f"There was no whole reply: {error}", style)]
                continue
            tried = await style.attempt(reply)
            outcome = outcome if tried.outcome is None else tried.outcome
            if tried.problem is None:
                trace.append(_told(tried, which, number))
                return Use(
                    text=tried.text,
                    value=tried.value,
                    outcome=outcome,
                    trace=tuple(trace),
                    abstained=tried.declined is not None,
                )
            trace.append(f"Try {number} with {which} failed: {tried.problem.splitlines()[0]}")
            turns += [_said(reply), _again(tried.problem, style)]
        return Use(text=None, outcome=outcome, trace=tuple(trace))

    def _style(self, tool: Tool, question: str) -> Style:
        if tool.call_style == "call":
            return Calling.of(tool=tool, question=question, sandbox=self.sandbox)
        return Coding(tool=tool, question=question, sandbox=self.sandbox)


def _told(tried: Tried, which: str, number: int) -> str:
    if tried.declined is not None:
        return f"{which} declined at try {number}: {tried.declined}"
    return f"{which} gave the answer at try {number}."


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
