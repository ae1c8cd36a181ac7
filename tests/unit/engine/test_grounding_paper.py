"""The right calls of the paper's tasks: none is refused, and no closed sequence passes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from acceptance.gate.makers import TRANSLATE
from acceptance.gate.tools import TASKS as GATE
from acceptance.paper_tasks import TASKS, TEST_ITEMS, PaperTask
from latm import Demonstration, Tool
from latm._literals import read_call
from latm.user._grounding import ungrounded
from unit.engine.test_grounding import PROVENANCE

CLOSE = "def close(sequence: str) -> str: ..."
PUBLISHED = {
    "word_sorting": "def sort_words_alphabetically(words): ...",
    "dyck_languages": "def complete_sequence(input_str): ...",
    "tracking_shuffled_objects_five_objects": "def square_dance(initial_partners, switches): ...",
}


def tool(source: str, function: str) -> Tool:
    return Tool(
        name="t",
        version=1,
        source=source,
        function=function,
        demonstrations=(),
        call_style="call",
        provenance=PROVENANCE,
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("shown", [0, 3, 6])
def test_no_right_call_is_refused(task: PaperTask, shown: int, paper: Path) -> None:
    translate = TRANSLATE[task.name]
    examples = task.examples(paper)
    function = translate(examples[0].question).partition("(")[0]
    (right,) = [each.right["typed"] for each in GATE if each.name == task.name]
    known = tuple(Demonstration(each.question, translate(each.question)) for each in examples[:shown])
    made = dataclasses.replace(tool(right, function), demonstrations=known)
    refused = [
        said
        for item in task.test_items(paper)
        if (said := ungrounded(made, read_call(translate(item.question), (function,)), item.question))
    ]
    assert (refused, len(task.test_items(paper))) == ([], TEST_ITEMS)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_no_right_call_of_the_published_functions_is_refused(task: PaperTask, paper: Path) -> None:
    refused: list[str] = []
    for item in task.test_items(paper):
        first = task.translate(item.question).partition("\n")[0].removeprefix("ret = ")
        function = first.partition("(")[0]
        made = tool(PUBLISHED[task.name], function)
        if said := ungrounded(made, read_call(first, (function,)), item.question):
            refused.append(said)
    assert not refused


def test_the_brackets_are_not_closed_inside_the_argument(paper: Path) -> None:
    made = tool(CLOSE, "close")
    data = json.loads((paper / "dyck_languages.json").read_text())["examples"]
    assert len(data) >= TEST_ITEMS
    for item in data:
        question, closing = item["input"], item["target"]
        sequence = question.partition("Input: ")[2].strip()
        for right in (sequence, sequence.replace(" ", ""), sequence.split()):
            assert ungrounded(made, read_call(f"close({right!r})", ("close",)), question) is None
        together = f"{sequence} {closing}"
        for closed in (together, together.replace(" ", ""), together.split()):
            assert ungrounded(made, read_call(f"close({closed!r})", ("close",)), question)
