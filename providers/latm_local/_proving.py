"""Prove that a question belongs to others: it is one of them, or it has their form as a whole.

The form of a question is what is left when everything is taken out that its call is given: literals, with
slots in between. Two known questions of one form show that what stands in the slots is data, whatever it
says, and nothing else varies. A question of that form as a whole belongs to them if its slots hold data of
the same kind: numbers, symbols that were seen, words that were seen; other words only in a list, and there no
word of grammar or of a known near miss ("pear fig in reverse" is no list). Whatever is in doubt is no proof.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from latm_local._asking import Choice, Known

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|\S")
_FEWEST_LITERALS = 3  # words that questions must share, or their form says nothing
_LONGEST_QUESTION = 4_000  # characters
_ROOM = 10  # times the longest list that was seen
_SEPARATORS = frozenset(",;")
_TEXT = """
    a about after all an and any are as at be before both but by do each every except first for from how if in
    into is it its last least less more most no not of off on only or other out over please reverse reversed
    backwards same second so than that the their them then these third this those to under up what when where
    which while who why with without
"""
_GRAMMAR = frozenset(_TEXT.split())


@dataclass(frozen=True, slots=True)
class Slot:
    """What may stand at a place of a form.

    Attributes:
        most: how many tokens it may have.
        seen: the tokens that were seen there.
        open: whether it holds a list, whose words may be any. A list shows by its length, which varies.
        apart: whether something stands between any two words of it.
    """

    most: int
    seen: frozenset[str]
    open: bool
    apart: bool


@dataclass(frozen=True, slots=True)
class Form:
    """Literals and slots in turns; a literal may be empty at the beginning and at the end."""

    literals: tuple[tuple[str, ...], ...]
    slots: tuple[Slot, ...]


def proof(question: str, choice: Choice) -> str | None:
    """How it is proven that a question belongs to a choice: ``repeat``, ``form``, or None where it is not."""
    asked = tokens(question)
    if not asked or len(question) > _LONGEST_QUESTION:
        return None
    misses = [tokens(each) for each in choice.misses]
    if asked in misses:
        return None
    if any(asked == tokens(each.question) for each in choice.known):
        return "repeat"
    own = {token for each in choice.known for token in tokens(each.question)}
    forbidden = {token for miss in misses for token in miss} - own
    with_calls = [each for each in choice.known if each.call and len(each.question) <= _LONGEST_QUESTION]
    for at, one in enumerate(with_calls):
        for other in with_calls[at + 1 :]:
            form = form_of(one, other)
            if form is None or any(fits(miss, form, frozenset()) for miss in misses):
                continue
            if fits(asked, form, frozenset(forbidden)):
                return "form"
    return None


def tokens(text: str) -> tuple[str, ...]:
    """Words, numbers and symbols, whatever the case and the white space."""
    return tuple(_TOKEN.findall(text.casefold()))


def form_of(one: Known, other: Known) -> Form | None:
    """The form of two questions; None where they have none in common, or it proves nothing."""
    for separated in (False, True):
        left, right = _parts(one, separated=separated), _parts(other, separated=separated)
        # Literals stand at the even places, data at the odd ones.
        if left is None or right is None or left[::2] != right[::2]:
            continue
        literals = tuple(left[::2])
        if sum(token.isalpha() for literal in literals for token in literal) < _FEWEST_LITERALS:
            return None
        fillers = list(zip(left[1::2], right[1::2], strict=True))
        words = frozenset(token for pair in fillers for filler in pair for token in filler if token.isalpha())
        return Form(literals, tuple(_slot(pair, words) for pair in fillers))
    return None


def fits(asked: Sequence[str], form: Form, forbidden: frozenset[str]) -> bool:
    """Whether a question is a form's literals with something fit in every slot, and nothing else."""
    first, *inner = form.literals
    if tuple(asked[: len(first)]) != first:
        return False
    at = len(first)
    for number, (slot, literal) in enumerate(zip(form.slots, inner, strict=True)):
        last = number == len(inner) - 1
        end = len(asked) - len(literal) if last else _find(asked, literal, at + 1)
        if end <= at or tuple(asked[end : end + len(literal)]) != literal:
            return False
        if not _takes(slot, asked[at:end], forbidden):
            return False
        at = end + len(literal)
    return at == len(asked)


def _parts(known: Known, *, separated: bool) -> list[tuple[str, ...]] | None:
    """A question as literals and data in turns; None where its call cannot be read.

    Args:
        known: the question and its call.
        separated: whether data with a comma in between are one list.
    """
    data = _data(known.call)
    if data is None:
        return None
    asked = tokens(known.question)
    kinds = [token in data for token in asked]
    if separated:
        for at, token in enumerate(asked[1:-1], 1):
            kinds[at] = kinds[at] or (token in _SEPARATORS and kinds[at - 1] and kinds[at + 1])
    parts: list[list[str]] = [[]]
    for token, is_data in zip(asked, kinds, strict=True):
        if is_data != (len(parts) % 2 == 0):
            parts.append([])
        parts[-1].append(token)
    return [tuple(part) for part in (parts if len(parts) % 2 else [*parts, []])]


def _data(call: str) -> frozenset[str] | None:
    """The tokens of all constants of a call, those of grammar left out; None where it is no Python."""
    try:
        tree = ast.parse(call)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    found = {
        token for each in constants if isinstance(each, str | int | float) for token in tokens(str(each))
    }
    return frozenset(found - _GRAMMAR)


def _slot(fillers: Sequence[Sequence[str]], words: frozenset[str]) -> Slot:
    longest = max(map(len, fillers))
    counts = [sum(token.isalpha() for token in filler) for filler in fillers]
    return Slot(
        most=1 if longest == 1 else longest * _ROOM,
        seen=words.union(*fillers),
        open=len(set(counts)) > 1 and min(counts) > 1,
        apart=not any(_adjacent(filler) for filler in fillers),
    )


def _adjacent(filler: Sequence[str]) -> bool:
    return any(one.isalpha() and other.isalpha() for one, other in itertools.pairwise(filler))


def _takes(slot: Slot, filler: Sequence[str], forbidden: frozenset[str]) -> bool:
    if len(filler) > slot.most or (slot.apart and _adjacent(filler)):
        return False
    numbers = any(token[0].isdigit() for token in slot.seen)
    for token in filler:
        if token in slot.seen or (numbers and token[0].isdigit()):
            continue
        if not (slot.open and token.isalpha()) or token in _GRAMMAR or token in forbidden:
            return False
    return True


def _find(asked: Sequence[str], literal: Sequence[str], start: int) -> int:
    """Where a literal stands next, or -1."""
    ends = range(start, len(asked) - len(literal) + 1)
    return next((at for at in ends if tuple(asked[at : at + len(literal)]) == tuple(literal)), -1)
