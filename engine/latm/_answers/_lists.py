"""``list`` and ``set``: items, whether they come as a list or as its text."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias, TypeGuard, cast

from latm._answers._numbers import plain, read_number
from latm._answers._text import fold, render_text

Item: TypeAlias = "str | Decimal | Fraction | tuple[Item, ...]"
"""A text, a number that came as one, or a list within the list."""

_PAIRS = {"[": "]", "(": ")", "{": "}"}
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "`": "`"}
_QUOTE_RUN = re.compile(r"\"+|['`\u201d\u2019]")
_DEEPEST = 10
_LONGEST = 100_000  # characters of a list's text
_MOST_COMPARED = 1000  # lists within a set, each with each


def read_list(value: object) -> tuple[Item, ...]:
    """The items of a list or tuple, or of a text.

    A text is split at semicolons, else at commas and line ends, else at white space; what stands in quotes
    or, within commas, in brackets is one item. Brackets around the whole and quotes around an item are
    dropped.

    Raises:
        ValueError: a set, whose order says nothing; a dict; None; more than 10 lists inside each other; a
            text of more than 100,000 characters.
    """
    if isinstance(value, set | frozenset):
        raise ValueError("a set has no order, and the order counts")  # noqa: TRY004 - as documented
    return _items(value)


def read_set(value: object) -> tuple[Item, ...]:
    """The items without repetition, in an order of their own; a set or frozenset may hold them too.

    Raises:
        ValueError: as `read_list`.
    """
    if isinstance(value, set | frozenset):
        value = list(cast("set[object] | frozenset[object]", value))
    by_text = {_written(item): item for item in _items(value)}
    return tuple(by_text[text] for text in sorted(by_text, key=_place))


def render_items(items: Sequence[Item], *, distinct: bool) -> str:
    """Items as text, from which they can be read again; in quotes only where they need them."""
    text = ", ".join(_bare(item) for item in items)
    read = read_set if distinct else read_list
    if tuple(map(_written, read(text))) == tuple(map(_written, items)):
        return text
    if len(items) == 1 and isinstance(items[0], tuple):
        return f"({_written(items[0])})"
    return ", ".join(map(_written, items))


def same_lists(one: Sequence[Item], other: Sequence[Item]) -> bool:
    """Whether two lists hold the same items in the same order."""
    return len(one) == len(other) and all(map(_same, one, other))


def same_sets(one: Sequence[Item], other: Sequence[Item]) -> bool:
    """Whether every item of each of two sets is in the other."""
    return _covers(one, other) and _covers(other, one)


def _covers(one: Sequence[Item], other: Sequence[Item]) -> bool:
    """Whether every item of the one is in the other, by `_same` and in a time that grows with their sum."""
    written = set(map(_written, one)) - set(map(_written, other))
    numbers = {Fraction(item) for item in other if isinstance(item, Decimal | Fraction)}
    texts = {
        Fraction(number.value)
        for item in other
        if isinstance(item, str) and (number := read_number(item)) is not None
    }
    nested = [item for item in other if _is_list(item)][:_MOST_COMPARED]
    for item in one:
        if _written(item) not in written:
            continue
        number = None if isinstance(item, tuple) else read_number(plain(item) if _is_number(item) else item)
        known = numbers | texts if _is_number(item) else numbers
        if number is not None and Fraction(number.value) in known:
            continue
        if not (_is_list(item) and any(_same(item, each) for each in nested)):
            return False
    return True


def _is_number(item: Item) -> TypeGuard[Decimal | Fraction]:
    return isinstance(item, Decimal | Fraction)


def _same(one: Item, other: Item) -> bool:
    """Equal texts; a number agrees with a text that reads as the same number, two texts only as texts."""
    if isinstance(one, tuple) or isinstance(other, tuple):
        return same_lists(_nested(one), _nested(other)) if _is_list(one) and _is_list(other) else False
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    left, right = read_number(one), read_number(other)
    return left is not None and right is not None and left.agrees(right, Fraction(0))


def _is_list(item: Item) -> bool:
    return isinstance(item, tuple) or (isinstance(item, str) and _is_bracketed(item))


def _nested(item: Item) -> tuple[Item, ...]:
    return item if isinstance(item, tuple) else tuple(_split(str(item)))


def _items(value: object, depth: int = 0) -> tuple[Item, ...]:
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} lists inside each other")
    if isinstance(value, list | tuple):
        return tuple(_item(each, depth) for each in cast("list[object] | tuple[object, ...]", value))
    if isinstance(value, dict):
        raise ValueError("a dict is no list")  # noqa: TRY004 - as documented
    if isinstance(value, str):
        if len(value) > _LONGEST:
            raise ValueError(f"a list of more than {_LONGEST} characters")
        return tuple(_split(value))
    render_text(value)  # refuses None
    return (_item(value, depth),)


def _item(value: object, depth: int) -> Item:
    if isinstance(value, list | tuple):
        return _items(cast("object", value), depth + 1)
    if isinstance(value, str) or value is None:
        return fold(str(value))
    if isinstance(value, set | frozenset | dict):
        raise ValueError(f"an item is a {type(cast('object', value)).__name__}")  # noqa: TRY004 - as documented
    number = None if isinstance(value, bool) else read_number(value)
    return render_text(value) if number is None else number.value


def _place(text: str) -> tuple[bool, Fraction, str]:
    number = read_number(text)
    return number is None, Fraction(0) if number is None else Fraction(number.value), text


def _bare(item: Item) -> str:
    return item if isinstance(item, str) else _written(item)


def _written(item: Item) -> str:
    """An item so that it is read again as it is, whatever stands around it."""
    if isinstance(item, tuple):
        inner = ", ".join(map(_written, item))
        return f"({inner},)" if len(item) < 2 else f"({inner})"  # noqa: PLR2004 - as Python writes a tuple
    if not isinstance(item, str):
        return plain(item)
    if item and not set(item) & set(' ,;"' + "".join(_PAIRS) + "".join(_PAIRS.values())):
        return f'"{item}"' if item[0] in _QUOTES else item
    doubled = item.replace('"', '""')
    return f'"{doubled}"'


def _split(text: str, depth: int = 0) -> Iterator[Item]:
    """The items that a text lists."""
    inner = _unbracketed(text.strip())
    for marks in (";", ",\n"):
        pieces = list(_pieces(inner, marks, grouped=_is_balanced(inner)))
        if len(pieces) > 1:
            yield from (_read_piece(piece, depth) for piece in pieces if piece.strip())
            return
    if depth < _DEEPEST and _is_bracketed(inner):
        yield _read_piece(inner, depth)
        return
    words = _pieces(inner, None, grouped=False)
    yield from (_read_piece(word, _DEEPEST) for word in words if word.strip())


def _read_piece(piece: str, depth: int) -> Item:
    text = piece.strip()
    unquoted = _unquoted(text)
    if unquoted is not None:
        return fold(unquoted)
    if depth < _DEEPEST and _is_bracketed(text):
        return tuple(_split(text, depth + 1))
    return fold(text)


def _is_bracketed(text: str) -> bool:
    """Whether a text is a list in brackets: one pair around it, and commas or semicolons inside."""
    inner = _unbracketed(text)
    return inner != text and any(mark in inner for mark in ",;")


def _unbracketed(text: str) -> str:
    """The text without the pair of brackets that stands around all of it, if one does."""
    if not text or text[0] not in _PAIRS or not _is_balanced(text):
        return text
    depth = 0
    for at, inside in _outside_quotes(text):
        if inside in _PAIRS:
            depth += 1
        elif inside in _PAIRS.values():
            depth -= 1
            if depth == 0:
                return text[1:-1].strip() if at == len(text) - 1 else text
    return text


def _is_balanced(text: str) -> bool:
    waiting: list[str] = []
    for _, each in _outside_quotes(text):
        if each in _PAIRS:
            waiting.append(_PAIRS[each])
        elif each in _PAIRS.values() and (not waiting or waiting.pop() != each):
            return False
    return not waiting


def _outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    """The characters of a text that stand in no quotes, with their places."""
    closing = _closing_quotes(text)
    at, fresh = 0, True
    while at < len(text):
        end = _quote_end(text, at, closing) if fresh else None
        if end is not None:
            at, fresh = end, False
            continue
        yield at, text[at]
        fresh = text[at].isspace() or text[at] in ",;([{"
        at += 1


def _closing_quotes(text: str) -> Mapping[str, Sequence[int]]:
    """The places behind quotes that can end an item: a separator, a bracket or nothing follows."""
    found: dict[str, list[int]] = {mark: [] for mark in _QUOTES.values()}
    for run in _QUOTE_RUN.finditer(text):
        # Two of them within an item stand for one.
        if _ends_item(text, run.end()) and len(run[0]) % 2:
            found[run[0][0]].append(run.end())
    return found


def _quote_end(text: str, start: int, closing: Mapping[str, Sequence[int]]) -> int | None:
    """Behind the closing quote of a quoted item that begins here; None where none does."""
    mark = _QUOTES.get(text[start])
    if mark is None:
        return None
    begun = start + 1
    if mark == '"' and (own := _QUOTE_RUN.match(text, start)) is not None:
        begun = own.end()
        if len(own[0]) % 2 == 0 and _ends_item(text, begun):
            return begun
    places = closing[mark]
    at = bisect.bisect_right(places, begun)
    return places[at] if at < len(places) else None


def _ends_item(text: str, at: int) -> bool:
    behind = text[at : at + 1]
    return not behind or behind.isspace() or behind in ",;)]}"


def _unquoted(text: str) -> str | None:
    if text and _quote_end(text, 0, _closing_quotes(text)) == len(text):
        inner = text[1:-1]
        return inner.replace('""', '"') if text[0] == '"' else inner
    return None


def _pieces(text: str, marks: str | None, *, grouped: bool) -> Iterable[str]:
    """A text cut at marks, or at white space where these are None, outside of quotes and brackets."""
    start = depth = 0
    for at, each in _outside_quotes(text):
        if grouped and each in _PAIRS:
            depth += 1
        elif grouped and each in _PAIRS.values():
            depth -= 1
        elif depth == 0 and (each.isspace() if marks is None else each in marks):
            yield text[start:at]
            start = at + 1
    yield text[start:]
