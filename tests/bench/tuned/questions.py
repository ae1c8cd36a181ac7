"""Questions of the paper's tasks, and of none, put together of hand-written pieces: a script and no model.

It stands in for the strong model that would write a dispatcher's training data, so that the figures can be
made again without a network. The pieces are in ``questions.toml``. One seed gives the same questions.
"""

from __future__ import annotations

import itertools
import random
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

NONE = "none"
_PART = re.compile(r"\{([^{}]*)\}")
_WORDS = """
    ladder cinnamon harbour velvet pumpkin saddle mirror thunder kettle ribbon cactus dolphin feather gravel
    hammock island jacket lettuce marble napkin olive parrot quilt radish sparrow teapot umbrella village
    wagon yoghurt barrel candle dagger engine funnel guitar hazel insect jungle ketchup
"""
_NAMES = "Ruth Omar Lin Vera Tom Ingrid Pablo Sofia Hugo Nina Karl Mina Paul Leo Zoe"
_THINGS = "mug jar bowl plate spoon torch brush whistle puzzle globe compass drone stapler marker"
_PAIRS = ("()", "[]", "{}", "<>")


def labels() -> Mapping[str, str]:
    """Each task with what it is about, and ``none``."""
    return {**{name: task["about"] for name, task in _pieces()["tasks"].items()}, NONE: _none()["about"]}


def questions(per_task: int, *, none: int, look_alikes: bool, seed: int = 0) -> list[tuple[str, str]]:
    """Questions with their labels, all different.

    Args:
        per_task: how many of each task.
        none: how many of no task.
        look_alikes: whether half of the latter look like the tasks.
        seed: decides on all that is drawn.
    """
    found = [
        (text, name)
        for name, task in _pieces()["tasks"].items()
        for text in _written(task["questions"], per_task, random.Random(f"{seed} {name}"))
    ]
    alike = none // 2 if look_alikes else 0
    for kind, count in (("foreign", none - alike), ("look_alikes", alike)):
        found += [(text, NONE) for text in _written(_none()[kind], count, random.Random(f"{seed} {kind}"))]
    return found


def halves(train: int, ask: int, *, seed: int = 0) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Questions of each label, and of none, to train on and to ask; of different templates.

    Args:
        train: how many of a label to train on.
        ask: how many of a label to ask.
        seed: decides on all that is drawn, the halves among it.
    """
    chance = random.Random(f"halves {seed}")
    kinds = {name: [task["questions"]] for name, task in _pieces()["tasks"].items()}
    kinds[NONE] = [_none()["foreign"], _none()["look_alikes"]]
    found: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for name, groups in kinds.items():
        mixed = [chance.sample(list(forms), len(forms)) for forms in groups]
        for half, (texts, count) in enumerate(zip(found, (train, ask), strict=True)):
            forms = [form for each in mixed for form in each[half::2]]
            texts.extend((text, name) for text in _written(forms, count, chance))
    return found


def templates() -> Iterator[str]:
    """Every template, with its choices and gaps still in it."""
    for task in _pieces()["tasks"].values():
        yield from task["questions"]
    yield from (*_none()["foreign"], *_none()["look_alikes"])


def _written(forms: Sequence[str], count: int, chance: random.Random) -> list[str]:
    """As many texts, the forms in turns; a form that has nothing new to say is passed over."""
    order = chance.sample(list(forms), len(forms))
    found: dict[str, None] = {}
    for turn in range(100 * (count + 1)):
        if len(found) == count:
            break
        found.setdefault(_filled(order[turn % len(order)], chance))
    return list(found)


def _filled(form: str, chance: random.Random) -> str:
    names = chance.sample(_NAMES.split(), chance.choice((3, 3, 4, 5)))
    things = chance.sample(_THINGS.split(), len(names))
    gaps = _gaps(chance, names, things)

    def fill(found: re.Match[str]) -> str:
        inside = found[1]
        return gaps[inside]() if inside in gaps else chance.choice(inside.split("|"))

    return _PART.sub(fill, form)


def _gaps(
    chance: random.Random, names: Sequence[str], things: Sequence[str]
) -> Mapping[str, Callable[[], str]]:
    def some(words: Sequence[str], fewest: int = 3, most: int = 7) -> list[str]:
        return chance.sample(list(words), chance.randint(fewest, most))

    def pairs(form: str, joined: str) -> str:
        found = [(each, chance.randint(1, each - 1)) for each in chance.sample((5, 7, 9, 11, 13, 16), 2)]
        return joined.join(form.format(by=by, left=left) for by, left in found)

    def compared(form: str) -> str:
        return ", ".join(form.format(one=one, other=other) for one, other in itertools.pairwise(things))

    return {
        "words": lambda: chance.choice((", ", " ", "; ")).join(some(_WORDS.split())),
        "lines": lambda: "\n".join(f"* {each}" for each in some(_WORDS.split())),
        "brackets": lambda: _brackets(chance),
        "brackets_word": lambda: chance.choice(("brackets", "parentheses")),
        "start": lambda: _start(chance, names, things),
        "swaps": lambda: _swaps(chance, names),
        "person": lambda: names[0],
        "other": lambda: names[1],
        "thing": lambda: things[0],
        "things": lambda: ", ".join(f"a {each}" for each in things),
        "n": lambda: str(len(things)),
        "things_word": lambda: chance.choice(("things", "objects")),
        "options": lambda: "\n".join(f"({'abcde'[at]}) {each}" for at, each in enumerate(things)),
        "clues": lambda: compared(
            chance.choice(
                (
                    "the {one} stands left of the {other}",
                    "the {one} has the {other} somewhere on its left",
                    "the {other} lies further left than the {one}",
                )
            )
        ),
        "claims": lambda: "\n".join(
            f"{'abcde'[at]}) The {each} {chance.choice(('comes first', 'comes last', 'is second'))}."
            for at, each in enumerate(things)
        ),
        "ranks": lambda: ", ".join(
            f"{one} {chance.choice(('beat', 'was ahead of', 'was behind'))} {other}"
            for one, other in itertools.pairwise(names)
        ),
        "ages": lambda: ", ".join(
            f"{one} is {chance.choice(('older', 'younger'))} than {other}"
            for one, other in itertools.pairwise(names)
        ),
        "prices": lambda: compared(
            chance.choice(("the {one} is cheaper than the {other}", "the {one} is dearer than the {other}"))
        ),
        "limit": lambda: str(chance.choice((60, 90, 120, 150, 200, 400, 1000))),
        "modulus": lambda: str(chance.choice((7, 9, 11, 13))),
        "remainders": lambda: pairs(
            chance.choice(("a remainder of {left} for the divisor {by}", "a rest of {left} modulo {by}")),
            " and ",
        ),
        "congruences": lambda: pairs(
            chance.choice(("x = {left} mod {by}", "x ≡ {left} (mod {by})", "n % {by} == {left}")), ", "
        ),
        "rows": lambda: pairs("rows of {by} let {left} remain", ", "),
        "packs": lambda: pairs("packs of {by} leave {left} over", ", "),
        "times": lambda: _times(chance),
        "free": lambda: (
            f"{names[0]} {chance.choice(('has time', 'can'))} {_times(chance)}, {names[1]} {_times(chance)}"
        ),
        "length": lambda: chance.choice(
            (
                "30 minutes",
                "an hour",
                "one hour",
                "45 minutes",
                "two hours",
                "90 minutes",
            )
        ),
    }


def _brackets(chance: random.Random) -> str:
    opened: list[str] = []
    said: list[str] = []
    for _ in range(chance.randint(3, 12)):
        if opened and chance.random() < 0.35:
            said.append(opened.pop())
        else:
            pair = chance.choice(_PAIRS)
            opened.append(pair[1])
            said.append(pair[0])
    return chance.choice(("", " ")).join(said)


def _start(chance: random.Random, names: Sequence[str], things: Sequence[str]) -> str:
    form = chance.choice(("{} has the {}", "{} gets a {}", "{}: {}", "{} took the {}"))
    return ", ".join(form.format(name, thing) for name, thing in zip(names, things, strict=True))


def _swaps(chance: random.Random, names: Sequence[str]) -> str:
    verb = chance.choice(("swap", "trade", "change places", "exchange"))
    pairs = [chance.sample(list(names), 2) for _ in range(chance.randint(2, 5))]
    joined = chance.choice((", then ", "; ", ". Next "))
    return joined.join(f"{one} and {other} {verb}" for one, other in pairs)


def _times(chance: random.Random) -> str:
    found: list[str] = []
    hour = chance.randint(8, 11)
    for _ in range(chance.randint(1, 3)):
        until = hour + chance.randint(1, 2)
        dash = chance.choice(("-", " - ", " to "))
        found.append(f"{hour}:{chance.choice(('00', '30'))}{dash}{until}:{chance.choice(('15', '30', '45'))}")
        hour = until + chance.randint(1, 2)
    return chance.choice((", ", " and ")).join(found)


def _none() -> Mapping[str, Sequence[str]]:
    return _pieces()["none"]


@cache
def _pieces() -> Mapping:
    return tomllib.loads(Path(__file__).with_name("questions.toml").read_text(encoding="utf-8"))
