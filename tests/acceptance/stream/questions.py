"""The stream: questions of the paper's tasks, other wordings, near misses, foreign ones, repeats; shuffled.

Each question comes with its right answer, with the task that a perfect dispatcher names, and with the calls
that a perfect user makes. The scripted models look these up, as a model knows what it knows; their errors are
added to that.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from acceptance.gate.makers import TRANSLATE
from acceptance.paper_tasks import TASKS
from latm import Example

Kind = Literal["templated", "paraphrase", "near miss", "foreign"]
SORTING, BRACKETS, TRACKING = (task.name.replace("_", "-") for task in TASKS)
BY_LENGTH = "words-by-length"


@dataclass(frozen=True)
class Asked:
    """A question of the stream.

    Attributes:
        text: as it is asked.
        answer: the right one.
        kind: what sort of question it is.
        task: the task that it belongs to; None where no function could answer it.
        calls: of functions that a user model would make if it is told to use them, the right one first. Those
            of a near miss call a neighbour's function, which gives a wrong answer.
        near: the task that it is most likely taken for by mistake.
    """

    text: str
    answer: str
    kind: Kind
    task: str | None
    calls: tuple[str, ...] = ()
    near: str | None = None

    @property
    def function(self) -> str | None:
        """The function that gives the right answer, where the maker can write one."""
        mine = self.kind != "near miss" or self.task == BY_LENGTH
        return self.calls[0].partition("(")[0] if mine and self.calls else None

    def accepts(self, answer: str | None) -> bool:
        """Whether an answer is right, white space aside."""
        return answer is not None and answer.split() == self.answer.split()


@dataclass(frozen=True)
class Shares:
    """How many questions of each kind."""

    templated: int
    paraphrases: int
    near_misses: int
    by_length: int
    foreign: int
    repeats: int


FULL = Shares(templated=600, paraphrases=90, near_misses=100, by_length=30, foreign=40, repeats=40)
SHORT = Shares(templated=90, paraphrases=18, near_misses=12, by_length=14, foreign=8, repeats=8)


def stream(paper: Path, shares: Shares, *, seed: int) -> tuple[Asked, ...]:
    """The questions in their order; the same for the same seed."""
    rng = random.Random(seed)
    items = {task.name: list(task.examples(paper)) for task in TASKS}
    for found in items.values():
        rng.shuffle(found)
    each, reworded = shares.templated // 3, shares.paraphrases // 3
    questions: list[Asked] = []
    for name, found in items.items():
        texts = [(item, item.question, "templated") for item in found[:each]]
        # Of the last items, so that no question is asked in two wordings where there are enough.
        texts += [
            (item, _REWORD[name][number % 2](item), "paraphrase")
            for number, item in enumerate(found[len(found) - reworded :])
        ]
        questions += [_of_the_paper(name, item, text, kind) for item, text, kind in texts]
    questions += _near_misses(items, shares)
    questions += [
        Asked(text, answer, "foreign", None) for text, answer in rng.sample(FOREIGN, shares.foreign)
    ]
    questions += rng.sample(questions, shares.repeats)
    rng.shuffle(questions)
    return tuple(questions)


def _of_the_paper(name: str, item: Example, text: str, kind: Kind) -> Asked:
    calls = [_call(name, item)]
    if _slug(name) != SORTING:
        return Asked(text, item.answer, kind, _slug(name), tuple(calls))
    calls.append(f"sort_by_length({_words(item)!r})")
    return Asked(text, item.answer, kind, SORTING, tuple(calls), BY_LENGTH)


def _slug(name: str) -> str:
    return name.replace("_", "-")


def _call(name: str, item: Example) -> str:
    return TRANSLATE[name](item.question)


@dataclass(frozen=True)
class Story:
    """A question of who has what, taken apart."""

    start: Mapping[str, str]
    swaps: Sequence[tuple[str, str]]
    person: str
    options: str
    told: str

    @classmethod
    def of(cls, item: Example) -> Story:
        """Read the call that the question becomes."""
        picked = ast.parse(TRANSLATE[TASKS[2].name](item.question), mode="eval").body
        assert isinstance(picked, ast.Subscript)
        assert isinstance(picked.value, ast.Call)
        start, swaps = map(ast.literal_eval, picked.value.args)
        told, _, options = item.question.partition("\nOptions:\n")
        return cls(start, swaps, ast.literal_eval(picked.slice), options, told)

    def end(self, swaps: Sequence[tuple[str, str]] | None = None) -> Mapping[str, str]:
        """Who has what after some swaps, all by default."""
        held = dict(self.start)
        for one, other in self.swaps if swaps is None else swaps:
            held[one], held[other] = held[other], held[one]
        return held


def _words(item: Example) -> list[str]:
    return item.question.partition("List: ")[2].split()


def _sequence(item: Example) -> str:
    return item.question.partition("Input: ")[2].strip()


def _listed(item: Example) -> str:
    story = Story.of(item)
    things = "; ".join(f"{who}: {what}" for who, what in story.start.items())
    swaps = ", then ".join(f"{one} with {other}" for one, other in story.swaps)
    asked = f"What does {story.person} have in the end?"
    return f"Five people have one each. {things}. They swap, {swaps}. {asked}\nOptions:\n{story.options}"


def _told_again(item: Example) -> str:
    story = Story.of(item)
    things = ", ".join(f"{what} is with {who}" for who, what in story.start.items())
    swaps = " and ".join(f"{one}/{other}" for one, other in story.swaps)
    return (
        f"Follow these exchanges one after another: {swaps}. Before them, {things}. Which of these is with "
        f"{story.person} after them?\nOptions:\n{story.options}"
    )


_REWORD: Mapping[str, tuple[Callable[[Example], str], Callable[[Example], str]]] = {
    TASKS[0].name: (
        lambda item: f"Put these words into the order of a dictionary, please: {', '.join(_words(item))}",
        lambda item: "Arrange from A to Z and reply on one line:\n- " + "\n- ".join(_words(item)),
    ),
    TASKS[1].name: (
        lambda item: f"Which brackets have to follow so that all that is open gets closed? {_sequence(item)}",
        lambda item: f"Balance this by adding what is missing at its end, in order: {_sequence(item)}",
    ),
    TASKS[2].name: (_listed, _told_again),
}


def _open(sequence: str) -> Iterator[int]:
    """How many brackets are open after each sign."""
    depth = 0
    for sign in sequence:
        depth += 1 if sign in "([{<" else -1
        yield depth


_WORD_MISSES: tuple[tuple[str, str, Callable[[list[str]], object]], ...] = (
    (
        "reverse-sorting",
        "Sort the following words in reverse alphabetical order",
        lambda words: _line(sorted(words)[::-1]),
    ),
    ("last-word", "Sort the following words alphabetically and give only the last one", max),
    (
        "counting-words",
        "Count those of the following words that begin with a vowel",
        lambda words: sum(word[0] in "aeiou" for word in words),
    ),
    (
        "last-letter",
        "Sort the following words by their last letter alone",
        lambda words: _line(sorted(words, key=lambda word: word[-1])),
    ),
)
_BRACKET_MISSES: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    (
        "checking-brackets",
        "Is the sequence complete, with all parentheses closed properly?",
        lambda sequence: "no" if list(_open(sequence))[-1] else "yes",
    ),
    (
        "counting-brackets",
        "How many signs does the rest of the sequence have, once the parentheses are closed properly?",
        lambda sequence: list(_open(sequence))[-1],
    ),
    (
        "nesting",
        "How deeply are the parentheses of the sequence nested at most, before it is closed properly?",
        lambda sequence: max(_open(sequence)),
    ),
)


def _line(words: Sequence[str]) -> str:
    return " ".join(words)


def _story_misses(item: Example) -> Iterator[tuple[str, str, object]]:
    story = Story.of(item)
    told = story.told.rpartition(". ")[0]
    things = "".join(f"\n({letter}) {name}" for letter, name in zip("ABCDE", story.start, strict=True))
    end = story.end()
    thing = end[story.person]
    letter = "ABCDE"[list(story.start).index(story.person)]
    yield "who-has-it", f"{told}. In the end, who has this: {thing}?\nOptions:{things}", f"({letter})"
    same = sum(end[who] == what for who, what in story.start.items())
    yield "counting-owners", f"{told}. In the end, how many have what they had at the start?", same
    first = story.end(story.swaps[:1])[story.person]
    asked = f"{told}. After the first of these exchanges alone, what did {story.person} have? Name it."
    yield "after-the-first", asked, first


def _near_misses(items: Mapping[str, Sequence[Example]], shares: Shares) -> Iterator[Asked]:
    sorting, brackets, tracking = (items[task.name] for task in TASKS)
    most = [item for item in sorting if len(_words(item)) > 2]
    for item in most[: shares.by_length]:
        words = _words(item)
        text = (
            "Sort the following words by their length, shortest first, and leave those of one length in "
            f"their order: List: {_line(words)}"
        )
        calls = (f"sort_by_length({words!r})", f"sort_words({words!r})")
        yield Asked(text, _line(sorted(words, key=len)), "near miss", BY_LENGTH, calls, SORTING)
    made = _other_misses(most[shares.by_length :], brackets, tracking)
    yield from (each for each, _ in zip(made, range(shares.near_misses), strict=False))


def _other_misses(
    sorting: Sequence[Example], brackets: Sequence[Example], tracking: Sequence[Example]
) -> Iterator[Asked]:
    number = 0
    while True:
        kind, head, right = _WORD_MISSES[number % len(_WORD_MISSES)]
        words = _words(sorting[number])
        text = f"{head}: List: {_line(words)}"
        yield Asked(text, str(right(words)), "near miss", kind, (f"sort_words({words!r})",), SORTING)
        kind, head, count = _BRACKET_MISSES[number % len(_BRACKET_MISSES)]
        sequence = _sequence(brackets[number])
        text = f"{head} Input: {sequence}"
        yield Asked(text, str(count(sequence)), "near miss", kind, (f"close({sequence!r})",), BRACKETS)
        told = list(_story_misses(tracking[number]))
        kind, text, answer = told[number % len(told)]
        calls = (_call(TASKS[2].name, tracking[number]),)
        yield Asked(text, str(answer), "near miss", kind, calls, TRACKING)
        yield _remainder(number)
        yield _meeting(number)
        number += 1


def _remainder(number: int) -> Asked:
    """A Chinese remainder with one equation fewer, which looks like a puzzle of the paper's."""
    penguins = 3 + number
    left = number % penguins
    text = (
        f"There is a basket of at least {10 * penguins} durians. If we divide them equally among {penguins} "
        f"penguins, we have {left} left. How many durians are in the basket at least?"
    )
    return Asked(text, str(10 * penguins + left), "near miss", "one-remainder")


def _meeting(number: int) -> Asked:
    """A schedule with three people."""
    first, second, third = 9 + number % 3, 10 + number % 2, 9 + number % 4
    text = (
        f"A, B and C want to meet for an hour, plan number {number}. A can from {first}:00 to 15:00, B from "
        f"{second}:00 to 16:00, C from {third}:00 to 17:00. At which full hour do they meet at the earliest?"
    )
    return Asked(text, f"{max(first, second, third)}:00", "near miss", "three-people")


_CAPITALS = (
    "France Paris; Italy Rome; Spain Madrid; Portugal Lisbon; Norway Oslo; Sweden Stockholm; Peru Lima; "
    "Finland Helsinki; Denmark Copenhagen; Poland Warsaw; Austria Vienna; Hungary Budapest; Greece Athens; "
    "Turkey Ankara; Egypt Cairo; Kenya Nairobi; Ghana Accra; Japan Tokyo; China Beijing; India Delhi; "
    "Chile Santiago; Cuba Havana; Canada Ottawa; Ireland Dublin; Iceland Reykjavik"
)
_COLOURS = (
    "a ripe banana: yellow; fresh snow: white; coal: black; an emerald: green; a ruby: red; tar: black; "
    "the clear sky: blue; milk: white; a canary: yellow; grass in spring: green; a sapphire: blue; "
    "blood: red; an egg's yolk: yellow; spinach: green; chalk: white"
)
FOREIGN: tuple[tuple[str, str], ...] = (
    *((f"What is the capital of {_pair[0]}?", _pair[1]) for _pair in map(str.split, _CAPITALS.split("; "))),
    *(
        (f"Name in one word the usual colour of this: {_pair[0]}.", _pair[1])
        for _pair in (each.split(": ") for each in _COLOURS.split("; "))
    ),
)
