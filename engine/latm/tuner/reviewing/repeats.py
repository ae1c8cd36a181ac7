"""The same text twice: among the samples, with two labels, and in training and validation both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from latm.tuner.reviewing._findings import Finding, Severity
from latm.tuner.reviewing._texts import Corpus, Text, likenesses

NEAR = 0.7
"""Likeness from which on two texts are near-duplicates: they share more than four fifths of their words. Two
mails on one matter that know nothing of each other share a fifth."""

_PHRASE = 8
"""Words in a row that two texts hardly have in common by chance."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the texts are.

    Attributes:
        near: for each text those that are near to it, by their places.
        nearest: how alike each is to the one most like it.
    """

    near: Mapping[int, tuple[int, ...]]
    nearest: tuple[float, ...]

    @classmethod
    def of(cls, texts: Sequence[Text]) -> Likeness:
        """Compare each text with each."""
        near: dict[int, tuple[int, ...]] = {}
        nearest: list[float] = []
        for number, row in enumerate(likenesses(texts, texts)):
            row[number] = 0.0
            nearest.append(float(row.max()))
            if row.max() >= NEAR:
                near[number] = tuple(int(each) for each in (row >= NEAR).nonzero()[0])
        return cls(near, tuple(nearest))


def contradictions(corpus: Corpus, likeness: Likeness) -> list[Finding]:
    """The same text with two labels, and nearly the same."""
    found: list[Finding] = []
    same: dict[str, list[Text]] = {}
    for each in corpus.texts:
        same.setdefault(each.key, []).append(each)
    for group in same.values():
        labels = {each.label: None for each in group}
        if len(labels) > 1:
            ids = tuple(each.id for each in group)
            message = f"the same text has the labels {' and '.join(map(repr, labels))}"
            found.append(Finding("contradiction", "error", ids, message, drop=ids))
    for number, others in likeness.near.items():
        one = corpus.texts[number]
        # Not dropped: two texts that differ in the telling word alone are worth having.
        for two in (corpus.texts[other] for other in others if other > number):
            if two.label != one.label and two.key != one.key:
                message = (
                    f"nearly the same text has the labels {one.label!r} and {two.label!r}: "
                    "one may be wrong, or they differ in the word that matters"
                )
                found.append(Finding("contradiction", "warning", (one.id, two.id), message))
    return found


def near_duplicates(corpus: Corpus, likeness: Likeness, dropped: AbstractSet[str]) -> list[Finding]:
    """Texts of one label that are the same or nearly so: one of them is kept.

    Args:
        corpus: the texts.
        likeness: how alike they are.
        dropped: those that go anyway; one of the others is kept before one of these.
    """
    order = sorted(range(len(corpus.texts)), key=lambda number: corpus.texts[number].id in dropped)
    followers: dict[int, list[int]] = {}
    for number in order:
        text = corpus.texts[number]
        keeper = next(
            (
                other
                for other in likeness.near.get(number, ())
                if other in followers and corpus.texts[other].label == text.label
            ),
            None,
        )
        followers.setdefault(number if keeper is None else keeper, []).append(number)
    found: list[Finding] = []
    for keeper, group in followers.items():
        if len(group) > 1:
            kept = corpus.texts[keeper]
            ids = tuple(corpus.texts[number].id for number in group)
            are = (
                "the same" if all(corpus.texts[each].key == kept.key for each in group) else "nearly the same"
            )
            found.append(
                Finding("near-duplicate", "warning", ids, f"{len(ids)} texts are {are}", drop=ids[1:])
            )
    return found


def copied_examples(corpus: Corpus) -> list[Finding]:
    """Texts that are the spec's real examples over again."""
    found: list[Finding] = []
    for text, row in zip(corpus.texts, likenesses(corpus.texts, corpus.examples), strict=True):
        if len(row) and row.max() >= NEAR:
            example = corpus.examples[int(row.argmax())]
            message = (
                f"is nearly the real {example.id}" if text.key != example.key else f"is the real {example.id}"
            )
            found.append(Finding("near-duplicate", "warning", (text.id,), message, drop=(text.id,)))
    return found


def overlap(corpus: Corpus) -> list[Finding]:
    """Texts that are in training and in validation: such a comparison says nothing."""
    found: list[Finding] = []
    for name, others in corpus.others.items():
        twice: set[str] = set()
        for text, row in zip(corpus.texts, likenesses(corpus.texts, others), strict=True):
            if len(row) and row.max() >= NEAR:
                other = others[int(row.argmax())]
                same = text.key == other.key
                are = "the same as" if same else "nearly the same as"
                message = f"is {are} {other.id} of {name}: the comparison would flatter"
                twice.add(text.id)
                # A synthetic set flatters anyway, which is said wherever its figures are.
                severity: Severity = "warning" if other.sample.by and not same else "error"
                found.append(Finding("overlap", severity, (text.id,), message, drop=(text.id,)))
        found += _shared_phrases(corpus, name, twice)
        found += _examples_in(corpus, name)
    return found


def _shared_phrases(corpus: Corpus, name: str, besides: AbstractSet[str]) -> list[Finding]:
    there = {phrase for other in corpus.others[name] for phrase in _phrases(other)}
    holders: dict[str, str] = {}
    for text in corpus.texts:
        if text.id not in besides:
            shared = next((phrase for phrase in _phrases(text) if phrase in there), None)
            if shared is not None:
                holders[text.id] = shared
    if not holders:
        return []
    first = next(iter(holders.values()))
    message = f"{len(holders)} texts share {_PHRASE} words in a row with {name}, such as {first!r}"
    return [Finding("overlap", "note", tuple(holders), message)]


def _examples_in(corpus: Corpus, name: str) -> list[Finding]:
    """The writer of the samples has seen the examples."""
    others = corpus.others[name]
    seen = [
        example.id
        for example, row in zip(corpus.examples, likenesses(corpus.examples, others), strict=True)
        if len(row) and row.max() >= NEAR
    ]
    if not seen:
        return []
    message = f"{len(seen)} real examples of the spec are in {name} too: the writer of the samples saw them"
    return [Finding("overlap", "warning", tuple(seen), message)]


def _phrases(text: Text) -> list[str]:
    words = text.words
    return [" ".join(words[at : at + _PHRASE]) for at in range(len(words) - _PHRASE + 1)]
