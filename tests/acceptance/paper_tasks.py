"""The paper's tasks as examples, and a deterministic translator that plays the user model.

The translator turns the text of a question into a call, as a model would; it never computes an answer: it
neither sorts nor matches brackets nor swaps anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latm import Example
from latm.plugin import Request

FIRST_TEST_ITEM, TEST_ITEMS = 10, 240
SHOWN, HELD = (0, 1, 2), (5, 6, 7)


@dataclass(frozen=True)
class PaperTask:
    name: str
    proposals: int
    answer_type: str
    translate: Callable[[str], str]

    @property
    def transcript(self) -> str:
        return f"{self.name}.maker-transcript.json"

    def examples(self, folder: Path) -> tuple[Example, ...]:
        data = json.loads((folder / f"{self.name}.json").read_text())
        return tuple(self._example(each["input"], each["target"]) for each in data["examples"])

    def making_examples(self, folder: Path) -> tuple[Example, ...]:
        known = self.examples(folder)
        return tuple(known[index] for index in (*SHOWN, *HELD))

    def test_items(self, folder: Path) -> tuple[Example, ...]:
        return self.examples(folder)[FIRST_TEST_ITEM : FIRST_TEST_ITEM + TEST_ITEMS]

    def _example(self, question: str, answer: str) -> Example:
        if self.name != "dyck_languages":
            return Example(question, answer)
        # The paper takes the spaces out of the sequences.
        head, mark, sequence = question.partition("Input: ")
        return Example(head + mark + sequence.replace(" ", ""), answer.replace(" ", ""))


def _sorting(question: str) -> str:
    words = question.partition("List: ")[2].split()
    return f'ret = sort_words_alphabetically({words!r})\nans = " ".join(ret)'


def _brackets(question: str) -> str:
    sequence = question.partition("Input: ")[2].strip()
    return f"ret = complete_sequence({sequence!r})\nans = ret"


def _tracking(question: str) -> str:
    story, _, options = question.partition("\nOptions:\n")
    start = re.search(r"(?:: )(Alice [^.]*)\.", story)
    assert start is not None
    have = re.findall(
        r"(Alice|Bob|Claire|Dave|Eve) (?:is dancing with|is playing|has(?: a)?|gets) ([^,.]+?)(?:,|$)",
        start[1].replace(", and ", ", "),
    )
    swaps = re.findall(r"(?:First|Then|Finally), (\w+) and (\w+) (?:switch|trade|swap)", story)
    asked = re.findall(r"(\w+) (?:is dancing with|is playing|has the|has)$", story)[-1]
    listed = dict(re.findall(r"^\((\w)\) (.+)$", options, re.MULTILINE))
    return (
        f"ret = square_dance({have!r}, {swaps!r})\noptions = {listed!r}\n"
        f"held = ret[{asked!r}]\nans = next('(' + k + ')' for k, v in options.items() if v == held)"
    )


TASKS = (
    PaperTask("word_sorting", 1, "text", _sorting),
    PaperTask("dyck_languages", 3, "text", _brackets),
    PaperTask("tracking_shuffled_objects_five_objects", 1, "option", _tracking),
)


def translator(request: Request) -> str:
    """The user model: reads the function's name in the card and the question in the last message."""
    question = request.messages[-1].text
    for marker, task in zip(("def sort_words", "def complete_seq", "def square_dance"), TASKS, strict=True):
        if marker in (request.system or ""):
            return f"Here is the call.\n```python\n{task.translate(question)}\n```"
    raise AssertionError(request.system)
