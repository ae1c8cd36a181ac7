"""Models that follow the formats of docs/reference.md to the letter and never change their mind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from latm.plugin import Request

_FENCE = "```python\n{}\n```"


def sorting(question: str) -> str:
    """A question of word sorting as a call."""
    return f"sort_words({question.partition('List: ')[2].split()!r})"


def brackets(question: str) -> str:
    """A question of closing brackets as a call."""
    return f"close({question.partition('Input: ')[2].strip()!r})"


def tracking(question: str) -> str:
    """A question of who has what as a call; a part of the value is the answer."""
    story = question.partition("\nOptions:\n")[0]
    start = re.search(r"(?:: )(Alice [^.]*)\.", story)
    assert start is not None
    have = re.findall(
        r"(Alice|Bob|Claire|Dave|Eve) (?:is dancing with|is playing|has(?: a)?|gets) ([^,.]+?)(?:,|$)",
        start[1].replace(", and ", ", "),
    )
    swaps = re.findall(r"(?:First|Then|Finally), (\w+) and (\w+) (?:switch|trade|swap)", story)
    asked = re.findall(r"(\w+) (?:is dancing with|is playing|has the|has)$", story)[-1]
    return f"track({dict(have)!r}, {swaps!r})[{asked!r}]"


TRANSLATE: dict[str, Callable[[str], str]] = {
    "word_sorting": sorting,
    "dyck_languages": brackets,
    "tracking_shuffled_objects_five_objects": tracking,
}


def asked_for_calls(text: str) -> Sequence[str]:
    """The questions that a turn of the engine wants calls for."""
    _, _, rest = text.partition("questions of this kind.\n\n")
    listed, _, _ = rest.partition("\n\nFor each question")
    return [part.removeprefix("Question: ") for part in listed.split("\n\nQuestion: ")]


def answered(question: str, call: str) -> str:
    """The same as code that sets `ans`, as the paper's protocol wants it."""
    if "List: " in question:
        return f"ret = {call}\nans = ' '.join(ret)"
    if "\nOptions:\n" not in question:
        return f"ret = {call}\nans = ret"
    options = {text: f"({letter})" for letter, text in re.findall(r"^\((\w)\) (.+)$", question, re.MULTILINE)}
    return f"ret = {call}\nans = {options!r}.get(ret)"


def maker(source: str, properties: str, translate: Callable[[str], str]) -> Callable[[Request], str]:
    """A maker that is sure of its function: whatever is said against it, it replies with it again."""
    function = re.search(r"^def (\w+)", source, re.MULTILINE)
    assert function is not None
    stated = properties.replace("FUNCTION", function[1])

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        first = [turn.text for turn in request.messages if turn.role == "user"]
        if "write one call of the function" in text:
            return _FENCE.format("\n".join(translate(each) for each in asked_for_calls(text)))
        if "tests for Hypothesis" in text:
            return _FENCE.format(stated)
        if "fixed form" in text:
            return "none"
        if any("All tests pass" in turn for turn in first):
            return _wrapped(next(turn for turn in first if "All tests pass" in turn), translate)
        if any("Test the function on each" in turn for turn in first):
            return _asserted(next(turn for turn in first if "Test the function on each" in turn), translate)
        return _FENCE.format(source.rstrip())

    return reply


def _asserted(turn: str, translate: Callable[[str], str]) -> str:
    listed = turn.partition("their answers.\n\n")[2].partition("\n\nTest the function")[0]
    code: list[str] = []
    for part in listed.split("\n\nQuestion: "):
        question, _, answer = part.removeprefix("Question: ").rpartition("\nAnswer: ")
        code += [answered(question, translate(question)), f"assert ans == {answer!r}"]
    return _FENCE.format("\n".join(code))


def _wrapped(turn: str, translate: Callable[[str], str]) -> str:
    listed = turn.partition("The questions:\n\n")[2]
    questions = [part.removeprefix("Question: ") for part in listed.split("\n\nQuestion: ")]
    return "\n\n".join(
        f"Question: {each}\nSolution:\n{_FENCE.format(answered(each, translate(each)))}" for each in questions
    )


def user(translate: Callable[[str], str]) -> Callable[[Request], str]:
    """A user model that translates a question into the call, and computes nothing."""
    return lambda request: _FENCE.format(translate(request.messages[-1].text))
