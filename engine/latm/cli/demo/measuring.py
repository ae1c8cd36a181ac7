"""Figures of a demo: accuracy by task and route, tokens and money, break-even, and all of it as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from latm._ledger import Spend
from latm._records import Tool
from latm.cli.demo.generators import TASKS
from latm.cli.demo.running import Asked, DemoResult, mean

__all__ = [
    "NO_TASK",
    "Payback",
    "Score",
    "accuracy",
    "alone",
    "as_json",
    "paybacks",
    "score",
    "titles",
]

NO_TASK = "no task"
"""What the report calls the questions that belong to none."""


@dataclass(frozen=True, slots=True)
class Score:
    """How many of some questions were answered right."""

    right: int
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payback:
    """When a tool has earned what its making cost.

    Attributes:
        tool: the tool.
        task: the generator's name of most of its questions; None where it answered none.
        used: how many questions were put to it.
        making_usd: what its making cost.
        alone_usd: the strong model's mean cost for one of these questions.
        tool_usd: the mean cost of one of them on the tool's way: dispatcher, user, and where the tool
            failed, the strong model after it.
        saving_usd: the difference.
        questions: how many questions pay the making back; None where a figure is unknown or nothing is saved.
        reached: the place in the stream of the question that did so; None where it was not reached.
    """

    tool: Tool
    task: str | None
    used: int
    making_usd: Decimal | None
    alone_usd: Decimal | None
    tool_usd: Decimal | None
    saving_usd: Decimal | None
    questions: int | None
    reached: int | None


def titles(result: DemoResult) -> tuple[str, ...]:
    """The tasks that the stream has, in the report's order."""
    present = {each.question.task or NO_TASK for each in result.asked}
    return tuple(title for title in (*TASKS, NO_TASK) if title in present)


def score(asked: Iterable[Asked]) -> Score:
    """Count right answers."""
    marks = [each.right for each in asked]
    return Score(sum(marks), len(marks))


def accuracy(result: DemoResult, task: str | None = None, route: str | None = None) -> Score:
    """The score of one task (as in `titles`) and one route; None stands for all."""
    return score(
        each
        for each in result.asked
        if task in {None, each.question.task or NO_TASK} and route in {None, each.answer.route}
    )


def alone(result: DemoResult) -> Decimal | None:
    """What the strong model alone takes for all questions, in USD; None where that is unknown."""
    return _sum(each.alone_usd for each in result.asked)


def paybacks(result: DemoResult) -> tuple[Payback, ...]:
    """The account of every tool."""
    return tuple(_payback(tool, result.asked) for tool in result.tools)


def _payback(tool: Tool, stream: tuple[Asked, ...]) -> Payback:
    asked = [each for each in stream if each.answer.tool == tool.name]
    making = tool.provenance.cost_usd
    strong = mean(each.alone_usd for each in asked)
    cheap = mean(each.answer.cost_usd for each in asked)
    saving = None if strong is None or cheap is None else strong - cheap
    needed = None
    if making is not None and saving is not None and saving > 0:
        needed = max(1, math.ceil(making / saving))
    tasks = Counter(each.question.task or NO_TASK for each in asked)
    return Payback(
        tool=tool,
        task=tasks.most_common(1)[0][0] if tasks else None,
        used=len(asked),
        making_usd=making,
        alone_usd=strong,
        tool_usd=cheap,
        saving_usd=saving,
        questions=needed,
        reached=asked[needed - 1].number if needed is not None and needed <= len(asked) else None,
    )


def as_json(result: DemoResult) -> dict[str, Any]:
    """The report as JSON data.

    Money is text with a decimal number of USD, or null where it is unknown; tokens are numbers.

    - ``questions``, ``planned``, ``seed``, ``seconds``, ``library`` (null: temporary), ``error`` (null: none)
    - ``models``: by role; ``scripted``: the roles that scripted models play
    - ``accuracy``: by task, and ``all``: by route (``tool``, ``model``, ``all``) ``right`` and ``asked``
    - ``spend``: by role, and ``total``: ``model``, ``calls``, ``input``, ``cache_read``, ``cache_write``,
      ``output`` and ``usd``
    - ``strong_alone``: ``usd``, ``estimated``, and ``right`` of the questions (null: not asked)
    - ``tools``: ``name``, ``version``, ``attempts`` by stage, ``task``, ``used``, ``making_usd``,
      ``alone_usd``, ``tool_usd``, ``saving_usd``, ``break_even_questions``, ``break_even_at`` (the stream's
      question, from 1)
    - ``failures``: makings that came to nothing
    - ``answers``: ``number``, ``task``, ``question``, ``expected``, ``text``, ``right``, ``route``, ``tool``,
      ``usd``, ``seconds`` of each
    """
    alone_marks = [each.alone_right for each in result.asked]
    return {
        "questions": len(result.asked),
        "planned": result.planned,
        "seed": result.seed,
        "seconds": round(result.seconds, 3),
        "library": result.library,
        "error": None if result.error is None else str(result.error),
        "models": dict(result.models),
        "scripted": list(result.scripted_roles),
        "accuracy": {title: _scores(result, title) for title in titles(result)}
        | {"all": _scores(result, None)},
        "spend": {
            role: {"model": result.models.get(role), **_spend(spend)} for role, spend in result.spend.items()
        }
        | {"total": _spend(result.total)},
        "strong_alone": {
            "usd": _usd(alone(result)),
            "estimated": result.alone_estimated,
            "right": None if None in alone_marks else sum(map(bool, alone_marks)),
        },
        "tools": [_tool(each) for each in paybacks(result)],
        "failures": list(result.failures),
        "answers": [_asked(each) for each in result.asked],
    }


def _scores(result: DemoResult, task: str | None) -> dict[str, dict[str, int]]:
    scores = {
        route: accuracy(result, task, None if route == "all" else route) for route in ("model", "tool", "all")
    }
    return {route: {"right": each.right, "asked": each.asked} for route, each in scores.items()}


def _spend(spend: Spend) -> dict[str, object]:
    usage = spend.usage
    return {
        "calls": spend.calls,
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output": usage.output,
        "usd": _usd(spend.cost_usd),
    }


def _tool(payback: Payback) -> dict[str, object]:
    tool = payback.tool
    return {
        "name": tool.name,
        "version": tool.version,
        "attempts": dict(Counter(each.stage for each in tool.scorecard.attempts)),
        "task": payback.task,
        "used": payback.used,
        "making_usd": _usd(payback.making_usd),
        "alone_usd": _usd(payback.alone_usd),
        "tool_usd": _usd(payback.tool_usd),
        "saving_usd": _usd(payback.saving_usd),
        "break_even_questions": payback.questions,
        "break_even_at": payback.reached,
    }


def _asked(asked: Asked) -> dict[str, object]:
    return {
        "number": asked.number,
        "task": asked.question.task,
        "question": asked.question.text,
        "expected": asked.question.answer,
        "text": asked.answer.text,
        "right": asked.right,
        "route": asked.answer.route,
        "tool": asked.answer.tool,
        "usd": _usd(asked.answer.cost_usd),
        "seconds": round(asked.answer.seconds, 6),
    }


def _usd(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount.quantize(Decimal("0.00000001")).normalize(), "f")


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    values = list(amounts)
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None
