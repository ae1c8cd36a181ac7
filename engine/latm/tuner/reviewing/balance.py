"""Labels with too few texts or none, and what tells a label without reading the text."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from statistics import median

from latm.tuner._texts import count_words
from latm.tuner.reviewing._findings import Finding
from latm.tuner.reviewing._texts import Corpus, Text, words_of

_UNEVEN = 3.0
"""The largest label may have this many times the texts of the smallest."""

_BINS = 10
_FEWEST = 20
_GAIN = 0.2
"""By how much the length alone may tell the label better than the commonest label does."""

_NEARLY_ALL, _HARDLY_ANY = 0.8, 0.02
_FEWEST_OF_A_LABEL = 5


def balance(corpus: Corpus) -> list[Finding]:
    """Labels that are unknown, missing, or far from even."""
    found: list[Finding] = []
    texts = corpus.by_label(corpus.texts)
    for label in texts.keys() - corpus.spec.labels.keys():
        ids = tuple(each.id for each in texts.pop(label))
        message = f"no such label: {label!r}; there are {', '.join(map(repr, corpus.spec.labels))}"
        found.append(Finding("balance", "error", ids, message, drop=ids))
    found.sort(key=lambda each: each.message)
    found += [
        Finding("balance", "error", (), f"no text has the label {label!r}")
        for label, those in texts.items()
        if not those
    ]
    counts = {label: len(those) for label, those in texts.items() if those}
    if counts and max(counts.values()) > _UNEVEN * min(counts.values()):
        least, most = min(counts, key=lambda each: counts[each]), max(counts, key=lambda each: counts[each])
        message = (
            f"{most!r} has {counts[most]} texts and {least!r} has {counts[least]}: "
            "a model learns to guess the first"
        )
        found.append(Finding("balance", "warning", (), message))
    return found


def telling_length(corpus: Corpus) -> list[Finding]:
    """Whether the label can be told by the length alone."""
    texts = [each for each in corpus.texts if each.label in corpus.spec.labels]
    if len(texts) < _FEWEST:
        return []
    told, commonest = _told_by_length(texts), _share_of_commonest(texts)
    if told < commonest + _GAIN:
        return []
    medians = {
        label: median(count_words(each.sample.text) for each in those)
        for label, those in corpus.by_label(texts).items()
        if those
    }
    short, long = min(medians, key=lambda each: medians[each]), max(medians, key=lambda each: medians[each])
    message = (
        f"the length alone tells the label of {told:.0%} of the texts ({commonest:.0%} have the commonest): "
        f"half of {short!r} has at most {medians[short]:g} words, half of {long!r} at least {medians[long]:g}"
    )
    return [Finding("length", "warning", (), message)]


def shortcuts(corpus: Corpus) -> list[Finding]:
    """Words that stand in nearly all texts of a label and hardly elsewhere, and not in its real examples."""
    found: list[Finding] = []
    holders: Counter[str] = Counter()
    own: dict[str, Counter[str]] = {}
    by_label = corpus.by_label(corpus.texts)
    for label, texts in by_label.items():
        own[label] = Counter(word for each in texts for word in set(each.words))
        holders.update(own[label])
    for label in corpus.spec.labels:
        size, rest = len(by_label[label]), len(corpus.texts) - len(by_label[label])
        real = [set(each.words) for each in corpus.examples if each.label == label]
        named = {corpus.stem(word) for word in words_of(label)}
        if size < _FEWEST_OF_A_LABEL or not rest:
            continue
        for word, count in sorted(own[label].items()):
            is_natural = bool(real) and 2 * sum(word in each for each in real) >= len(real)
            outside = holders[word] - count
            if (
                count >= _NEARLY_ALL * size
                and outside <= _HARDLY_ANY * rest
                and not is_natural
                and corpus.stem(word) not in named
            ):
                ids = tuple(each.id for each in by_label[label] if word in each.words)
                message = (
                    f"{word!r} is in {count} of {size} texts of {label!r} and in {outside} of {rest} others"
                )
                found.append(Finding("shortcut", "note", ids, message, found=(word,)))
    return found


def _told_by_length(texts: Sequence[Text]) -> float:
    """Share of texts whose label is the commonest of the others that are about as long."""
    # Among those of one length the order must not tell the label either.
    order = sorted(
        texts,
        key=lambda each: (
            count_words(each.sample.text),
            hashlib.sha256(each.key.encode("utf-8", "replace")).digest(),
        ),
    )
    size = max(len(order) // _BINS, 2)
    bins = [order[at : at + size] for at in range(0, len(order), size)]
    if len(bins) > 1 and len(bins[-1]) < size:
        last = bins.pop()
        bins[-1] = [*bins[-1], *last]
    right = 0
    for each_bin in bins:
        counts = Counter(each.label for each in each_bin)
        for each in each_bin:
            rest = counts.copy()
            rest[each.label] -= 1
            # Of equally common ones the first by name: the text's own label must not decide.
            right += min(rest, key=lambda label: (-rest[label], label)) == each.label
    return right / len(order)


def _share_of_commonest(texts: Sequence[Text]) -> float:
    return max(Counter(each.label for each in texts).values()) / len(texts)
