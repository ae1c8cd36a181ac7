"""The scripted maker: writes functions, tests and demonstrations, and mends what is shown to have failed.

It holds no state. What stage it is in, and whether its last reply failed, it reads from the messages, so a
making that was interrupted goes on where it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from latm.cli.demo.scripted import _functions
from latm.cli.demo.scripted._literals import literal
from latm.cli.demo.scripted._reading import Brackets, Reading, Sorting, Tracking, read
from latm.plugin import Message, Request

_QUESTION = re.compile(r"^Question: ", re.MULTILINE)
_ANSWER = re.compile(r"^Answer: (.*)$", re.MULTILINE)
_AT_A_LOSS = (
    "I have read the questions, but I do not see one kind among them that I could write a function for. "
    "(This maker is scripted: it knows three kinds of questions.)"
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A question that the maker was shown, as far as it understands it."""

    text: str
    reading: Reading
    answer: str


# What a turn of the strict protocol asks for, by words that are in it (docs/reference.md).
_STRICT = {
    "write one call of the function": "calls",
    "tests for Hypothesis": "properties",
    "does not hold": "dispute",
    "fixed form": "parser",
}


def reply(request: Request) -> str:
    """What the maker says next."""
    messages = request.messages
    kinds = {type(each.reading) for message in messages[:1] for each in _shown(message.text)}
    if len(kinds) != 1:
        return _AT_A_LOSS
    kind = kinds.pop()
    asked, failed = _stage(messages)
    shown = [each for each in _shown(_last_with_questions(messages)) if isinstance(each.reading, kind)]
    replies: Mapping[str, Callable[[], str]] = {
        "propose": lambda: _propose(kind, mend=failed),
        "calls": lambda: _calls(shown, mend=failed),
        "properties": lambda: _properties(kind),
        "dispute": _mend_the_order,
        "parser": lambda: "none",
        "verify": lambda: _verify(shown, mend=failed),
        "wrap": lambda: _wrap(shown),
    }
    return replies[asked]()


def _stage(messages: Sequence[Message]) -> tuple[str, bool]:
    """What the maker is to write, and whether it wrote it before and failed."""
    for message in reversed(messages):
        if message.role != "user":
            continue
        failed = message is not messages[-1]
        strict = next((stage for words, stage in _STRICT.items() if words in message.text), None)
        if strict is not None:
            return strict, failed
        if _QUESTION.search(message.text):
            if message is messages[0]:
                return "propose", failed
            return ("verify" if _ANSWER.search(message.text) else "wrap"), failed
    return "propose", False


def _last_with_questions(messages: Sequence[Message]) -> str:
    return next(
        each.text for each in reversed(messages) if each.role == "user" and _QUESTION.search(each.text)
    )


def _shown(text: str) -> list[_Shown]:
    """The questions of a message that can be read, with their answers where they are told."""
    found: list[_Shown] = []
    # Of the strict protocol's turns: what stands behind the last question is no part of it.
    text = text.partition("\n\nFor each question, in this order")[0]
    for section in _QUESTION.split(text)[1:]:
        answer = _ANSWER.search(section)
        question = (section if answer is None else section[: answer.start()]).strip()
        reading = read(question)
        if reading is not None:
            found.append(_Shown(question, reading, "" if answer is None else answer[1].strip()))
    return found


def _propose(kind: type[Reading], *, mend: bool) -> str:
    if kind is Sorting:
        code = _functions.SORTING_BY_FOUR
        why = (
            "All of these ask for words in alphabetical order. The function takes the words as a list, so "
            "that it does not matter how a question lists them. Four letters tell these words apart."
        )
    elif kind is Tracking:
        code = _functions.TRACKING
        why = (
            "People start with one thing each and swap; a dictionary from person to thing follows them. "
            "Which option letter belongs to the thing is left to the caller."
        )
    elif mend:
        code = _functions.BRACKETS
        why = (
            "The error shows what I overlooked: the symbols are separated by spaces, and a space is no "
            "bracket. The spaces are removed first now."
        )
    else:
        code = _functions.BRACKETS_BROKEN
        why = (
            "Each question gives brackets and wants those that close what is still open, innermost first. A "
            "stack does that:"
        )
    return f"{why}\n\n```python\n{code}```\n"


def _verify(shown: Sequence[_Shown], *, mend: bool) -> str:
    # The first time the maker forgets that a question with options wants the letter.
    careless = not mend and any(isinstance(each.reading, Tracking) for each in shown)
    tests: list[str] = []
    for number, each in enumerate(shown, start=1):
        call, answer = _solution(each.reading)
        made = "ans = ret\n" if careless else answer
        check = f'assert ans == {literal(each.answer)}, f"got {{ans!r}}"\n'
        tests.append(f"# Question {number}\n{call}{made}{check}")
    opening = "Here are the tests, one for each question."
    if mend:
        opening = (
            "The function is right, my test was not: it compared the thing itself with the letter of an "
            "option. The options are looked up now."
        )
    return f"{opening}\n\n```python\n{chr(10).join(tests)}```\n"


def _calls(shown: Sequence[_Shown], *, mend: bool) -> str:
    # The first time the maker forgets whose thing is asked for.
    careless = not mend and any(isinstance(each.reading, Tracking) for each in shown)
    calls = "\n".join(_call(each.reading, whole=not careless) for each in shown)
    opening = "I left out who is asked about; here are all calls again." if mend else "One call for each."
    return f"{opening}\n\n```python\n{calls}\n```\n"


def _call(reading: Reading, *, whole: bool) -> str:
    match reading:
        case Sorting(words=words):
            return f"sort_words({literal(list(words))})"
        case Brackets(sequence=sequence):
            return f"closing_brackets({literal(sequence)})"
        case Tracking(holdings=holdings, swaps=swaps, person=person):
            asked = f", {literal(person)}" if whole else ""
            return f"track_thing({literal(dict(holdings))}, {literal(list(swaps))}{asked})"


def _properties(kind: type[Reading]) -> str:
    stated = {
        Sorting: _functions.SORTING_PROPERTIES,
        Brackets: _functions.BRACKETS_PROPERTIES,
        Tracking: _functions.TRACKING_PROPERTIES,
    }[kind]
    return f"This must be true of every answer:\n\n```python\n{stated}```\n"


def _mend_the_order() -> str:
    why = (
        "The function is wrong: words that begin with the same four letters stay as they came. Whole words "
        "are compared now."
    )
    return f"{why}\n\n```python\n{_functions.SORTING}```\n"


def _wrap(shown: Sequence[_Shown]) -> str:
    sections = [
        f"Question: {each.text}\nSolution:\n```python\n{''.join(_solution(each.reading))}```\n"
        for each in shown
    ]
    return "\n".join(["This is how the function is used.\n", *sections])


def _solution(reading: Reading) -> tuple[str, str]:
    """Code that calls the function for a question, and code that makes the answer of what it returns."""
    match reading:
        case Sorting(words=words):
            return f"words = {literal(list(words))}\nret = sort_words(words)\n", 'ans = " ".join(ret)\n'
        case Brackets(sequence=sequence):
            call = f"sequence = {literal(sequence)}\nret = closing_brackets(sequence)\n"
            return call, 'ans = " ".join(ret)\n'
        case Tracking(holdings=holdings, swaps=swaps, person=person, options=options):
            call = (
                f"holdings = {literal(dict(holdings))}\nswaps = {literal(list(swaps))}\n"
                f"person = {literal(person)}\nret = track_thing(holdings, swaps, person)\n"
            )
            letters = {f"({letter})": thing for letter, thing in options}
            return call, (
                f"options = {literal(letters)}\n"
                "ans = next(option for option, thing in options.items() if thing == ret)\n"
            )
