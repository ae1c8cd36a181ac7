"""Calls that look like those that were seen, as strategies.

What is drawn `alike` keeps whatever the seen calls have in common and a function may rely on: where the same
text stands in two places, where several numbers belong together, how texts with digits or signs are formed.
Only what is open is drawn anew: words, lists of words, a number that stands alone. What is drawn `loose`
keeps kinds and characters only.
"""

# What a call holds has no type to be told.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import ast
import re
import string
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

Role = tuple[Hashable, ...]
Call = tuple[tuple[Any, ...], dict[str, Any]]

_WORD = re.compile(r"[^\W\d_]+")
_JOINED = re.compile(r"[^\W\d_]+(?:[^\w\s][^\W\d_]+)*")  # o'clock, R&D
_SIGNS = re.compile(r"[^\w]+")
_OPEN = 6  # different words, from which on any word will do
_FRESH = 0.8  # and that few of them come again
_RARE = 0.1  # of them with a sign inside
_MANY_LETTERS = 10


class Seen:
    """What the seen calls say about each place in a call.

    Args:
        calls: arguments by position and by name; not empty.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self.found: dict[Role, list[Any]] = {}
        self._by_call: list[dict[Role, list[Any]]] = []
        for call in calls:
            here: dict[Role, list[Any]] = {}
            for role, value in walk(call):
                here.setdefault(role, []).append(value)
            self._by_call.append(here)
            for role, values in here.items():
                self.found.setdefault(role, []).extend(values)
        numbers = {role for role, values in self.found.items() if any(map(_is_number, values))}
        self.number = next(iter(numbers)) if len(numbers) == 1 else None
        self.words = {role for role in self.found if self._is_open(role)}

    def sizes(self, role: Role) -> tuple[int, int]:
        """The least length of the lists in a place, and up to twice the greatest where it varies."""
        lengths = [len(each) for each in self.found[role]]
        low, high = min(lengths), max(lengths)
        if low == high or self._counts(lengths):
            return low, high
        return low, 2 * high

    def is_lone(self, role: Role) -> bool:
        """Whether the numbers here stand alone in their calls, or are one list: without relations."""
        if role != self.number or not all(type(each) is int for each in self.found[role]):
            return False
        if all(len(here.get(role, ())) <= 1 for here in self._by_call):
            return True
        # Numbers of one argument; those of rows belong together (a date, an interval, a line of a matrix).
        return role[-1:] == ("*",) and role.count("*") == 1

    def numbers(self, role: Role, inner: Role) -> st.SearchStrategy[list[int]] | None:
        """Lists of whole numbers like those in a place; None where their numbers have to do with each other.

        They keep the range, and what may be no coincidence: an order, how many differ, no zero.
        """
        many = [each for each in self.found[role] if each]
        low, high = self.sizes(role)
        if low == high or all(len({*each}) == len(each) >= max(each) - min(each) for each in many):
            return None  # of one length: a record (a date, coefficients); without gaps: an enumeration
        values = self.found[inner]
        item = st.integers(min(values), max(values))
        if 0 not in values:
            item = item.filter(bool)
        different = min(len({*each}) for each in many)
        unique = all(len({*each}) == len(each) for each in many)
        if unique:  # half of what there is to draw, so that it need not be looked for
            high = max(low, min(high, (max(values) - min(values)) // 2))
        drawn = st.lists(item, min_size=max(low, different), max_size=high, unique=unique)
        drawn = drawn.filter(lambda each: len({*each}) >= different)
        if all(each == sorted(each) for each in many):
            return drawn.map(sorted)
        return drawn.map(lambda each: sorted(each, reverse=True)) if all(map(_is_falling, many)) else drawn

    def _counts(self, lengths: Sequence[int]) -> bool:
        """Whether a number in the calls may be how long a list is."""
        values = {each for many in self.found.values() for each in many if _is_number(each)}
        return bool(values & set(lengths))

    def _is_open(self, role: Role) -> bool:
        values = self.found[role]
        if not all(isinstance(each, str) and _JOINED.fullmatch(each) for each in values):
            return False
        if sum(not _WORD.fullmatch(each) for each in values) > _RARE * len(values):
            return False
        if len(set(values)) < _OPEN or len(set(values)) < _FRESH * len(values):
            return False
        return not any(self._is_linked(role, here) for here in self._by_call)

    @staticmethod
    def _is_linked(role: Role, here: Mapping[Role, list[Any]]) -> bool:
        mine = set(here.get(role, ()))
        for other, values in here.items():
            if other != role:
                for each in values:
                    if isinstance(each, str) and mine & {each, *_WORD.findall(each)}:
                        return True
        return False


def walk(value: Any, role: Role = ()) -> Iterator[tuple[Role, Any]]:
    """Every value in a value with its place, containers included; the items of a list share one place."""
    yield role, value
    if isinstance(value, list):
        for each in value:
            yield from walk(each, (*role, "*"))
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from walk(each, (*role, index))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from walk(key, (*role, "key"))
            yield from walk(each, (*role, "value", key))


def _is_falling(values: list[Any]) -> bool:
    return values == sorted(values, reverse=True)


def _is_number(value: object) -> bool:
    return type(value) in {int, float}


def alike(calls: Sequence[Call]) -> st.SearchStrategy[Call]:
    """Calls that differ from a seen one in what is open."""
    seen = Seen(calls)

    @st.composite
    def call(draw: Any) -> Call:
        found: Call = _varied(draw, seen, draw(st.sampled_from(calls)), ())
        return found

    return call()


def _varied(draw: Any, seen: Seen, value: Any, role: Role) -> Any:  # noqa: PLR0911 - one for each kind
    match value:
        case bool():
            return draw(st.sampled_from(sorted({each for each in seen.found[role] if type(each) is bool})))
        case int() if seen.is_lone(role):
            return draw(st.integers(min(seen.found[role]), max(seen.found[role])))
        case str():
            return _varied_text(draw, seen, value, role)
        case list():
            return _varied_list(draw, seen, value, role)
        case tuple():
            return tuple(_varied(draw, seen, each, (*role, index)) for index, each in enumerate(value))
        case dict():
            return {key: _varied(draw, seen, each, (*role, "value", key)) for key, each in value.items()}
        case _:
            return value


def _varied_text(draw: Any, seen: Seen, value: str, role: Role) -> Any:
    if role in seen.words:
        return draw(words(seen.found[role]))
    many = seen.found[role]
    if len(value) > 1 and all(isinstance(each, str) and _SIGNS.fullmatch(each) for each in many):
        return value[: draw(st.integers(1, len(value)))]  # signs alone: a part from the start is one too
    return value


def _varied_list(draw: Any, seen: Seen, value: list[Any], role: Role) -> Any:
    inner = (*role, "*")
    if inner in seen.words:
        low, high = seen.sizes(role)
        return draw(st.lists(words(seen.found[inner]), min_size=low, max_size=high))
    if value and all(type(each) is int for each in value) and seen.is_lone(inner):
        numbers = seen.numbers(role, inner)
        return value if numbers is None else draw(numbers)
    items = [_varied(draw, seen, each, inner) for each in value]
    rows = len(items) > 1 and all(isinstance(each, list | tuple) and len(each) > 1 for each in items)
    return draw(st.permutations(items)) if rows else items


def words(some: Sequence[str]) -> st.SearchStrategy[str]:
    """Words of the letters, the lengths and the case of some."""
    low, high = min(map(len, some)), max(map(len, some))
    letters = sorted({letter for word in some for letter in word if letter.isalpha()})
    lower = sorted({letter.lower() for letter in letters})
    if len(lower) >= _MANY_LETTERS and set(lower) <= set(string.ascii_lowercase):
        lower = list(string.ascii_lowercase)
    if all(word.islower() for word in some):
        fresh = st.text(lower, min_size=low, max_size=high)
    elif all(word.istitle() for word in some):
        fresh = st.text(lower, min_size=low, max_size=high).map(str.title)
    else:
        fresh = st.text(letters, min_size=low, max_size=high)
    return fresh | st.sampled_from(sorted(set(some)))


def loose(calls: Sequence[Call]) -> st.SearchStrategy[Call]:
    """Calls of the same kinds of values, whatever these had in common."""
    seen = Seen(calls)

    @st.composite
    def call(draw: Any) -> Call:
        args, kwargs = draw(st.sampled_from(calls))
        return (
            tuple(_loose(draw, seen, each, (0, index)) for index, each in enumerate(args)),
            {key: _loose(draw, seen, each, (1, "value", key)) for key, each in kwargs.items()},
        )

    return call()


def _loose(draw: Any, seen: Seen, value: Any, role: Role) -> Any:  # noqa: PLR0911 - likewise
    match value:
        case bool():
            return draw(st.booleans())
        case int():
            return draw(st.integers(-abs(value) - 2, 2 * abs(value) + 2))
        case float():
            return draw(st.floats(-10 * abs(value) - 1, 10 * abs(value) + 1))
        case str():
            letters = sorted(
                {letter for each in seen.found[role] if isinstance(each, str) for letter in each}
            )
            return draw(st.text(letters or string.ascii_letters, max_size=2 * len(value) + 2))
        case list() if value:
            items = draw(st.lists(st.sampled_from(value), max_size=2 * len(value)))
            return [_loose(draw, seen, each, (*role, "*")) for each in items]
        case tuple():
            return tuple(_loose(draw, seen, each, (*role, index)) for index, each in enumerate(value))
        case dict():
            return {key: _loose(draw, seen, each, (*role, "value", key)) for key, each in value.items()}
        case _:
            return value


def odd(call: Call) -> Iterator[Call]:
    """Calls with one argument that is empty, huge or of another kind."""
    args, kwargs = call
    for index, value in enumerate(args):
        for other in _others(value):
            yield (*args[:index], other, *args[index + 1 :]), kwargs
    for key, value in kwargs.items():
        for other in _others(value):
            yield args, {**kwargs, key: other}


def _others(value: Any) -> list[Any]:
    kinds: list[Any] = [None, 0, "", []]
    others = [each for each in kinds if type(each) is not type(value)]
    if isinstance(value, str | list | tuple | dict | set | frozenset):
        others.append(type(value)())
    if isinstance(value, str | list | tuple):
        others.append(value * 100)
    elif type(value) is int:
        others += [-value - 1, 0, 10**9]
    return others


def hinted(hints: Sequence[str]) -> st.SearchStrategy[Call] | None:
    """Calls by the type hints of all parameters, in order; None where one is not understood."""
    found: list[st.SearchStrategy[Any]] = []
    for hint in hints:
        try:
            strategy = _hinted(ast.parse(hint, mode="eval").body)
        except SyntaxError:
            strategy = None
        if strategy is None:
            return None
        found.append(strategy)
    return st.tuples(*found).map(lambda args: (args, dict[str, Any]()))


_PLAIN: Mapping[str, st.SearchStrategy[Any]] = {
    "str": st.text(string.ascii_letters + string.digits + " .,-", min_size=1, max_size=20),
    "int": st.integers(1, 100),
    "float": st.floats(0.5, 100.0),
    "bool": st.booleans(),
    "None": st.none(),
    "object": st.integers(1, 100),
    "Any": st.integers(1, 100),
}
_MANY = {
    "list": list,
    "List": list,
    "Sequence": list,
    "Iterable": list,
    "Collection": list,
    "set": set,
    "Set": set,
}


def _hinted(node: ast.expr) -> st.SearchStrategy[Any] | None:  # noqa: PLR0911 - likewise
    match node:
        case ast.Constant(value=None):
            return st.none()
        case ast.Constant(value=str(text)):
            return _hinted(ast.parse(text, mode="eval").body)
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _PLAIN:
            return _PLAIN[name]
        case ast.Name(id="list" | "List"):
            return st.lists(_PLAIN["int"], min_size=1, max_size=8)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either([left, right])
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            return _generic(name, list(inner.elts) if isinstance(inner, ast.Tuple) else [inner])
        case _:
            return None


def _generic(name: str, inner: list[ast.expr]) -> st.SearchStrategy[Any] | None:  # noqa: PLR0911
    if name == "Literal":
        return st.sampled_from([ast.literal_eval(each) for each in inner])
    if name == "Optional":
        return _either([inner[0], ast.Constant(None)])
    if name == "Union":
        return _either(inner)
    parts = [_hinted(each) for each in inner if not (isinstance(each, ast.Constant) and each.value is ...)]
    known = [each for each in parts if each is not None]
    if len(known) < len(parts):
        return None
    if name in _MANY:
        return st.lists(known[0], min_size=1, max_size=8).map(_MANY[name])
    if name in {"tuple", "Tuple"}:
        varies = len(known) < len(inner)
        return st.lists(known[0], min_size=1, max_size=8).map(tuple) if varies else st.tuples(*known)
    if name in {"dict", "Dict", "Mapping"} and len(known) == 2:  # noqa: PLR2004 - keys and values
        return st.dictionaries(known[0], known[1], min_size=1, max_size=6)
    return None


def _either(nodes: Sequence[ast.expr]) -> st.SearchStrategy[Any] | None:
    parts = [_hinted(each) for each in nodes]
    known = [each for each in parts if each is not None]
    return st.one_of(*known) if len(known) == len(parts) else None
