"""Texts that are none of those that were asked for: of another language or length, or with gaps left in."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol, cast

from latm.tuner._texts import count_words
from latm.tuner.reviewing._findings import Finding
from latm.tuner.reviewing._languages import codes
from latm.tuner.reviewing._texts import Corpus, needs

_SURE = 0.9
"""Confidence from which on another language is believed. Of 785 descriptions of Debian's packages, cut to 12
words, and of 100 whole mails to a bank, none was taken for anything but English with 0.8 or more."""

_FEWEST = 6
"""Words; the language of fewer is guesswork."""

_TOLERANCE = 0.2
"""Of the bounds of length, as the writer of samples is allowed: models count words badly."""

_HINTS = (
    r"(?:your|my|the|insert|full|first|last|customer|company|bank|account|phone|e-?mail|date|name|address"
    r"|amount|number|city)"
)
_LEFTOVERS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        # No index of a program, "a[i]", and no link, "[here](https://...)".
        "a gap in brackets": re.compile(
            rf"(?<![\w\]])\[\s*[^\W\d_][^\[\]\n]{{0,60}}\](?!\()"
            rf"|(?<!\w)\{{{{?\s*{_HINTS}(?![^\W_])[^{{}}\n]{{0,40}}\}}}}?|<\s*{_HINTS}(?![^\W_])[^<>\n]{{0,40}}>|_{{4,}}",
            re.IGNORECASE,
        ),
        "dummy text": re.compile(r"\blorem ipsum\b", re.IGNORECASE),
        "the writer's own voice": re.compile(
            r"\bas an? (?:ai|(?:large )?language model)(?: (?:language )?model| assistant)?\s*,?\s+(?:i|my)\b"
            r"|\bi (?:can(?:no|')t|am unable to|am not able to) (?:fulfil|fulfill|assist with)"
            r" (?:this|that|your) request"
            r"|\A(?:sure|certainly|of course)[,!.:]? (?:here|below) (?:is|are|'s)\b"
            r"|\Ahere(?: is|'s|\u2019s) (?:a|an|the|your)\b[^\n]{0,60}:\s*$",
            re.IGNORECASE | re.MULTILINE,
        ),
    }
)


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]:
        """The code of the language, and how sure that is."""
        ...


def placeholders(corpus: Corpus) -> list[Finding]:
    """Gaps that nobody filled in, and words of the writer that are none of the text."""
    found: list[Finding] = []
    for what, pattern in _LEFTOVERS.items():
        if any(pattern.search(each.sample.text) for each in corpus.examples):
            continue  # the real ones are like that
        hits = {each.id: match[0] for each in corpus.texts if (match := pattern.search(each.sample.text))}
        if hits:
            texts = "a text holds" if len(hits) == 1 else f"{len(hits)} texts hold"
            message = f"{texts} {what}, such as {next(iter(hits.values()))!r}"
            marks = tuple(sorted(set(hits.values())))
            found.append(
                Finding("placeholder", "warning", tuple(hits), message, drop=tuple(hits), found=marks)
            )
    return found


def language(corpus: Corpus) -> list[Finding]:
    """Texts in another language than the spec's; only what is sure, and only where that one is known."""
    expected = codes(corpus.spec.language)
    if not expected:
        return []
    others: dict[str, list[str]] = {}
    long = [each for each in corpus.texts if len(each.words) >= _FEWEST]
    for each in long:
        code, confidence = _identifier().classify(each.sample.text)
        if code not in expected and confidence >= _SURE:
            others.setdefault(code, []).append(each.id)
    is_most = 2 * sum(map(len, others.values())) > len(long)
    found: list[Finding] = []
    for code, ids in sorted(others.items()):
        message = f"{_are(ids)} in another language than {corpus.spec.language}: {code!r} by its letters"
        found.append(
            Finding("language", "error" if is_most else "warning", tuple(ids), message, drop=tuple(ids))
        )
    return found


def length(corpus: Corpus) -> list[Finding]:
    """Texts that are too short or too long, by more than the writer is allowed."""
    fewest, most = corpus.spec.words
    counts = {each.id: count_words(each.sample.text) for each in corpus.texts}
    short = [id_ for id_, count in counts.items() if count < fewest * (1 - _TOLERANCE)]
    long = [id_ for id_, count in counts.items() if count > most * (1 + _TOLERANCE)]
    found: list[Finding] = []
    if short:
        least = min(counts[each] for each in short)
        message = f"{_are(short)} too short: fewer than {fewest} words (the shortest has {least})"
        found.append(Finding("length", "warning", tuple(short), message, drop=tuple(short)))
    if long:
        longest = max(counts[each] for each in long)
        message = f"{_are(long)} too long: more than {most} words (the longest has {longest})"
        found.append(Finding("length", "warning", tuple(long), message, drop=tuple(long)))
    return found


def _are(ids: Sequence[str]) -> str:
    return "a text is" if len(ids) == 1 else f"{len(ids)} texts are"


@cache
def _identifier() -> _Identifier:
    """The detector, read once: it takes half a second."""
    try:
        langid: Any = importlib.import_module("py3langid.langid")  # without types of its own
    except ImportError:
        raise needs("py3langid") from None
    # Not its own `classify`, whose state an application may have changed.
    return cast("_Identifier", langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True))
