"""The words of a tool itself: what its calls may hold although no question says it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from latm._literals import LiteralCall
from latm._reading import parse
from latm._records import Tool
from latm._signature import Signature
from latm.user._functions import Kept, signature_in, verified_calls
from latm.user._grounding._facts import Facts
from latm.user._grounding._leaves import Leaf, Value, leaves_of

_QUOTED = re.compile(r"(?P<mark>``|[`'\"])(?P<word>[^\s`'\"][^`'\"\n]{0,40}?)(?P=mark)")
_NAME = re.compile(r"[A-Za-z_][\w-]+")
_PHRASE = re.compile(r"[A-Za-z_][\w -]*\w")
_TWICE = 2


@dataclass(frozen=True, slots=True)
class Terms:
    """What is a tool's own.

    Attributes:
        words: texts that its contract quotes, that its source compares with, and of its verified calls.
        keys: words of its contract, which a dict may have as keys.
        values: other values of verified calls that their questions do not hold, by place.
        open: places whose values even verified calls do not take from their questions.
    """

    words: frozenset[str]
    keys: frozenset[str]
    values: frozenset[tuple[str, Value]]
    open: frozenset[str]

    def cover(self, leaf: Leaf) -> bool:
        """Whether a leaf is the tool's own."""
        if leaf.place in self.open or (leaf.place, leaf.value) in self.values:
            return True
        if not isinstance(leaf.value, str):
            return False
        return leaf.value in self.words or (leaf.is_key and leaf.value in self.keys)


def terms_of(tool: Tool) -> Terms:
    """The terms of a tool; kept, since they are the same for all its questions."""
    return _terms(Kept(tool))


@lru_cache(maxsize=256)
def _terms(kept: Kept) -> Terms:
    tool = kept.tool
    signature = signature_in(tool.source, tool.function)
    said = f"{tool.contract}\n{signature.docstring}"
    words = frozenset((*(each["word"] for each in _QUOTED.finditer(said)), *_compared(tool.source)))
    terms = Terms(words, frozenset(_NAME.findall(said)), frozenset(), frozenset())
    known = verified_calls(tool)
    missing = [set(_missing(question, call, signature, terms)) for question, call in known]
    everywhere = Counter(leaf for each in missing for leaf in each)
    texts = Counter(value for each in missing for value in {leaf.value for leaf in each})
    # A place is open where leaving a call out leaves its value unexplained, and that more than once.
    alone = Counter(
        place
        for each in missing
        for place in {
            leaf.place
            for leaf in each
            if (texts[leaf.value] if isinstance(leaf.value, str) else everywhere[leaf]) < _TWICE
        }
    )
    return Terms(
        words=words | {leaf.value for leaf in everywhere if isinstance(leaf.value, str)},
        keys=terms.keys,
        values=frozenset((leaf.place, leaf.value) for leaf in everywhere),
        open=frozenset(place for place, count in alone.items() if count >= _TWICE),
    )


def _missing(question: str, call: LiteralCall, signature: Signature, terms: Terms) -> Iterator[Leaf]:
    """What a verified call holds and its question does not."""
    facts = Facts(question)
    for leaf in leaves_of(call, signature):
        if not (facts.hold(leaf) or terms.cover(leaf)):
            yield replace(leaf, name="", digits=())


def _compared(source: str) -> Iterator[str]:
    """Words that a source compares something with, or looks something up by."""
    tree = parse(source)
    for node in ast.walk(tree) if tree else ():
        match node:
            case ast.Compare(left=left, comparators=others):
                found: Sequence[ast.expr | None] = (left, *others)
            case ast.Dict(keys=keys):
                found = keys
            case ast.MatchValue(value=value):
                found = (value,)
            case _:
                continue
        for each in found:
            for part in ast.walk(each) if each else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    word = part.value
                    if _PHRASE.fullmatch(word):
                        yield word
