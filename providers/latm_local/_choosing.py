"""Which choice a question belongs to: what is proven, and what a trained classifier adds to it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from latm_local._asking import Asked, Choice
from latm_local._likeness import Likeness, tfidf
from latm_local._proving import proof, tokens

_NONE = "none"
_NO_WORD = re.compile(r"[^0-9a-z]+")


def likenesses(asked: Asked, likeness: Likeness) -> Mapping[str, tuple[float, float]]:
    """Of every choice the likeness of its nearest question and of its nearest near miss."""
    texts = [text for choice in asked.choices for text in _texts(choice)]
    figures = iter(likeness(asked.question, texts))
    found: dict[str, tuple[float, float]] = {}
    for choice in asked.choices:
        own = [next(figures) for _ in choice.known]
        misses = [next(figures) for _ in choice.misses]
        found[choice.name] = max(own, default=0.0), max(misses, default=0.0)
    return found


def proven(asked: Asked, scores: Mapping[str, tuple[float, float]]) -> tuple[str | None, str]:
    """The one choice that is proven, unless another one is nearer, or a near miss is as near; and how."""
    found = {each.name: how for each in asked.choices if (how := proof(asked.question, each))}
    if len(found) != 1:
        return None, ""
    ((name, how),) = found.items()
    if how == "repeat":
        return name, how
    own, miss = scores[name]
    nearest = max(scores[each.name][0] for each in asked.choices)
    return (name, how) if own >= nearest and own > miss else (None, "")


def chosen(asked: Asked, figures: Mapping[str, float], *, sure_from: float) -> tuple[str | None, str]:
    """The choice that is proven, else the one that a classifier is sure of; and how it was found.

    A classifier knows the choices by its labels, which are written as they are or otherwise ("word sorting"
    for "word-sorting"). A label that stands for nothing on offer picks nothing, with one exception: the label
    ``none``, where that is on offer. A known near miss is never chosen, nor what is nearer to one than to
    every known question.

    Args:
        asked: the question and the choices.
        figures: of each label the probability.
        sure_from: the probability from which on it is chosen.
    """
    scores = likenesses(asked, tfidf)
    name, how = proven(asked, scores)
    if name is not None or not tokens(asked.question):
        return name, how
    label = max(figures, key=figures.__getitem__)
    if figures[label] < sure_from:
        return None, ""
    known = {_plain(each.name): each for each in asked.choices}
    choice = known.get(_plain(label))
    if choice is None:
        return (_NONE, "label") if _plain(label) == _NONE and _NONE in asked.offered else (None, "")
    own, miss = scores[choice.name]
    return (choice.name, "label") if not choice.misses or own > miss else (None, "")


def _plain(name: str) -> str:
    return _NO_WORD.sub("-", name.casefold()).strip("-")


def _texts(choice: Choice) -> tuple[str, ...]:
    return (*(each.question for each in choice.known), *choice.misses)
