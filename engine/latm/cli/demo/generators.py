"""The demo's questions: seeded generators of three tasks, and questions that belong to none.

Each question comes with its right answer, for the accounts only: no model sees it. The scripted models share
nothing with this module, not even a table; they read the questions' text as any model has to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latm.errors import ConfigError

__all__ = ["DEFAULT_COUNT", "DEFAULT_SEED", "TASKS", "Question", "questions"]

DEFAULT_COUNT = 90
DEFAULT_SEED = 7
_MOST = 10_000
_FOREIGN_SHARE = 2 / 15
"""12 of 90 questions belong to no task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its right answer.

    Attributes:
        text: as it is asked.
        answer: the right answer, worded as the question asks for it.
        task: which generator made it; None for a question that belongs to no task.
    """

    text: str
    answer: str
    task: str | None

    def accepts(self, answer: str | None) -> bool:
        """Whether an answer is right; white space, case and a final full stop do not matter."""
        return answer is not None and _folded(answer) == _folded(self.answer)


def _folded(text: str) -> str:
    words = text.casefold().split()
    folded = " ".join(words).rstrip(".")
    # "]]" says the same as "] ]"; between words the space matters.
    return folded if any(character.isalnum() for character in folded) else folded.replace(" ", "")


def questions(count: int = DEFAULT_COUNT, *, seed: int = DEFAULT_SEED) -> tuple[Question, ...]:
    """A mixed stream: the three tasks in equal parts, two questions of fifteen of no task, shuffled.

    Raises:
        ConfigError: the count is below 1 or above 10,000.
    """
    if not 1 <= count <= _MOST:
        raise ConfigError(f"must be between 1 and {_MOST}, not {count}", where="questions")
    rng = random.Random(seed)  # noqa: S311 - repeatable questions, no secrets
    foreign = round(count * _FOREIGN_SHARE)
    makers = list(_MAKERS.values())
    stream = [makers[index % len(makers)](rng) for index in range(count - foreign)]
    stream += _foreign(rng, foreign)
    rng.shuffle(stream)
    return tuple(stream)


WORD_SORTING = "word sorting"
DYCK = "Dyck completion"
TRACKING = "tracking shuffled objects"

_WORD_LIST = (
    "acorn amber anchor apron arrow attic badge bakery barley basket beacon beaver bonnet bottle bramble "
    "bridge bronze bucket butter cabin camel candle canyon carpet castle cedar chalk cherry cider clover "
    "cobalt comet copper cotton cradle cricket crystal curtain daisy dagger desert donkey dragon drum eagle "
    "ember engine falcon feather fiddle flint forest fossil fountain galaxy garlic ginger glacier goblet "
    "granite hammer harbor harvest hazel helmet hollow honey island ivory jacket jasmine kettle kitten "
    "ladder lagoon lantern lemon lilac linen lobster magnet maple marble meadow melon mirror moss mustard "
    "nectar needle nutmeg oasis olive onion orchard otter oyster paddle parcel pebble pepper pigeon pillow "
    "plum pocket poppy pumpkin quarry quilt rabbit raven ribbon river saddle salmon sandal scarf shovel "
    "silver spider spoon stone sugar sunset tailor temple thistle thunder timber tulip tunnel turnip "
    "umbrella valley velvet violin walnut whistle willow window winter wizard zebra zinc"
)
_WORDS = tuple(_WORD_LIST.split())


_SORTING_PHRASES = (
    "Put these words into alphabetical order, separated by single spaces: {commas}.",
    "Here are some words: {spaces}. Write them down alphabetically, with one space between two words.",
    "Order the following words from A to Z and reply on one line, with spaces between them:\n{bullets}",
    (
        "In which order would a dictionary have the words {spoken}? Reply with the words alone and put a "
        "space between them."
    ),
)


def _word_sorting(rng: random.Random) -> Question:
    words = rng.sample(_WORDS, rng.randint(8, 14))
    bullets = "\n".join(f"- {word}" for word in words)
    text = rng.choice(_SORTING_PHRASES).format(
        commas=", ".join(words),
        spaces=" ".join(words),
        bullets=bullets,
        spoken=f"{', '.join(words[:-1])} and {words[-1]}",
    )
    return Question(text=text, answer=" ".join(sorted(words)), task=WORD_SORTING)


_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">"}


_DYCK_PHRASES = (
    (
        "Not every bracket in this sequence has been closed. Write the closing brackets that are missing at "
        "its end, with spaces between them.\nSEQUENCE"
    ),
    "Which closing brackets have to follow  SEQUENCE  to make it balanced? Put spaces between them.",
    (
        "Continue the sequence with as few brackets as possible so that each one is closed in the right "
        "order. Give only what you append, symbol by symbol with spaces: SEQUENCE"
    ),
)


def _dyck(rng: random.Random) -> Question:
    symbols: list[str] = []
    open_ones: list[str] = []
    target = rng.randint(2, 5)
    length = rng.randint(9, 16)
    while len(symbols) < length or len(open_ones) != target:
        closing = bool(open_ones) and rng.random() < (0.6 if len(open_ones) > target else 0.4)
        if closing:
            symbols.append(_PAIRS[open_ones.pop()])
        else:
            symbols.append(rng.choice(list(_PAIRS)))
            open_ones.append(symbols[-1])
    sequence = " ".join(symbols)
    text = rng.choice(_DYCK_PHRASES).replace("SEQUENCE", sequence)
    answer = " ".join(_PAIRS[symbol] for symbol in reversed(open_ones))
    return Question(text=text, answer=answer, task=DYCK)


_NAME_LIST = "Anouk Bruno Carmen Dario Elif Farid Greta Hugo Ines Jonas Karim Lotte Mira Nadia Omar Petra"
_NAMES = tuple(_NAME_LIST.split())
_THING_LIST = (
    "brass lamp,blue kite,clay whistle,copper bell,felt hat,glass marble,green scarf,iron key,leather ball,"
    "paper boat,pocket mirror,red notebook,silver spoon,straw basket,toy tractor,wooden flute"
)
_THINGS = tuple(_THING_LIST.split(","))
_ORDER = ("First", "Then", "Next", "After that", "Then", "Later", "Then", "Finally")


def _tracking(rng: random.Random) -> Question:
    names = rng.sample(_NAMES, 5)
    things = [f"the {thing}" for thing in rng.sample(_THINGS, 5)]
    holds = dict(zip(names, things, strict=True))
    swaps = [tuple(rng.sample(names, 2)) for _ in range(rng.randint(4, 7))]
    start, deal, ask = rng.choice(_STORIES)
    told = [f"{name} {start} {thing}" for name, thing in holds.items()]
    steps = [
        f"{word}, {deal.format(one=one, other=other)}."
        for word, (one, other) in zip([*_ORDER[: len(swaps) - 1], _ORDER[-1]], swaps, strict=True)
    ]
    for one, other in swaps:
        holds[one], holds[other] = holds[other], holds[one]
    asked = rng.choice(names)
    options = sorted(things, key=lambda _: rng.random())
    listed = "\n".join(f"({letter}) {thing}" for letter, thing in zip("ABCDE", options, strict=True))
    text = (
        f"{rng.choice(_OPENINGS)} {', '.join(told[:-1])}, and {told[-1]}. {' '.join(steps)} "
        f"{ask.format(name=asked)}\nOptions:\n{listed}"
    )
    return Question(text=text, answer=f"({'ABCDE'[options.index(holds[asked])]})", task=TRACKING)


_OPENINGS = (
    "Five friends meet at a flea market, each with one thing.",
    "Five children play a game of swapping.",
    "Five neighbours bring one thing each to the summer fair.",
)
_STORIES = (
    ("has", "{one} and {other} swap what they have", "What does {name} have in the end?"),
    ("starts with", "{one} trades with {other}", "What is left with {name} when all is done?"),
    ("holds", "{one} exchanges things with {other}", "Which thing does {name} hold at the end?"),
)

_MAKERS: dict[str, Callable[[random.Random], Question]] = {
    WORD_SORTING: _word_sorting,
    DYCK: _dyck,
    TRACKING: _tracking,
}
TASKS = tuple(_MAKERS)
"""The names of the three tasks, as the report calls them."""

# What no function computes; the last eight look like the tasks and are none of them.
_FOREIGN: tuple[tuple[str, str], ...] = (
    ("Which city is the capital of Norway?", "Oslo"),
    ("Name the capital of Portugal.", "Lisbon"),
    ("Which planet of the solar system has the most mass?", "Jupiter"),
    ("What is the chemical symbol of sodium?", "Na"),
    ("Who wrote the novel Don Quixote? Give the family name.", "Cervantes"),
    ("On which continent does the Atacama desert lie? Two words.", "South America"),
    ("What is the Spanish word for bread?", "pan"),
    ("Which gas do plants take from the air to make sugar? Give its English name.", "carbon dioxide"),
    ("In which year did people first walk on the Moon?", "1969"),
    ("What is the opposite of 'ancient', in one word: modern or antique?", "modern"),
    ("Which of these words is the odd one out: apple, pear, hammer, plum?", "hammer"),
    ("Which word names what these have in common: oak, birch, maple, willow?", "tree"),
    ("Which one of the words violin, trumpet and drum names an instrument with strings?", "violin"),
    ("From which alphabet do the letters alpha and omega come?", "Greek"),
    ("What is a word like 'level', which reads the same in both directions, called?", "palindrome"),
    ("What are the marks ( and ) called in written English, in one word?", "parentheses"),
    ("What is it called when people exchange goods without money, in one word?", "barter"),
    ("Hugo gave Mira a ring and asked for her hand. What did he propose, in one word?", "marriage"),
)


def _foreign(rng: random.Random, count: int) -> Sequence[Question]:
    chosen: list[tuple[str, str]] = []
    while len(chosen) < count:  # more than there are: from the start again
        chosen += rng.sample(_FOREIGN, min(len(_FOREIGN), count - len(chosen)))
    return [Question(text=text, answer=answer, task=None) for text, answer in chosen]
