"""Answer types: how an answer is rendered as text and when two of them are the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from latm._records import Example
from latm.errors import ConfigError, nearest


@dataclass(frozen=True, slots=True)
class AnswerType:
    """A way to read answers.

    Attributes:
        name: as it is written in a tool.
        read: (value, question) to text.
    """

    name: str
    read: Callable[[object, str], str]

    def render(self, value: object, question: str) -> str:
        """A value as the text of an answer.

        Raises:
            ValueError: it cannot be written as one: a number of more than 4,300 digits, or what has no text.
        """
        try:
            return self.read(value, question)
        except (ArithmeticError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

    def same(self, value: object, expected: object, question: str) -> bool:
        """Whether two answers to a question are the same.

        Raises:
            ValueError: one of them cannot be written as text.
        """
        return self.render(value, question) == self.render(expected, question)


def _text(value: object, question: str) -> str:
    del question
    return " ".join(str(value).split())


def _number(value: object, question: str) -> str:
    text = _text(value, question).replace(",", "").replace("_", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    if abs(number.adjusted()) > _MOST_DIGITS or len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of more than {_MOST_DIGITS} digits")
    # Not normalize(): it rounds to the context's 28 digits.
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", ""} else plain


_MOST_DIGITS = 4300  # as many as Python itself turns into text (sys.int_info.default_max_str_digits)
_OPTION_LINE = re.compile(r"^\s*\(?([A-Za-z])[).]\s+(.*\S)\s*$", re.MULTILINE)
_OPTION_ANSWER = re.compile(r"^\(?\s*([A-Za-z])\s*\)?[.:)]?$")


def _option(value: object, question: str) -> str:
    options = {letter.upper(): " ".join(text.split()) for letter, text in _OPTION_LINE.findall(question)}
    text = _text(value, question)
    # What an option says comes first: among "(A) 2, (B) 1" a 1 is (B), not the first.
    for letter, option in options.items():
        if text.casefold() == option.casefold():
            return f"({letter})"
    if isinstance(value, int) and not isinstance(value, bool):
        letters = sorted(options)
        # The published tools count options from 1 ("options.index(x) + 1").
        return f"({letters[value - 1]})" if 1 <= value <= len(letters) else str(value)
    if match := _OPTION_ANSWER.match(text):
        return f"({match[1].upper()})"
    bare = re.sub(r"^\(?[A-Za-z][).]\s+", "", text)
    for letter, option in options.items():
        if bare.casefold() == option.casefold():
            return f"({letter})"
    return text


_TYPES: Mapping[str, AnswerType] = {
    kind.name: kind
    for kind in (AnswerType("text", _text), AnswerType("number", _number), AnswerType("option", _option))
}


def answer_type(name: str) -> AnswerType:
    """Look an answer type up.

    Raises:
        ConfigError: there is none of that name.
    """
    found = _TYPES.get(name)
    if found is None:
        raise ConfigError(f"no such answer type: {name!r}.{nearest(name, _TYPES)}", where="answer_type")
    return found


def guess_answer_type(examples: Sequence[Example]) -> str:
    """The answer type that fits every example without changing its answer; ``text`` where none does."""
    for kind in (_TYPES["option"], _TYPES["number"]):
        if examples and all(
            kind.render(each.answer, each.question) == each.answer and _fits(kind.name, each)
            for each in examples
        ):
            return kind.name
    return "text"


def _fits(name: str, example: Example) -> bool:
    if name == "option":
        return len(_OPTION_LINE.findall(example.question)) > 1 and bool(_OPTION_ANSWER.match(example.answer))
    return bool(re.fullmatch(r"-?\d+(?:\.\d+)?", example.answer))
