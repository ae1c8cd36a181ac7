"""Contenders two by two on the same samples, and the sentence that the figures allow."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

from latm._intervals import LEVEL
from latm.tuner import _statistics
from latm.tuner._scores import EFFECT, Entrant, Outcome, Pair, SampleSet, Verdict

_POINTS = 100


def pairs(
    set_: SampleSet, entrants: Sequence[Entrant], verdicts: Mapping[str, Sequence[Verdict]]
) -> tuple[Pair, ...]:
    """Every two contenders on one set; each tuned one against the base first. `corrected` judges them.

    Args:
        set_: the set.
        entrants: in their order; the later one of two is the second.
        verdicts: by contender, in the order of the samples.
    """
    # A service whose base could not be asked is compared with a zero-shot model instead.
    reference = "base" if any(each.kind == "base" for each in entrants) else "zero-shot"
    found = [
        _pair(
            set_,
            (first.name, verdicts[first.name]),
            (second.name, verdicts[second.name]),
            main=first.kind == reference and second.kind == "tuned",
        )
        for first, second in itertools.combinations(entrants, 2)
    ]
    return tuple(sorted(found, key=lambda each: not each.main))


def corrected(sets: Sequence[SampleSet], found: Sequence[Pair]) -> tuple[Pair, ...]:
    """The pairs, in their order, with what several tests at once leave of their p-values.

    The main ones of all sets that decide are one family, since any one of them may show that a model is
    better. Those of a set that does not decide, and what is told beside, are families of their own for each
    set: they cost the main ones no power.
    """
    deciding = {each.name for each in sets if not each.synthetic} or {each.name for each in sets}
    families: dict[tuple[str, bool], list[int]] = {}
    for place, each in enumerate(found):
        together = each.main and each.set in deciding
        families.setdefault(("" if together else each.set, each.main), []).append(place)
    by_name = {each.name: each for each in sets}
    judged: dict[int, Pair] = {}
    for places in families.values():
        judged |= zip(places, _judged([found[place] for place in places], by_name), strict=True)
    return tuple(judged[place] for place in range(len(found)))


def _pair(
    set_: SampleSet,
    first: tuple[str, Sequence[Verdict]],
    second: tuple[str, Sequence[Verdict]],
    *,
    main: bool,
) -> Pair:
    # An outage says nothing of a model: where one of them gave no reply, none is compared.
    both = [
        (one.right, other.right)
        for one, other in zip(first[1], second[1], strict=True)
        if "error" not in {one.kind, other.kind}
    ]
    n = len(both)
    only_first, only_second = both.count((True, False)), both.count((False, True))
    p, mid_p = _statistics.mcnemar(only_first, only_second)
    found, low, high = _statistics.difference(only_first, only_second, n)
    return Pair(
        set=set_.name,
        first=first[0],
        second=second[0],
        main=main,
        n=n,
        left_out=len(first[1]) - n,
        only_first=only_first,
        only_second=only_second,
        difference=found,
        low=low,
        high=high,
        p=p,
        mid_p=mid_p,
    )


def _judged(family: Sequence[Pair], sets: Mapping[str, SampleSet]) -> list[Pair]:
    """The pairs with what several tests at once leave of their p-values, and with their sentences."""
    judged: list[Pair] = []
    for each, left in zip(family, _statistics.holm([each.p for each in family]), strict=True):
        outcome: Outcome = "no difference"
        if left < LEVEL:
            outcome = "better" if each.difference > 0 else "worse"
        pair = dataclasses.replace(each, tests=len(family), corrected=left, outcome=outcome)
        share = (each.only_first + each.only_second) / each.n if each.n else EFFECT
        pair = dataclasses.replace(pair, needed=_statistics.pairs_needed(EFFECT, share, tests=len(family)))
        judged.append(dataclasses.replace(pair, sentence=_sentence(pair, sets[each.set])))
    return judged


def _sentence(pair: Pair, set_: SampleSet) -> str:
    place = f"{set_.name}{' (synthetic)' if set_.synthetic else ''}, n = {pair.n}"
    points = round(EFFECT * _POINTS)
    if pair.n == 0:
        return f"{pair.second} against {pair.first} on {set_.name}: no sample to which both gave a reply."
    if pair.outcome != "no difference":
        text = f"{pair.second} is {pair.outcome} than {pair.first} on {place}: {_span(pair)}, {_p(pair)}."
    elif pair.n < pair.needed:
        text = (
            f"No difference shown between {pair.second} and {pair.first} on {place}: {_span(pair)}, "
            f"{_p(pair)}; to show one of {points} points you would need about {pair.needed:,} samples."
        )
    else:
        text = (
            f"No difference shown between {pair.second} and {pair.first} on {place}: {_span(pair)}, "
            f"{_p(pair)}; one of {points} points would most likely have shown."
        )
    if pair.left_out:
        text += f" Left out: {pair.left_out} to which one of them gave no reply."
    return text


def _span(pair: Pair) -> str:
    found, low, high = (f"{_POINTS * each:+.0f}" for each in (pair.difference, pair.low, pair.high))
    return f"{found} points (95 % interval {low} to {high})".replace("+0 ", "0 ").replace("-0 ", "0 ")


def _p(pair: Pair) -> str:
    text = p_text(pair.corrected)
    return text if pair.tests == 1 else f"{text} after Holm's correction for {pair.tests} tests"


def p_text(p: float) -> str:
    """A p-value for people: ``p = 0.004``, ``p < 0.001``."""
    if p < 0.001:  # noqa: PLR2004 - the custom of papers
        return "p < 0.001"
    text = f"{p:.3f}" if p < 0.1 else f"{p:.2f}"  # noqa: PLR2004
    # Rounding must not carry a p over the level that it did not pass, nor up to it.
    return f"p = {p:.5f}" if text == "0.050" and p != 0.05 else f"p = {text}"  # noqa: PLR2004
