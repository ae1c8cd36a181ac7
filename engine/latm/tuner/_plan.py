"""How many texts of each label are written, what each is written after, and what it is kept apart from."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

_WORD = re.compile(r"\w+")
_NEAREST = 2  # neighbours that are always named
_NAMED = 3  # neighbours in all


def shares(labels: Iterable[str], have: Mapping[str, int], total: int) -> dict[str, int]:
    """How many texts of each label are missing, so that ``total`` are spread evenly.

    No label is left with less than its even share because there are too many of another; those stay.

    Args:
        labels: in the order in which those are served that get one more than others.
        have: how many there are of each.
        total: how many there are to be of all.
    """
    order = list(labels)
    share, over = divmod(total, len(order))
    missing = {label: max(0, share - have.get(label, 0)) for label in order}
    over -= sum(1 for label in order if have.get(label, 0) > share)
    for label in order:
        if over <= 0:
            break
        if have.get(label, 0) <= share:
            missing[label] += 1
            over -= 1
    return missing


def combinations(attributes: Mapping[str, Sequence[str]], *, seed: str) -> Iterator[Mapping[str, str]]:
    """Combinations of the attributes' values, without end.

    At every point each value of an attribute has come as often as any other, give or take one; and so has
    each combination: none comes twice before all have come. So too for attributes with thousands of them.

    The values go round side by side, each attribute's in an order of its own, which gives ``lcm`` of their
    numbers different combinations; then one of them is shifted, for the next as many. Every such shift is
    a coset of the group that the first round is: together they are all combinations, each once.
    """
    chance = random.Random(seed)  # noqa: S311 - draws variety; no secret
    values = {
        name: chance.sample(own, len(own)) for name, each in attributes.items() if (own := _unlike(each))
    }
    length, radices = 1, list[int]()
    for each in values.values():
        radices.append(math.gcd(length, len(each)))
        length = math.lcm(length, len(each))
    rounds = math.prod(radices)
    # Any step that shares no divisor with their number leads through all rounds.
    step = chance.randrange(1, rounds + 1)
    while math.gcd(step, rounds) != 1:
        step = chance.randrange(1, rounds + 1)
    current = chance.randrange(rounds)
    while True:
        shifts, rest = list[int](), current
        for radix in radices:
            rest, shift = divmod(rest, radix)
            shifts.append(shift)
        for place in range(length):
            yield {
                name: each[(place + shift) % len(each)]
                for (name, each), shift in zip(values.items(), shifts, strict=True)
            }
        current = (current + step) % rounds


def _unlike(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def without(
    found: Iterator[Mapping[str, str]], used: Iterable[Mapping[str, str]]
) -> Iterator[Mapping[str, str]]:
    """The combinations but those that are used already, each left out as often as it is."""
    left = Counter(_key(each) for each in used)
    for each in found:
        if left[_key(each)]:
            left[_key(each)] -= 1
        else:
            yield each


def _key(values: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


def neighbours(labels: Mapping[str, str], label: str) -> Sequence[str]:
    """The other labels, those first whose name and description share most words with this one's."""
    own = _words(label, labels[label])
    likeness = {
        other: len(own & theirs) / len(own | theirs)
        for other, text in labels.items()
        if other != label and (theirs := _words(other, text))
    }
    return sorted((other for other in labels if other != label), key=lambda other: -likeness.get(other, 0.0))


def named(near: Sequence[str], number: int) -> Sequence[str]:
    """The neighbours that request ``number`` names: the nearest ones always, the others in turn."""
    if len(near) <= _NAMED:
        return near
    turns = near[_NEAREST:]
    return [*near[:_NEAREST], turns[(number - 1) % len(turns)]]


def _words(label: str, text: str) -> set[str]:
    return set(_WORD.findall(f"{label} {text}".casefold()))
