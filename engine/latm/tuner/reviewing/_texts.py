"""Texts as the checks read them: words, stems, and what makes two texts the same."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from latm.errors import MissingDependency
from latm.tuner._samples import Sample
from latm.tuner._spec import TuningSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Thai to Tibetan, kana, Han and its extensions: no spaces between words.
_UNSPACED = "\u0e00-\u0fff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# A run of such a script; or letters and digits, apostrophes among them. "_" parts words as "-" does.
_WORD = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+(?:['\u2019][^\W_{_UNSPACED}]+)*")
_RUN = re.compile(rf"[{_UNSPACED}]+")
_APOSTROPHES = re.compile("['\u2019]")


@dataclass(frozen=True, slots=True)
class Text:
    """A sample and its words.

    Attributes:
        sample: the sample, under the name that findings give it.
        words: in lower case, without punctuation; of a script without spaces, the pairs of characters.
        key: equal for texts that differ only in space, case and punctuation.
    """

    sample: Sample
    words: tuple[str, ...]
    key: str

    @classmethod
    def of(cls, sample: Sample) -> Text:
        """Read a sample."""
        words = words_of(sample.text)
        return cls(sample, words, " ".join(words) or " ".join(sample.text.split()))

    @property
    def id(self) -> str:
        """What findings call it."""
        return self.sample.id

    @property
    def label(self) -> str:
        """Its label."""
        return self.sample.label


@dataclass(frozen=True, slots=True)
class Corpus:
    """All that is looked at.

    Attributes:
        spec: the tuning.
        texts: the samples to train on, in order.
        examples: the real ones of the spec.
        others: the validation sets by name.
        stem: takes the endings off a word.
    """

    spec: TuningSpec
    texts: tuple[Text, ...]
    examples: tuple[Text, ...]
    others: Mapping[str, tuple[Text, ...]]
    stem: Callable[[str], str]

    @classmethod
    def of(
        cls, spec: TuningSpec, samples: Sequence[Sample], others: Mapping[str, Sequence[Sample]]
    ) -> Corpus:
        """Read all."""
        return cls(
            spec,
            tuple(Text.of(each) for each in named(samples)),
            tuple(Text.of(each) for each in spec.examples),
            {name: tuple(Text.of(each) for each in named(each_set)) for name, each_set in others.items()},
            stemmer(spec.language),
        )

    def by_label(self, texts: Iterable[Text]) -> dict[str, list[Text]]:
        """Texts by their label, in the order of the spec; labels without a text too."""
        found: dict[str, list[Text]] = {label: [] for label in self.spec.labels}
        for each in texts:
            found.setdefault(each.label, []).append(each)
        return found


def named(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The samples, each with an id of its own: the number is added where there is none, or one twice."""
    counts: dict[str, int] = {}
    for each in samples:
        counts[each.id] = counts.get(each.id, 0) + 1
    taken = set(counts)
    found: list[Sample] = []
    for number, each in enumerate(samples, start=1):
        if each.id and counts[each.id] == 1:
            found.append(each)
            continue
        name = f"{each.id or 'sample'} #{number}"
        while name in taken:
            name += "'"
        taken.add(name)
        found.append(Sample(each.text, each.label, id=name, attributes=each.attributes, by=each.by))
    return tuple(found)


def spans(text: str) -> list[tuple[str, int, int]]:
    """The words of a text, each with where it starts and ends in it."""
    found: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if _RUN.fullmatch(match[0]) and end - start > 1:
            found += [(text[at : at + 2], at, at + 2) for at in range(start, end - 1)]
        else:
            word = unicodedata.normalize("NFKC", _APOSTROPHES.sub("", match[0])).casefold()
            found.append((word, start, end))
    return found


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(word for word, _, _ in spans(text))


def stemmer(language: str) -> Callable[[str], str]:
    """What takes the endings off a word of a language; leaves it as it is in one that is not known.

    It keeps what it has done, and is for one thread.

    Raises:
        MissingDependency: snowballstemmer is not installed.
    """
    try:
        snowball: Any = importlib.import_module("snowballstemmer")  # without types of its own
    except ImportError:
        raise needs("snowballstemmer") from None
    name = language.strip().casefold()
    if name not in snowball.algorithms():
        return str
    stem: Callable[[str], str] = snowball.stemmer(name).stemWord
    return cache(stem)


def likenesses(texts: Sequence[Text], among: Sequence[Text]) -> Iterable[NDArray[np.float64]]:
    """How alike texts are: the words that two have in common, of all that either has (Jaccard), 0 to 1.

    It says the same of two texts whatever stands beside them, so that dropping others changes nothing; and it
    is exact: 5,000 texts of 60 words among themselves take less than a second.

    Args:
        texts: those to compare.
        among: those to compare them with.

    Yields:
        For each of `texts` its likeness to each of `among`, in order.

    Raises:
        MissingDependency: NumPy is not installed.
    """
    try:
        import numpy as np
    except ImportError:
        raise needs("numpy") from None
    holders: dict[str, list[int]] = {}
    for number, each in enumerate(among):
        for word in set(each.words):
            holders.setdefault(word, []).append(number)
    where = {word: np.array(numbers, dtype=np.int32) for word, numbers in holders.items()}
    sizes = np.array([len(set(each.words)) for each in among], dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int32)
    for each in texts:
        words = sorted(set(each.words))
        hits = np.concatenate([nothing, *(where[word] for word in words if word in where)])
        common = np.bincount(hits, minlength=len(among))
        yield common / np.maximum(sizes + len(words) - common, 1)


def needs(module: str) -> MissingDependency:
    """The error where a package is missing."""
    return MissingDependency("the review of training data", module=module, extra="tuning")
