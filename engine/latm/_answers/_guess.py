"""Which answer type examples have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from latm._answers._lists import read_list
from latm._answers._options import OPTION_ANSWER, lists_options
from latm._answers._types import answer_type
from latm._records import Example

_RANGE = re.compile(r"\d{2}:\d{2} - \d{2}:\d{2}")
_LONGEST_ITEM = 3  # words; longer ones are clauses of a sentence


def guess_answer_type(examples: Sequence[Example]) -> str:
    """The answer type that fits every example without changing its answer; ``text`` where none does."""
    for name in ("option", "number", "time-range", "list"):
        if examples and all(_fits(name, each) and _unchanged(name, each) for each in examples):
            return name
    return "text"


def _unchanged(name: str, example: Example) -> bool:
    try:
        return answer_type(name).render(example.answer, example.question) == example.answer
    except ValueError:
        return False


def _fits(name: str, example: Example) -> bool:
    answer = example.answer
    match name:
        case "option":
            return lists_options(example.question) and bool(OPTION_ANSWER.match(answer))
        case "number":
            return bool(re.fullmatch(r"-?\d+(?:\.\d+)?", answer))
        case "time-range":
            return bool(_RANGE.fullmatch(answer))
        case _:
            items = read_list(answer)
            short = all(isinstance(item, str) and len(item.split()) <= _LONGEST_ITEM for item in items)
            return len(items) > 1 and short and answer[-1] not in ".!?"
