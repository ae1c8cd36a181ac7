"""Texts that hold the name of their label: a model learns to look for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from latm.tuner._texts import is_telling
from latm.tuner.reviewing._findings import Finding, Severity
from latm.tuner.reviewing._texts import Corpus, Text, spans, words_of

_TIMES = 3.0
"""A name gives a label away that is in its texts this many times as often as in those of the others. One that
is not is the natural word for the topic of many, and no model gets far by looking for it."""

_NATURAL = 0.25
"""Where this share of a label's real examples holds the name, the texts may hold it too."""

_GRAVE = 0.2
"""The share of a label's texts with its name from which on a model learns the name before all else."""

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PARTS = re.compile(r"[/,;|&()]|\b(?:and|or)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Name:
    """The stems of a name, and of the same written as one word."""

    stems: tuple[str, ...]
    joined: str

    @classmethod
    def of(cls, name: str, corpus: Corpus) -> _Name:
        words = words_of(_CAMEL.sub(" ", name))
        return cls(tuple(corpus.stem(word) for word in words), corpus.stem("".join(words)))

    def find(self, text: str, corpus: Corpus) -> Iterator[tuple[int, int]]:
        """Where it stands in a text: in any form, in two words or in one."""
        words = spans(text)
        stems = [corpus.stem(word) for word, _, _ in words]
        size = len(self.stems)
        for at, stem in enumerate(stems):
            if stem == self.joined:
                yield words[at][1], words[at][2]
            elif tuple(stems[at : at + size]) == self.stems:
                yield words[at][1], words[at + size - 1][2]


@dataclass(frozen=True, slots=True)
class _Look:
    """Texts, and what a look for one name after another needs of them."""

    corpus: Corpus
    by_label: Mapping[str, Sequence[Text]]
    stems: Mapping[str, frozenset[str]]

    @classmethod
    def at(cls, texts: Sequence[Text], corpus: Corpus) -> _Look:
        stems = {each.id: frozenset(map(corpus.stem, each.words)) for each in texts}
        return cls(corpus, corpus.by_label(texts), stems)

    def holds(self, form: _Name, text: Text) -> tuple[str, ...]:
        """The forms of a name in a text."""
        # Most texts are out of the question by a look into a set.
        known = self.stems[text.id]
        if form.joined not in known and not known.issuperset(form.stems):
            return ()
        return tuple(text.sample.text[start:end] for start, end in form.find(text.sample.text, self.corpus))

    def finding(self, label: str, name: str, besides: AbstractSet[str]) -> Finding | None:
        """What is to say of a name in the texts of a label, but for those that are judged already."""
        form = _Name.of(name, self.corpus)
        own = [each for each in self.by_label[label] if each.id not in besides]
        others = [each for other, those in self.by_label.items() if other != label for each in those]
        hits = {each.id: held for each in own if (held := self.holds(form, each))}
        if not hits:
            return None
        outside = sum(1 for each in others if self.holds(form, each))
        real = [each for each in self.corpus.examples if each.label == label]
        natural = sum(1 for each in real if any(form.find(each.sample.text, self.corpus)))
        share, share_outside = len(hits) / len(own), outside / max(len(others), 1)
        severity: Severity = "note"
        if real and natural >= _NATURAL * len(real):
            verdict = f"; {natural} of {len(real)} real examples hold it too, so they may"
        elif share <= _TIMES * share_outside:
            verdict = "; it gives little away"
        elif name != label:
            severity, verdict = "warning", ": a model may learn to look for it"
        else:
            severity = "error" if len(hits) > 1 and share >= _GRAVE else "warning"
            verdict = ": a model learns to look for the name"
        whose = "its own label" if name == label else f"the label {label!r}"
        return Finding(
            "leakage",
            severity,
            tuple(hits),
            f"{name!r} is in {len(hits)} of {len(own)} texts of {whose} "
            f"and in {outside} of {len(others)} others{verdict}",
            drop=tuple(hits) if severity != "note" and name == label else (),
            found=tuple(sorted({each for held in hits.values() for each in held})),
        )


def leakage(corpus: Corpus, texts: Sequence[Text]) -> list[Finding]:
    """Look for the names of labels.

    Args:
        corpus: whose labels and examples count.
        texts: those to look at.
    """
    look = _Look.at(texts, corpus)
    found: list[Finding | None] = []
    for label in corpus.spec.labels:
        stamped = tuple(each.id for each in look.by_label[label] if _is_stamped(each, label))
        if stamped:
            message = f"{label!r} stands on a line of its own, like a heading"
            found.append(Finding("leakage", "error", stamped, message, drop=stamped, found=(label,)))
        if is_telling(label):
            found.append(look.finding(label, label, frozenset(stamped)))
        # Its parts are only pointed out: a writer can be told to avoid a name, but hardly all its words.
        found += [look.finding(label, part, frozenset(stamped)) for part in _parts(label)]
    return [each for each in found if each is not None]


def _is_stamped(text: Text, label: str) -> bool:
    """Whether a line is the label and no more, or "Category: LABEL"."""
    wanted = words_of(label)
    return any(
        wanted == words_of(line.rsplit(":", 1)[-1])
        for line in text.sample.text.splitlines()
        if line.strip() and len(line) <= 2 * len(label) + 40
    )


def _parts(label: str) -> list[str]:
    """What a label is made of: "Checking or savings account" is two."""
    parts = [part.strip() for part in _PARTS.split(label) if part.strip()]
    return [each for each in parts if is_telling(each)] if len(parts) > 1 else []
