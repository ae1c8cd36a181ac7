"""The strong model answers what no tool can."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

from latm._ledger import Ledger
from latm._roles import Purpose, Roles
from latm.plugin import Message, Request

SYSTEM = (
    "Answer the question. Think as long as you need; then give the final answer alone on the last line, as "
    "`Answer: ...`, worded as the question asks for it (for multiple choice the letter in parentheses)."
)
_FINAL_ANSWER = re.compile(r"^[ \t*]*Answer[ \t*]*:[\s*]*(\S.*?)[ \t*]*$", re.MULTILINE | re.IGNORECASE)


@final
@dataclass(frozen=True, kw_only=True)
class Fallback:
    """Answers questions without a tool.

    Attributes:
        roles: where the fallback's model is found.
    """

    roles: Roles

    async def answer(self, question: str, *, task: str | None, run: str, bill: Ledger) -> tuple[str, str]:
        """The final answer, and which model gave it."""
        role = await self.roles.get("fallback")
        request = Request(messages=(Message("user", question),), system=SYSTEM)
        reply = await role.complete(request, Purpose(run=run, step="fallback", bill=bill, task=task))
        finals = _FINAL_ANSWER.findall(reply.text)
        return (str(finals[-1]) if finals else reply.text.strip()), role.model
