"""Whether a function was written for the examples alone: their texts and answers, built into its source."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from latm._reading import folded, parse
from latm._records import Example

_LONG = 24
"""Characters from which a piece of an example's text in the source is no coincidence."""
_TELLING = 12
"""Characters of a question or an answer that count; shorter ones, such as labels, are in any function."""
_TABLE = 3
"""Answers of single examples among the literals, from which it may be a lookup table."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What of the examples stands in a source.

    Attributes:
        problem: why the source is refused; None where it is not.
        evidence: literals that also stand in examples and prove nothing, sorted.
    """

    problem: str | None
    evidence: tuple[str, ...] = ()


def overlap(source: str, examples: Sequence[Example], *, told: int | None = None) -> Overlap:
    """Look for the examples in the literals of a source. Its docstrings do not count: they may show one.

    Args:
        source: Python.
        examples: all of them.
        told: how many of them, from the first, the maker knows the answers of; None for all. An answer that
            it was not told and wrote nevertheless makes the literals labels, of which answers are made.
    """
    tree = parse(source)
    if tree is None:
        return Overlap(None)
    literals = {folded(text) for text in _texts(tree)} - {""}
    known = [(folded(each.question), folded(each.answer)) for each in examples]
    for text in sorted(literals, key=len, reverse=True):
        whole = any(len(question) >= _TELLING and question in text for question, _ in known)
        if whole or _is_copied(text, known):
            return Overlap(
                f"The source holds a part of an example as a literal: {_cut(text)}. Write a function "
                "that works for questions that it has not seen."
            )
    if table := _table(literals, [answer for _, answer in known], len(known) if told is None else told):
        return Overlap(
            f"The source holds the answers of {len(table)} examples as literals, such as {_cut(table[0])}. "
            "Compute them."
        )
    everything = " ".join(f"{folded(each.question)} {folded(each.answer)}" for each in examples)
    return Overlap(None, tuple(sorted(text for text in literals if text in everything)))


def _is_copied(text: str, known: Sequence[tuple[str, str]]) -> bool:
    """Whether a long text is of single examples; what most of them share is the wording of this kind."""
    if len(text) < _LONG:
        return False
    found = sum(text in question or text in answer for question, answer in known)
    return 0 < found <= len(known) / 2


def _table(literals: Collection[str], answers: Sequence[str], told: int) -> Sequence[str]:
    """The answers that make the literals a lookup table; none where they are few, or few of the literals."""
    telling = {text for text in literals if len(text) >= _TELLING}
    if telling & (set(answers[told:]) - set(answers[:told])):
        return ()
    found = sorted(text for text in telling if answers.count(text) == 1)
    return found if len(found) >= _TABLE and 2 * len(found) >= len(telling) else ()


def _texts(tree: ast.Module) -> Iterator[str]:
    documentation = set(_docstrings(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            words = [part.value for part in node.elts if isinstance(part, ast.Constant)]
            yield " ".join(str(word) for word in words)  # a question's list of words, word by word
        if not isinstance(node, ast.Constant) or id(node) in documentation:
            continue
        if isinstance(node.value, str):
            yield node.value
        elif isinstance(node.value, bytes):
            yield node.value.decode(errors="replace")
        elif type(node.value) in (int, float):
            yield repr(node.value)


def _docstrings(tree: ast.Module) -> Iterable[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield id(first.value)


def _cut(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")  # noqa: PLR2004 - what fits a line
