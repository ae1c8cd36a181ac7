"""The answer types by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TypeAlias

from latm._answers._lists import read_list, read_set, render_items, same_lists, same_sets
from latm._answers._numbers import read_number, render_number
from latm._answers._options import render_option
from latm._answers._text import render_text
from latm._answers._times import render_range
from latm.errors import ConfigError, nearest

Same: TypeAlias = Callable[[object, str, str], bool]
"""A caller's own comparison: (value, expected answer, question) to whether they are the same."""

CALLER = "caller"
"""The name of the type of a caller's own comparison; a tool that has it renders its answers as text."""


@dataclass(frozen=True, slots=True)
class AnswerType:
    """A way to read answers.

    Attributes:
        name: as it is written in a tool.
        read: (value, question) to text.
        alike: (value, expected, question) to whether they are the same. None: where they have one text.
            It decides on answers, since equality need not carry over: 1.0 and 1.01 may be the same within a
            tolerance, and 1.01 and 1.02, and yet 1.0 and 1.02 may not.
    """

    name: str
    read: Callable[[object, str], str]
    alike: Callable[[object, object, str], bool] | None = None

    @classmethod
    def of(cls, name: str, same: Same) -> AnswerType:
        """A type whose answers are written as text and compared by a caller's function.

        What the function raises means that the value cannot be compared.

        Args:
            name: as it is written in a tool.
            same: called with the value, the expected answer and the question.
        """

        def alike(value: object, expected: object, question: str) -> bool:
            wanted = expected if isinstance(expected, str) else render_text(expected)
            try:
                return bool(same(value, wanted, question))
            except Exception as error:  # noqa: BLE001 - a caller's function, on whatever a tool returned
                raise ValueError(f"the comparison raised {type(error).__name__}: {error}") from None

        return cls(name, _whatever(render_text), alike)

    def render(self, value: object, question: str) -> str:
        """A value as the text of an answer.

        Raises:
            ValueError: it cannot be written as one: None, a number of more than 4,300 digits, or what has no
                text.
        """
        try:
            return self.read(value, question)
        except (ArithmeticError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

    def same(self, value: object, expected: object, question: str) -> bool:
        """Whether a value is the expected answer to a question.

        Raises:
            ValueError: one of them cannot be written as text, or they cannot be compared.
        """
        written = self.render(value, question)
        if self.alike is None:
            return written == self.render(expected, question)
        try:
            return self.alike(value, expected, question)
        except (ArithmeticError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None


def _whatever(render: Callable[[object], str]) -> Callable[[object, str], str]:
    """A rendering that does not need the question."""
    return lambda value, _: render(value)


def _folded_case(value: object, expected: object, _: str) -> bool:
    return render_text(value).casefold() == render_text(expected).casefold()


def _within(tolerance: Fraction) -> Callable[[object, object, str], bool]:
    def alike(value: object, expected: object, _: str) -> bool:
        one, other = read_number(value), read_number(expected)
        if one is None or other is None:
            return render_number(value) == render_number(expected)
        return one.agrees(other, tolerance)

    return alike


_TYPES: Mapping[str, AnswerType] = {
    kind.name: kind
    for kind in (
        AnswerType("text", _whatever(render_text)),
        AnswerType("number", _whatever(render_number), _within(Fraction(0))),
        AnswerType("option", render_option),
        AnswerType(
            "list",
            lambda value, _: render_items(read_list(value), distinct=False),
            lambda value, expected, _: same_lists(read_list(value), read_list(expected)),
        ),
        AnswerType(
            "set",
            lambda value, _: render_items(read_set(value), distinct=True),
            lambda value, expected, _: same_sets(read_set(value), read_set(expected)),
        ),
        AnswerType("time-range", _whatever(render_range)),
        AnswerType(CALLER, _whatever(render_text)),
    )
}


def answer_type(name: str) -> AnswerType:
    """Look an answer type up.

    Args:
        name: ``text``, ``text:casefold``, ``number``, ``number:0.01``, ``option``, ``list``, ``set``,
            ``time-range``, or ``caller``.

    Raises:
        ConfigError: there is none of that name.
    """
    kind, colon, setting = name.partition(":")
    if name in _TYPES:
        return _TYPES[name]
    if kind == "number" and colon:
        return AnswerType(name, _whatever(render_number), _within(_tolerance(name, setting)))
    if name == "text:casefold":
        return AnswerType(name, _whatever(render_text), _folded_case)
    if kind in _TYPES and colon:
        hint = " Did you mean 'text:casefold'?" if kind == "text" else f" Write {kind!r} alone."
        raise ConfigError(f"no such answer type: {name!r}.{hint}", where="answer_type")
    known = [*_TYPES, "text:casefold"]
    raise ConfigError(f"no such answer type: {name!r}.{nearest(name, known)}", where="answer_type")


def _tolerance(name: str, setting: str) -> Fraction:
    try:
        tolerance = Decimal(setting)
    except InvalidOperation:
        tolerance = Decimal("nan")
    if not tolerance.is_finite() or tolerance < 0 or abs(tolerance.adjusted()) > 100:  # noqa: PLR2004 - 1e-100
        raise ConfigError(
            f"{name!r} has no tolerance that is a number of at least 0: write number:0.01",
            where="answer_type",
        )
    return Fraction(tolerance)
