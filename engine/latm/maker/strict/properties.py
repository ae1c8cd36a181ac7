"""Properties: what must hold for every answer, stated by the maker from the task alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from latm._reading import code_blocks, parse, says, says_none
from latm.maker._conversation import Conversation
from latm.maker.judge import Judge, Verdict
from latm.maker.strict.verify import Verification, Verified, brings_function

STAGE = "properties"
_DISPUTES = 2
_UNCLEAR = "The reply is neither the one word property nor a function in a Python block."


def question_text(contract: str, function: str) -> str:
    """What the maker is asked."""
    return (
        "All questions are answered rightly. Now say what must be true of every answer, not only of these: "
        "conditions on the value (it is a permutation of the input, it is balanced, it satisfies what was "
        "asked), and relations between calls (the input reversed or repeated, a part left out). Think of "
        "what this kind of question means, not of how the function works.\n\n"
        f"{contract}\n\n"
        "Write one to five tests for Hypothesis in one Python block. Each is a function decorated with "
        f"`@given(...)`; it calls `{function}` and asserts. Name its parameters as {function} names its own "
        "where they are the same: it is then tried on the known questions first. `given`, `assume`, "
        "`example` and `strategies as st` of hypothesis are imported already; import anything else "
        f"yourself. Do not define {function}. If nothing can be said, reply with the one word none.\n"
        "```python\n```"
    )


def dispute(verdict: Verdict) -> str:
    """What the maker is asked about a counterexample."""
    said = f"\n{verdict.detail}" if verdict.detail else ""
    return (
        f"The property {verdict.name} does not hold: {verdict.call}{said}\n"
        "One of the two is wrong. If the property is, reply with the one word property. If the function is, "
        "reply with the whole mended function in one Python block."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What came of the properties.

    Attributes:
        verified: the function, mended if it had to be.
        verdicts: of the last function, one for each property that was tried.
        dropped: names of properties that the maker took back, or that contradict a known answer.
        problem: why there are none; empty where there are.
    """

    verified: Verified
    verdicts: tuple[Verdict, ...] = ()
    dropped: tuple[str, ...] = ()
    problem: str = ""


@dataclass(kw_only=True)
class Properties:
    """The dialogue of this stage.

    Attributes:
        conversation: with the maker.
        verification: verifies a function that was mended.
        judge: tries properties.
        attempts: replies to the first question, and counterexamples that are asked about.
    """

    conversation: Conversation
    verification: Verification
    judge: Judge
    attempts: int
    replies: int = 0
    _code: str | None = field(default=None, init=False)
    _last: tuple[str, str, tuple[Verdict, ...]] | None = field(default=None, init=False)
    _dropped: list[str] = field(default_factory=list[str], init=False)

    async def run(self, verified: Verified, contract: str) -> Held:
        """Ask for properties where that was not done yet, and try them.

        A function that was mended because of a counterexample comes back with the same properties tried anew.

        Raises:
            MakingFailed: a counterexample was the function's fault, and it was not mended.
        """
        if self._code is None:
            self.conversation.say(question_text(contract, verified.function))
            self._code = await self._first(verified)
        if not self._code:
            return Held(verified=verified, problem="The maker stated no property.")
        while True:
            verdicts = await self._tried(verified)
            broken = next((each for each in verdicts if each.status == "fails"), None)
            if broken is None:
                return Held(verified=verified, verdicts=verdicts, dropped=tuple(self._dropped))
            reply = await self._ask_about(broken)
            if reply is None:
                self._dropped.append(broken.name)
            else:
                verified = await self.verification.take(verified, reply)

    async def hold(self, verified: Verified, contract: str) -> bool | None:
        """Whether the properties hold; None where there are none. The maker is not asked who is wrong."""
        self.conversation.say(question_text(contract, verified.function))
        self._code = await self._first(verified)
        verdicts = await self._tried(verified) if self._code else ()
        return all(each.status == "holds" for each in verdicts) if verdicts else None

    async def _tried(self, verified: Verified) -> tuple[Verdict, ...]:
        assert self._code
        verdicts = await self._judged(verified, self._code)
        for each in verdicts:
            # What contradicts an answer that is known to be right is wrong itself.
            if each.status in {"contradicts", "broken"} and each.name not in self._dropped:
                self._dropped.append(each.name)
        return tuple(each for each in verdicts if each.name not in self._dropped)

    async def _judged(self, verified: Verified, code: str) -> tuple[Verdict, ...]:
        """The verdicts on a function; the same are not asked for twice, since they cost seconds."""
        if self._last is None or self._last[:2] != (verified.source, code):
            verdicts = await self.judge.properties(verified.program, verified.function, code, verified.calls)
            self._last = verified.source, code, verdicts
        return self._last[2]

    async def _first(self, verified: Verified) -> str:
        for _ in range(self.attempts):
            self.replies += 1
            reply = await self.conversation.ask(STAGE, self.replies)
            code, problem = read(reply)
            if problem is None and code:
                problem = _unusable(await self._judged(verified, code))
            self.conversation.judge(STAGE, self.replies, reply, problem)
            if problem is None:
                return code
            self.conversation.say(f"{problem}\nPlease reply with all properties again, or with none.")
        return ""

    async def _ask_about(self, verdict: Verdict) -> str | None:
        """The reply that brings a mended function; None where the property was wrong, or nobody knows."""
        self.conversation.say(dispute(verdict))
        for tries in range(_DISPUTES):
            self.replies += 1
            reply = await self.conversation.ask(STAGE, self.replies)
            if brings_function(reply):
                return self._confirmed(verdict, reply)
            said = None if says(reply, "property") else _UNCLEAR
            self.conversation.judge(STAGE, self.replies, reply, said)
            if said is None or tries + 1 == _DISPUTES:
                return None
            self.conversation.say(f"{said} Please reply again.")
        return None

    def _confirmed(self, verdict: Verdict, reply: str) -> str:
        problem = f"The property {verdict.name} does not hold: {verdict.call}\n{verdict.detail}".rstrip()
        self.conversation.judge(STAGE, self.replies, reply, problem)
        if not self.verification.may_mend:
            raise self.conversation.failed(STAGE)
        return reply


def read(reply: str) -> tuple[str, str | None]:
    """The properties' code, empty where the maker states none; or what keeps it from being read."""
    if says_none(reply):
        return "", None
    found = code_blocks(reply)
    if not found:
        return "", "The reply holds no fenced Python block."
    code = "\n".join(block.code for block in found)
    if parse(code) is None:
        return "", "The block is no valid Python."
    return code, None


def _unusable(verdicts: Sequence[Verdict]) -> str | None:
    """Why none of the properties says anything; None where one does."""
    if any(each.status in {"holds", "fails"} for each in verdicts):
        return None
    if not verdicts:
        return "The block holds no function that is decorated with @given."
    return "\n".join(f"{each.name}: {each.status}: {each.detail}" for each in verdicts)
