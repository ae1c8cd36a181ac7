"""What came of a comparison: the record, and the JSON data that it is kept as."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, final

from latm.errors import ConfigError, DataError, nearest
from latm.tuner._pairs import corrected, pairs
from latm.tuner._scores import Entrant, Pair, SampleSet, Score, Verdict, score

FORMAT = 1
"""Of the records that `Comparison.to_record` writes."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of a comparison; every figure comes of the verdicts.

    Attributes:
        tuning: the name of the tuning.
        template: digest of the template that all were asked with.
        labels: in the order of the spec.
        sets: real ones before synthetic ones.
        contenders: majority, zero-shot, base, tuned; those of a kind by the samples that they had.
        verdicts: by set, contender and sample, in these orders.
        scores: by set and contender.
        pairs: by set; the main ones, of tuned ones and the base, first.
    """

    tuning: str
    template: str
    labels: tuple[str, ...]
    sets: tuple[SampleSet, ...]
    contenders: tuple[Entrant, ...]
    verdicts: tuple[Verdict, ...]
    scores: tuple[Score, ...]
    pairs: tuple[Pair, ...]

    @property
    def deciding(self) -> tuple[SampleSet, ...]:
        """The sets that decide: the real ones, and the synthetic ones only where there is no real one."""
        return tuple(each for each in self.sets if not each.synthetic) or self.sets

    @property
    def sentences(self) -> tuple[str, ...]:
        """What may be said, of the deciding sets first: the main pairs, or all where there is none."""
        main = [each for each in self.pairs if each.main] or list(self.pairs)
        if not main:
            return ("There is one contender alone: nothing is compared.",)
        return tuple(each.sentence for each in main)

    @property
    def verdict(self) -> str:
        """The sentences of the deciding sets, as one text."""
        deciding = {each.name for each in self.deciding}
        found = [each for each in self.pairs if each.set in deciding]
        main = [each for each in found if each.main] or found
        return " ".join(each.sentence for each in main) or self.sentences[0]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know before believing the figures."""
        found = [
            f"{each.name} is synthetic and flatters: its samples were written as those of the training were. "
            + ("The real set decides." if each not in self.deciding else "Judge by a set of real samples.")
            for each in self.sets
            if each.synthetic
        ]
        found += [
            f"{each.contender} gave no reply to {each.errors} of {each.n} samples of {each.set}: "
            f"{self._reasons(each)}. They count as not right in its accuracy, and are left out where two are "
            "compared."
            for each in self.scores
            if each.errors
        ]
        if any(each.kind == "majority" for each in self.contenders):
            found.append(
                "The majority class is that of the very set that it is measured on: no model was asked, and "
                "nobody knows that label beforehand."
            )
        return tuple(found)

    def shown(self, base: str = "base", tuned: str = "tuned") -> bool:
        """Whether a deciding set shows the tuned contender better than the base, and none shows it worse.

        It is shown where McNemar's exact two-sided p, corrected for the number of tests, is below 0.05.

        Args:
            base: a kind, the name or the model of a contender.
            tuned: the same. Of several contenders that it means, one that is better is enough.

        Raises:
            ConfigError: no contender is meant.
        """
        wanted = {each.name for each in self._meant(tuned)}
        against = {each.name for each in self._meant(base)}
        deciding = {each.name for each in self.deciding}
        outcomes: dict[str, set[str]] = defaultdict(set)
        for each in self.pairs:
            if each.set in deciding and each.first in against and each.second in wanted:
                outcomes[each.second].add(each.outcome)
        return any("better" in found and "worse" not in found for found in outcomes.values())

    def better(self) -> tuple[str, ...]:
        """The models of tuned contenders that are shown better than the base, the best one first.

        Each as `shown` has it; they are ordered by what they have right on the deciding sets together.
        """
        kinds = {each.kind for each in self.contenders}
        if "tuned" not in kinds or "base" not in kinds:
            return ()
        deciding = {each.name for each in self.deciding}
        right: Counter[str] = Counter()
        for each in self.scores:
            right[each.contender] += each.right if each.set in deciding else 0
        found = [each for each in self.contenders if each.kind == "tuned" and self.shown(tuned=each.name)]
        return tuple(each.model for each in sorted(found, key=lambda each: -right[each.name]))

    def score(self, set_: str, contender: str) -> Score:
        """The figures of a contender, by its name, on a set.

        Raises:
            ConfigError: there is none.
        """
        for each in self.scores:
            if (each.set, each.contender) == (set_, contender):
                return each
        known = [f"{each.set}, {each.contender}" for each in self.scores]
        raise ConfigError(f"no such score: {set_}, {contender}.{nearest(f'{set_}, {contender}', known)}")

    def to_record(self) -> dict[str, object]:
        """All of it as JSON data.

        ``format``, ``tuning``, ``template``, ``labels``, ``sets`` (``name``, ``synthetic``, ``samples`` with
        ``id``, ``text`` and ``label``), ``contenders``, ``verdicts``, ``scores``, ``pairs``, each with the
        attributes of its class here; USD as text; and ``sentences``, ``notes``, ``shown``: null where no
        tuned model was compared with a base.
        """
        import msgspec

        record: dict[str, object] = {"format": FORMAT}
        record |= cast("dict[str, object]", msgspec.to_builtins(self))
        kinds = {each.kind for each in self.contenders}
        record["sentences"], record["notes"] = list(self.sentences), list(self.notes)
        record["shown"] = self.shown() if {"base", "tuned"} <= kinds else None
        return record

    @staticmethod
    def from_record(record: Mapping[str, object]) -> Comparison:
        """The comparison that `to_record` wrote; the figures are computed anew.

        Raises:
            DataError: it is none, or one that a later version wrote.
        """
        import msgspec

        if record.get("format") != FORMAT:
            raise DataError([f"is no comparison of format {FORMAT}, but of {record.get('format')!r}"])
        try:
            return judged(msgspec.convert(dict(record), type=Raw))  # what it does not know, it passes over
        except (LookupError, ValueError) as error:  # msgspec's is a ValueError
            raise DataError([f"is no comparison: {error}"]) from None

    def _meant(self, what: str) -> list[Entrant]:
        found = [each for each in self.contenders if what in {each.kind, each.name, each.model}]
        if not found:
            known = [each.name for each in self.contenders]
            raise ConfigError(f"no contender {what!r} was compared.{nearest(what, known)}")
        return found

    def _reasons(self, score: Score) -> str:
        counts = Counter(
            each.error
            for each in self.verdicts
            if (each.set, each.contender, each.kind) == (score.set, score.contender, "error")
        )
        error, count = counts.most_common(1)[0]
        return error if count == score.errors else f"{error} ({count} times), and others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """What the figures are computed from."""

    tuning: str
    template: str
    labels: tuple[str, ...]
    sets: tuple[SampleSet, ...]
    contenders: tuple[Entrant, ...]
    verdicts: tuple[Verdict, ...]


def judged(raw: Raw) -> Comparison:
    """The comparison that the verdicts make.

    Raises:
        ValueError: the verdicts are not one for each sample, contender and set, in this order.
    """
    scores: list[Score] = []
    found: list[Pair] = []
    rest = iter(raw.verdicts)
    for set_ in raw.sets:
        held: dict[str, list[Verdict]] = {}
        for entrant in raw.contenders:
            taken = [next(rest, None) for _ in set_.samples]
            whole = [each for each in taken if each is not None]
            if [(each.set, each.contender, each.sample) for each in whole] != [
                (set_.name, entrant.name, each.id) for each in set_.samples
            ]:
                raise ValueError(
                    f"the verdicts of {entrant.name} on {set_.name} are not those of its samples"
                )
            held[entrant.name] = whole
            scores.append(score(set_, whole, raw.labels))
        found += pairs(set_, raw.contenders, held)
    if next(rest, None) is not None:
        raise ValueError("there are more verdicts than samples")
    return Comparison(
        tuning=raw.tuning,
        template=raw.template,
        labels=raw.labels,
        sets=raw.sets,
        contenders=raw.contenders,
        verdicts=raw.verdicts,
        scores=tuple(scores),
        pairs=corrected(raw.sets, found),
    )
