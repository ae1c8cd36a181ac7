"""``list`` and ``set``: items, whether they come as a list or as its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias, cast

from latm._answers._numbers import plain, read_number
from latm._answers._text import fold, render_text

Item: TypeAlias = "str | Decimal | Fraction | tuple[Item, ...]"
"""A text, a number that came as one, or a list within the list."""

_PAIRS = {"[": "]", "(": ")", "{": "}"}
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "`": "`"}
_DEEPEST = 50


def read_list(value: object) -> tuple[Item, ...]:
    """The items of a list or tuple, or of a text.

    A text is split at semicolons, else at commas and line ends, else at white space; what stands in quotes
    or, within commas, in brackets is one item. Brackets around the whole and quotes around an item are
    dropped.

    Raises:
        ValueError: a set, whose order says nothing; a dict; None; more than 50 lists inside each other.
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
    if set(map(_written, one)) == set(map(_written, other)):
        return True
    return all(any(_same(a, b) for b in other) for a in one) and all(
        any(_same(a, b) for b in one) for a in other
    )


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
    at, fresh = 0, True
    while at < len(text):
        end = _quote_end(text, at) if fresh else None
        if end is not None:
            at, fresh = end, False
            continue
        yield at, text[at]
        fresh = text[at].isspace() or text[at] in ",;([{"
        at += 1


def _quote_end(text: str, start: int) -> int | None:
    """Behind the closing quote of a quoted item that begins here; None where none does."""
    close = _QUOTES.get(text[start])
    at = -1 if close is None else text.find(close, start + 1)
    while close is not None and at >= 0:
        if text[at : at + 2] == '""':
            at = text.find(close, at + 2)
            continue
        behind = text[at + 1 : at + 2]
        if not behind or behind.isspace() or behind in ",;)]}":
            return at + 1
        at = text.find(close, at + 1)
    return None


def _unquoted(text: str) -> str | None:
    if text and _quote_end(text, 0) == len(text):
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
