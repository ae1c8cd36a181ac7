"""Calls of a tool as text: one with literal arguments, read from its syntax tree and never executed here."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

from latm._reading import blocks, code_blocks

_NOTHING: Mapping[str, object] = MappingProxyType({})
_LONGEST = 1 << 20  # characters of one call
_SHOWN = 80


class Unreadable(ValueError):  # noqa: N818 - says what it is
    """A text is no literal call; the message says why, for the model that wrote it."""


@dataclass(frozen=True, slots=True)
class LiteralCall:
    """One call of a function with literal arguments.

    Attributes:
        function: the function's name.
        args: positional arguments.
        kwargs: arguments by name.
        picks: subscripts behind the call, such as ``"Alice"`` in ``f(...)["Alice"]``, in their order.
    """

    function: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    picks: tuple[object, ...] = ()

    def __str__(self) -> str:
        """The call as Python writes it."""
        parts = [repr(value) for value in self.args]
        parts += [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return f"{self.function}({', '.join(parts)})" + "".join(f"[{pick!r}]" for pick in self.picks)

    def pick(self, value: object) -> object:
        """What the subscripts choose of the function's value.

        Raises:
            Unreadable: the value has no such part.
        """
        found: Any = value
        for each in self.picks:
            try:
                found = found[each]
            except (LookupError, TypeError) as error:
                raise Unreadable(f"its value has no [{each!r}]: {type(error).__name__}: {error}") from None
        return found


def read_call(text: str, functions: Collection[str]) -> LiteralCall:
    """Read one call, such as ``sort_words(["b", "a"], reverse=True)``.

    Args:
        text: Python; white space, comments and one assignment to a name around the call are let pass.
        functions: names of the functions that may be called.

    Raises:
        Unreadable: it is something else, or an argument is no literal.
    """
    calls = _statements(text, functions)
    if len(calls) != 1:
        raise Unreadable(f"one call is wanted, and there are {len(calls)}")
    return calls[0]


def read_calls(reply: str, functions: Collection[str], count: int) -> tuple[LiteralCall, ...]:
    """Read one call for each question out of a model's reply, in the order of the questions.

    Args:
        reply: its fenced Python blocks, joined, hold one call a statement.
        functions: names of the functions that may be called.
        count: how many there have to be.

    Raises:
        Unreadable: there is no block, a statement is no literal call, or there are more or fewer of them.
    """
    found = code_blocks(reply)
    calls = (
        _statements("\n".join(block.code for block in found), functions)
        if found
        else _json_calls(reply, functions)
    )
    if len(calls) != count:
        raise Unreadable(f"The reply has {len(calls)} calls for {count} questions: write one for each.")
    return tuple(calls)


def _json_calls(reply: str, functions: Collection[str]) -> Sequence[LiteralCall]:
    """Calls as JSON objects of a name and arguments, in a fence or as the whole reply."""
    fenced = [block.code for block in blocks(reply) if block.language in {"", "json"}]
    try:
        data: object = json.loads(fenced[0] if len(fenced) == 1 else reply)
    except (ValueError, RecursionError):
        raise Unreadable("The reply holds no fenced Python block.") from None
    listed = cast("list[object]", data) if isinstance(data, list) else [data]
    return [_json_call(each, functions) for each in listed]


def _json_call(data: object, functions: Collection[str]) -> LiteralCall:
    fields = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    name, arguments = fields.get("name"), fields.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict | list):
        raise Unreadable("the JSON is no list of calls with a name and arguments: write them as Python")
    if isinstance(arguments, dict):
        named = cast("dict[str, object]", arguments)
        text = ", ".join(f"{key}={value!r}" for key, value in named.items())
    else:
        text = ", ".join(map(repr, cast("list[object]", arguments)))
    return read_call(f"{name}({text})", functions)


def _statements(text: str, functions: Collection[str]) -> Sequence[LiteralCall]:
    if len(text) > _LONGEST:
        raise Unreadable(f"it is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        message = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise Unreadable(f"it is no valid Python: {message}{line}") from None
    return [_call(node, functions) for node in tree.body]


def _call(statement: ast.stmt, functions: Collection[str]) -> LiteralCall:
    match statement:
        case ast.Expr(value=expression):
            pass
        case ast.Assign(targets=[ast.Name()], value=expression):
            pass
        case _:
            raise Unreadable(f"{_shown(statement)} is no call")
    picks: list[object] = []
    while isinstance(expression, ast.Subscript):
        picks.append(_literal(expression.slice, "the subscript"))
        expression = expression.value
    if not isinstance(expression, ast.Call) or not isinstance(expression.func, ast.Name):
        raise Unreadable(f"{_shown(statement)} is no call")
    name = expression.func.id
    if name not in functions:
        raise Unreadable(
            f"{name} is not the function to call: that is {' or '.join(dict.fromkeys(functions))}"
        )
    args: list[object] = []
    for number, node in enumerate(expression.args, 1):
        if isinstance(node, ast.Starred):
            raise Unreadable(f"argument {number} of {name} is starred: write the arguments out")
        args.append(_literal(node, f"argument {number} of {name}"))
    kwargs: dict[str, object] = {}
    for keyword in expression.keywords:
        if keyword.arg is None:
            raise Unreadable(f"the arguments of {name} are starred: write them out")
        kwargs[keyword.arg] = _literal(keyword.value, f"the argument {keyword.arg} of {name}")
    return LiteralCall(name, tuple(args), MappingProxyType(kwargs), tuple(reversed(picks)))


def _literal(node: ast.expr, where: str) -> object:
    if any(isinstance(part, ast.JoinedStr) for part in ast.walk(node)):
        raise Unreadable(f"{where} is a formatted text: write the text itself")
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError, SyntaxError):
        raise Unreadable(f"{where} is no literal: {_shown(node)}") from None
    if value is Ellipsis:
        raise Unreadable(f"{where} is left out (...)")
    if not can_be_written(value):
        raise Unreadable(f"{where} is a number too large to be written out")
    return value


def can_be_written(value: object) -> bool:
    """Whether a value that is written out, as calls are kept, can be read again: 1e999 would be inf."""
    try:
        ast.literal_eval(repr(value))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _shown(node: ast.AST) -> str:
    try:
        text = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        return "a part of it"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
