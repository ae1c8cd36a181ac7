"""Wrong answers: a property that none of them makes fail says nothing about right ones."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

_ODD: tuple[object, ...] = (None, "\N{WHITE QUESTION MARK ORNAMENT}", -987_654_321, [], {"wrong": "wrong"})


def scrambled(value: object, random: Random, *, alike: bool) -> object:  # noqa: C901, PLR0911 - a kind each
    """Something else than `value`.

    Args:
        value: what the function answered.
        random: chooses.
        alike: of the same kind as the value is, where there is one; else of any other.
    """
    if not alike:
        return random.choice([each for each in _ODD if type(each) is not type(value)])
    match value:
        case bool():
            return not value
        case int():
            return value + random.choice((-2, -1, 1, 2, 1000))
        case float():
            return value + random.choice((-1.5, 0.25, 1000.0))
        case str():
            return _text(value, random)
        case list():
            return _items(value, random)  # pyright: ignore[reportUnknownArgumentType]
        case tuple():
            return tuple(_items(list(value), random))  # pyright: ignore[reportUnknownArgumentType]
        case dict():
            return _entries(value, random)  # pyright: ignore[reportUnknownArgumentType]
        case set():
            return set(_without_one(value))  # pyright: ignore[reportUnknownArgumentType]
        case frozenset():
            return frozenset(_without_one(value))  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return random.choice(_ODD)


def _without_one(value: Collection[object]) -> list[object]:
    return sorted(value, key=repr)[1:] or ["wrong"]


def _text(value: str, random: Random) -> str:
    at = random.randrange(len(value)) if value else 0
    ways = [value + random.choice("x)] 7"), value[:at] + value[at + 1 :], value[::-1], "", "wrong"]
    others = [way for way in ways if way != value]
    return random.choice(others)


def _items(value: list[object], random: Random) -> list[object]:
    if not value:
        return [random.choice(_ODD)]
    at = random.randrange(len(value))
    changed = scrambled(value[at], random, alike=True)
    ways = [
        value[:at] + value[at + 1 :],
        [*value, value[at]],
        value[::-1],
        [*value[:at], changed, *value[at + 1 :]],
        [],
    ]
    return random.choice([way for way in ways if way != value])


def _entries(value: dict[object, object], random: Random) -> dict[object, object]:
    if not value:
        return {"wrong": "wrong"}
    key = random.choice(list(value))
    others = {each: item for each, item in value.items() if each != key}
    return random.choice([others, {**value, key: scrambled(value[key], random, alike=True)}])
