"""Scripted models for all roles. Each sees a request and nothing else, and keeps a book of its own."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from acceptance.gate import makers
from acceptance.stream.faults import (
    TRANSIENT,
    Chance,
    failing,
    malformed_call,
    malformed_decision,
    outside,
    ungrounded,
    wrong_argument,
)
from acceptance.stream.questions import Asked
from acceptance.stream.skills import SKILLS
from latm import Refused, Throttled, Truncated, Unavailable
from latm.plugin import Reply, Request, Usage
from latm.testing import ScriptedProvider, scripted_provider, word_usage

Line = str | BaseException
ROLES = ("maker", "user", "dispatcher", "fallback")
THOUGHTS = "Let me think about this step by step. " * 15
"""What a strong model writes before it answers: 120 words."""


@dataclass
class Book:
    """What the models themselves know of what they did.

    Attributes:
        usages: of every reply that was paid for, by role.
        faults: what went wrong, by question.
        counts: how often each fault was made, by role and kind.
    """

    usages: dict[str, list[Usage]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def total(self, role: str) -> Usage:
        """The tokens of a role."""
        used = self.usages[role]
        return Usage(input=sum(each.input for each in used), output=sum(each.output for each in used))


class Models:
    """The models of one run.

    Args:
        questions: what they know.
        rate: the share of calls in which something goes wrong.
        seed: decides in which.
    """

    def __init__(self, questions: Iterable[Asked], *, rate: float, seed: int) -> None:
        self.book = Book()
        self._known = {each.text: each for each in questions}
        self._rate = rate
        self._seed = seed
        self._met: set[str] = set()

    def provider(self) -> ScriptedProvider:
        """A plugin that offers them as ``it:maker`` and so on."""

        def of(role: str) -> object:
            return lambda request: self._reply(role, request)

        return scripted_provider("it", {role: of(role) for role in ROLES})  # type: ignore[arg-type]

    def _reply(self, role: str, request: Request) -> Line:
        chance = Chance(self._seed, role, request)
        fault = chance.fault(role, self._rate)
        if fault in TRANSIENT:
            fault = None if chance.key in self._met else fault
            self._met.add(chance.key)
        line = self._error(request, fault)
        if line is None:
            line, fault = getattr(self, f"_{role}")(request, chance, fault)
        if fault is not None:
            self.book.counts[role, fault] += 1
            self.book.faults[_question(role, request)].add((role, fault))
        if isinstance(line, str):
            self.book.usages[role].append(word_usage(request, line))
        elif isinstance(line, Truncated) and line.reply is not None:
            self.book.usages[role].append(line.reply.usage)
        return line

    def _error(self, request: Request, fault: str | None) -> Line | None:
        match fault:
            case "throttled":
                return Throttled("too many requests", status=429, retry_after=0.0, sent=False)
            case "unavailable":
                return Unavailable("overloaded", status=503, retry_after=0.0, sent=False)
            case "truncated":
                text = "So the words are"
                part = Reply(text=text, usage=word_usage(request, text), model="user", finish_reason="length")
                return Truncated("the reply ended at the output limit", reply=part)
            case "refused":
                return Refused("the model declined", sent=False)
            case _:
                return None

    def _dispatcher(self, request: Request, chance: Chance, fault: str | None) -> tuple[str, str | None]:
        asked = self._known[_question("dispatcher", request)]
        listed = re.findall(r"^## (\S+)$", request.system or "", re.MULTILINE)
        if fault == "malformed":
            return malformed_decision(chance, listed), fault
        if fault == "unsure":
            return _decision("unsure"), fault
        others = [name for name in listed if name != asked.task]
        if fault == "wrong label" and others:
            likely = asked.near if asked.near in others else chance.of(others, "label")
            return _decision(likely), fault
        if asked.task is None:
            return _decision("none"), None
        return (_decision(asked.task) if asked.task in listed else _decision("new-task", asked.task)), None

    def _user(self, request: Request, chance: Chance, fault: str | None) -> tuple[str, str | None]:
        asked = self._known[_question("user", request)]
        offered = [each for each in asked.calls if f"{each.partition('(')[0]}(" in (request.system or "")]
        if not offered:
            return "This question is none for the function.", None
        call = offered[0]
        match fault:
            case "malformed":
                return malformed_call(chance, call, asked.answer), fault
            case "out of contract":
                call = outside(chance, call)
            case "ungrounded":
                call = ungrounded(chance, call, asked.answer)
            case "failing":
                call = failing(call)
            case "wrong argument":
                call = wrong_argument(call)
            case _:
                pass
        return f"```python\n{call}\n```", fault

    def _fallback(self, request: Request, chance: Chance, fault: str | None) -> tuple[str, str | None]:
        asked = self._known[_question("fallback", request)]
        if "`Fits: yes`" in (request.system or ""):
            fits = asked.function is not None and f"{asked.function}(" in (request.system or "")
            fits = fits != (fault == "wrong answer")
            return f"{THOUGHTS}\nFits: {'yes' if fits else 'no'}", fault
        return said(wrong_answer(asked) if fault == "wrong answer" else asked.answer), fault

    def _maker(self, request: Request, chance: Chance, fault: str | None) -> tuple[str, str | None]:
        shown = request.messages[0].text
        tasks = Counter(each.task for each in self._known.values() if f"Question: {each.text}\n" in shown)
        ((task, _),) = tasks.most_common(1)
        skill = None if task is None else SKILLS.get(task)
        if skill is None or fault == "malformed":
            return "I do not know how a function could do that.", fault
        if "fixed form" in request.messages[-1].text:
            return (f"```python\n{skill.parser}```" if "\n" in skill.parser else skill.parser), None
        if "with both functions" in request.messages[-1].text:
            return "none", None
        source = chance.of(skill.wrong, "source") if fault == "wrong function" else skill.right
        name = skill.idle.partition("(")[0]

        def translate(question: str) -> str:
            calls = self._known[question].calls
            return next((each for each in calls if each.startswith(f"{name}(")), skill.idle)

        reply = makers.maker(source, skill.properties, translate)(request)
        return reply, fault if source in reply else None


def said(answer: str) -> str:
    """What a strong model replies."""
    return f"{THOUGHTS}\nAnswer: {answer}"


def wrong_answer(asked: Asked) -> str:
    """A plausible wrong answer."""
    if re.fullmatch(r"\([A-E]\)", asked.answer):
        return "(A)" if asked.answer != "(A)" else "(B)"
    return str(int(asked.answer) + 1) if asked.answer.isdigit() else f"{asked.answer} {asked.answer[:1]}"


def _question(role: str, request: Request) -> str:
    return request.messages[-1 if role == "dispatcher" else 0].text


def _decision(decision: str, task: str | None = None) -> str:
    return json.dumps({"decision": decision, "task": task})


def strong_alone(questions: Iterable[Asked], system: str) -> Mapping[str, Usage]:
    """What the strong model would use for each question, by its text."""
    found: dict[str, Usage] = {}
    for each in questions:
        used = len(system.split()) + len(each.text.split())
        found[each.text] = Usage(input=used, output=len(said(each.answer).split()))
    return found
