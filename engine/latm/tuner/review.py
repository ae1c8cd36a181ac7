"""Review of training data: what is wrong with it, sample by sample, before anything is spent on training.

`review` finds, `fixed` drops what is better dropped, `lines` and `page` show it to people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from types import MappingProxyType

from latm.tuner._samples import Sample
from latm.tuner._spec import TuningSpec
from latm.tuner._texts import count_words
from latm.tuner.reviewing import balance, content, repeats, variety
from latm.tuner.reviewing._findings import SEVERITIES, Finding, Severity
from latm.tuner.reviewing._page import page_of
from latm.tuner.reviewing._texts import Corpus, named
from latm.tuner.reviewing.leakage import leakage

__all__ = ["Finding", "Review", "Severity", "fixed", "lines", "page", "review"]

_IDS_OF_A_LINE = 5


@dataclass(frozen=True, slots=True)
class Review:
    """What was found.

    Attributes:
        findings: the gravest first.
        figures: ``samples``; ``labels`` (label -> count); ``words`` (``least``, ``median``, ``most``);
            ``distinct_1`` to ``distinct_3`` (share of different runs of that many words, in 1,000 words at a
            time); ``nearest_mean`` and ``nearest_max`` (likeness of a text to the one most like it, 0 to 1);
            ``opening`` (``words``, ``texts``: the commonest first three words, and how many begin so);
            ``validation`` (set -> count); ``drop`` (how many samples are better dropped). JSON data.
    """

    findings: tuple[Finding, ...]
    figures: Mapping[str, object]

    @property
    def may_train(self) -> bool:
        """Whether training may go on: there is no error."""
        return all(each.severity != "error" for each in self.findings)

    @property
    def drop(self) -> frozenset[str]:
        """The ids of the samples that are better dropped."""
        return frozenset(id_ for each in self.findings for id_ in each.drop)

    def to_record(self) -> dict[str, object]:
        """The same as JSON data."""
        return {
            "may_train": self.may_train,
            "figures": dict(self.figures),
            "findings": [asdict(each) for each in self.findings],
        }


def review(
    spec: TuningSpec, samples: Sequence[Sample], *, others: Mapping[str, Sequence[Sample]] | None = None
) -> Review:
    """Look at training data.

    Samples without an id, or with one that another has too, are called by their number: ``sample #3``.

    Args:
        spec: the tuning.
        samples: those to train on.
        others: the validation sets, by the name to call them by: training must not have seen them.

    Raises:
        MissingDependency: a package of the extra ``tuning`` is not installed.
    """
    corpus = Corpus.of(spec, samples, others or {})
    likeness = repeats.Likeness.of(corpus.texts)
    figures = _figures(corpus, likeness)
    shares = {name: value for name, value in figures.items() if isinstance(value, float)}
    found = [
        *balance.balance(corpus),
        *repeats.contradictions(corpus, likeness),
        *repeats.overlap(corpus),
        *repeats.copied_examples(corpus),
        *content.placeholders(corpus),
        *content.language(corpus),
        *content.length(corpus),
        *balance.telling_length(corpus),
        *variety.variety(corpus, shares),
        *balance.shortcuts(corpus),
        *leakage(corpus, corpus.texts),
    ]
    drop = {id_ for each in found for id_ in each.drop}
    found += repeats.near_duplicates(corpus, likeness, drop)
    drop.update(id_ for each in found for id_ in each.drop)
    found += _leaks_of_the_rest(corpus, drop)
    found.sort(key=lambda each: SEVERITIES.index(each.severity))
    drop.update(id_ for each in found for id_ in each.drop)
    return Review(tuple(found), MappingProxyType({**figures, "drop": len(drop)}))


def fixed(review: Review, samples: Sequence[Sample]) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Drop what is better dropped; a review of the rest has nothing more to drop.

    Args:
        review: of these samples.
        samples: all of them, in the same order.

    Returns:
        Those that are kept, and those that are dropped; each in order.
    """
    drop = review.drop
    pairs = list(zip(named(samples), samples, strict=True))
    return (
        tuple(sample for name, sample in pairs if name.id not in drop),
        tuple(sample for name, sample in pairs if name.id in drop),
    )


def lines(review: Review, *, most: int = 10) -> list[str]:
    """A review as plain text, for a terminal.

    Args:
        review: what was found.
        most: findings of one kind that are told singly.
    """
    told: list[str] = []
    counts: Counter[tuple[str, str]] = Counter()
    for each in review.findings:
        counts[each.severity, each.check] += 1
        if counts[each.severity, each.check] <= most:
            ids = ", ".join(each.samples[:_IDS_OF_A_LINE])
            if len(each.samples) > _IDS_OF_A_LINE:
                ids += f" and {len(each.samples) - _IDS_OF_A_LINE} more"
            told.append(f"{each.severity:<7}  {each.check:<14}  {ids + ': ' if ids else ''}{each.message}")
    for (severity, check), count in counts.items():
        if count > most:
            told.append(f"{severity:<7}  {check:<14}  and {count - most} more of this kind")
    severities = Counter(each.severity for each in review.findings)
    summary = ", ".join(
        f"{severities[each]} {each}{'' if severities[each] == 1 else 's'}" for each in SEVERITIES
    )
    told.append(f"{review.figures['samples']} samples: {summary}; {len(review.drop)} are better dropped")
    told.append(
        "Training may go on." if review.may_train else "Training may not go on: mend the errors first."
    )
    return told


def page(spec: TuningSpec, samples: Sequence[Sample], review: Review) -> str:
    """A review as a page of HTML: one file, which asks for nothing from anywhere.

    Args:
        spec: the tuning.
        samples: those that were reviewed, in the same order.
        review: what was found.

    Raises:
        MissingDependency: jinja2 is not installed.
    """
    return page_of(spec, named(samples), review.findings, review.figures, may_train=review.may_train)


def _leaks_of_the_rest(corpus: Corpus, drop: set[str]) -> list[Finding]:
    """A name that others held too may give its label away once those are dropped."""
    found: list[Finding] = []
    drop = set(drop)
    while True:
        rest = [each for each in corpus.texts if each.id not in drop]
        more = [each for each in leakage(corpus, rest) if each.drop]
        if not more:
            return found
        found += more
        drop.update(id_ for each in more for id_ in each.drop)


def _figures(corpus: Corpus, likeness: repeats.Likeness) -> dict[str, object]:
    words = [count_words(each.sample.text) for each in corpus.texts] or [0]
    openings = variety.openings(corpus.texts)
    return {
        "samples": len(corpus.texts),
        "labels": {label: len(those) for label, those in corpus.by_label(corpus.texts).items()},
        "words": {"least": min(words), "median": median(words), "most": max(words)},
        **{f"distinct_{size}": variety.distinct(corpus.texts, size) for size in (1, 2, 3)},
        "nearest_mean": fmean(likeness.nearest or (0.0,)),
        "nearest_max": max(likeness.nearest, default=0.0),
        "opening": {
            "words": openings[0][0] if openings else "",
            "texts": len(openings[0][1]) if openings else 0,
        },
        "validation": {name: len(texts) for name, texts in corpus.others.items()},
    }
