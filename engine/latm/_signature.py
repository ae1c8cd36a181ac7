"""A function's signature, read from its source and never executed: its contract, and its JSON Schema."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from latm._definitions import definitions_of, top_statements
from latm._hints import PLAIN_NAME, Definition, Entry, Hints, convert, object_schema
from latm._literals import LiteralCall, Unreadable
from latm._reading import parse

Place: TypeAlias = Literal["position", "either", "name", "args", "kwargs"]
_NOTHING: Mapping[str, Definition] = MappingProxyType({})
_NEVER_DECLARED = frozenset({"BaseException", "GeneratorExit", "KeyboardInterrupt", "SystemExit"})
_SPHINX = re.compile(r":(?:raises?|except|exception)\s+([\w.]+)\s*:")
_LISTED = re.compile(r"([A-Za-z_][\w.]*)\s*(?::|$)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function.

    Attributes:
        name: without stars.
        hint: its type hint as text; None where it has none.
        default: its default as text; None where it has none.
        place: how it is given: by ``position`` alone, by ``either``, by ``name`` alone; ``args`` and
            ``kwargs`` take any number.
    """

    name: str
    hint: str | None = None
    default: str | None = None
    place: Place = "either"

    def __str__(self) -> str:
        """As it stands in the function's head."""
        stars = {"args": "*", "kwargs": "**"}.get(self.place, "")
        text = f"{stars}{self.name}" + (f": {self.hint}" if self.hint else "")
        if self.default is None:
            return text
        return f"{text} = {self.default}" if self.hint else f"{text}={self.default}"

    @property
    def needed(self) -> bool:
        """Whether a call has to give it."""
        return self.default is None and self.place not in {"args", "kwargs"}


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes, gives and raises, as its source says.

    Attributes:
        name: of the function.
        parameters: in their order.
        returns: the hint of what it returns, as text; None where it has none.
        docstring: without its indent; may be empty.
        declared: names of the errors that its docstring declares or its source raises.
        definitions: the types that the source names.
        is_async: whether it is an ``async def``, which no cell calls.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: str | None = None
    docstring: str = ""
    declared: tuple[str, ...] = ()
    definitions: Mapping[str, Definition] = field(default_factory=lambda: _NOTHING)
    is_async: bool = False

    def __str__(self) -> str:
        """The function's head, such as ``sort_words(words: list[str], *, key: str = "") -> list[str]``."""
        parts: list[str] = []
        before: Place = "position"
        for each in self.parameters:
            if before == "position" and each.place != "position" and parts:
                parts.append("/")
            if each.place == "name" and before not in {"name", "args"}:
                parts.append("*")
            parts.append(str(each))
            before = each.place
        if parts and before == "position":
            parts.append("/")
        returns = f" -> {self.returns}" if self.returns else ""
        return f"{self.name}({', '.join(parts)}){returns}"


def signature_of(source: str, function: str) -> Signature | None:
    """Read a function's signature.

    Args:
        source: Python; it is parsed and never executed.
        function: which function at its top; of several definitions the last counts.

    Returns:
        The signature; None where the source has no valid syntax or no such function, or is nested too deeply.
    """
    try:
        return _read(source, function)
    except RecursionError:
        return None


def _read(source: str, function: str) -> Signature | None:
    tree = parse(source)
    found = [node for node in top_statements(tree.body if tree else ()) if _is_function(node, function)]
    if tree is None or not found:
        return None
    node = found[-1]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    docstring = ast.get_docstring(node) or ""
    return Signature(
        name=function,
        parameters=tuple(_parameters(node.args)),
        returns=ast.unparse(node.returns) if node.returns else None,
        docstring=docstring,
        declared=tuple(dict.fromkeys((*_documented(docstring), *_raised(tree)))),
        definitions=MappingProxyType(dict(definitions_of(tree))),
        is_async=isinstance(node, ast.AsyncFunctionDef),
    )


def contract_of(source: str, function: str) -> str:
    """The function's head and docstring; its name alone where they cannot be read."""
    signature = signature_of(source, function)
    if signature is None:
        return function
    return str(signature) + (f"\n{signature.docstring}" if signature.docstring else "")


def json_schema(signature: Signature) -> Mapping[str, object] | None:
    """The JSON Schema of the function's arguments as an object.

    Arguments without a hint, or with one that names no plain data, may be anything. A dataclass of the source
    is an object of its fields, and the function gets a dict.

    Returns:
        The schema; None where the function cannot be called by names: it takes arguments by position alone or
        any number of them, is async, or has a name that services do not take.
    """
    names = (signature.name, *(each.name for each in signature.parameters))
    if signature.is_async or not all(PLAIN_NAME.fullmatch(name) for name in names):
        return None
    if any(each.place not in {"either", "name"} for each in signature.parameters):
        return None
    hints = Hints(signature.definitions)
    entries = [Entry(each.name, each.hint, each.needed) for each in signature.parameters]
    return object_schema(entries, [hints.shape(each.hint) for each in entries])


def to_call(signature: Signature, arguments: Mapping[str, object]) -> LiteralCall:
    """The call that native arguments make: lists become tuples or sets where the hints say so.

    Raises:
        Unreadable: an argument is unknown, or one is missing.
    """
    hints = Hints(signature.definitions)
    by_name = {each.name: each for each in signature.parameters}
    given = {
        name: convert(hints.shape(by_name[name].hint), value) if name in by_name else value
        for name, value in arguments.items()
    }
    call = LiteralCall(signature.name, (), MappingProxyType(given))
    if (problem := misfit(signature, call)) is not None:
        raise Unreadable(problem)
    return call


def misfit(signature: Signature, call: LiteralCall) -> str | None:
    """Why the function does not take a call's arguments, whatever their values; None where it does."""
    ordered = [each for each in signature.parameters if each.place in {"position", "either"}]
    taken = {each.name for each in ordered[: len(call.args)]}
    places = {each.place for each in signature.parameters}
    named = {each.name for each in signature.parameters if each.place in {"either", "name"}}
    if len(call.args) > len(ordered) and "args" not in places:
        many = "argument" if len(ordered) == 1 else "arguments"
        return f"{signature.name} takes {len(ordered)} {many} by position, and {len(call.args)} are given"
    for name in call.kwargs:
        if name not in named and "kwargs" not in places:
            return f"{signature.name} has no argument {name}: it is {signature}"
        if name in taken and name in named:
            return f"the argument {name} of {signature.name} is given twice"
    missing = [
        each.name
        for each in signature.parameters
        if each.needed and each.name not in taken and not (each.name in call.kwargs and each.name in named)
    ]
    return f"the argument {missing[0]} of {signature.name} is missing" if missing else None


def _is_function(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name


def _parameters(args: ast.arguments) -> Iterator[Parameter]:
    ordered = [*args.posonlyargs, *args.args]
    defaults = [*[None] * (len(ordered) - len(args.defaults)), *args.defaults]
    for number, (each, default) in enumerate(zip(ordered, defaults, strict=True)):
        place: Place = "position" if number < len(args.posonlyargs) else "either"
        yield _parameter(each, default, place)
    if args.vararg:
        yield _parameter(args.vararg, None, "args")
    for each, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _parameter(each, default, "name")
    if args.kwarg:
        yield _parameter(args.kwarg, None, "kwargs")


def _parameter(node: ast.arg, default: ast.expr | None, place: Place) -> Parameter:
    hint = ast.unparse(node.annotation) if node.annotation else None
    return Parameter(node.arg, hint, None if default is None else ast.unparse(default), place)


def _documented(docstring: str) -> Iterator[str]:
    """Errors that a docstring declares, in Google's, NumPy's or Sphinx's way."""
    named = _SPHINX.findall(docstring)
    lines = docstring.splitlines()
    for number, line in enumerate(lines):
        if line.strip() in {"Raises:", "Raises"}:
            listed = [each for each in _section(lines, number) if each.strip()]
            # What stands deeper than the first name explains it.
            names = [each.strip() for each in listed if _indent(each) == _indent(listed[0])]
            named += [found[1] for each in names if (found := _LISTED.match(each))]
    for each in named:
        name = each.rpartition(".")[2]
        if name[:1].isupper() and name not in _NEVER_DECLARED:
            yield name


def _section(lines: Sequence[str], start: int) -> Iterator[str]:
    """The lines that belong to a section's heading: deeper ones, or those up to the next underlined one."""
    underlined = start + 1 < len(lines) and _is_rule(lines[start + 1])
    for number in range(start + 1 + underlined, len(lines)):
        line = lines[number]
        if underlined and number + 1 < len(lines) and _is_rule(lines[number + 1]):
            return
        if not underlined and line.strip() and _indent(line) <= _indent(lines[start]):
            return
        yield line


def _is_rule(line: str) -> bool:
    return bool(line.strip()) and not line.strip().strip("-")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _raised(tree: ast.Module) -> Iterator[str]:
    """Errors that the source raises by name; what a variable holds has none."""
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    imported = {
        (alias.asname or alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Raise):
            continue
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        match raised:
            case ast.Name(id=name) if name in classes | imported or _is_builtin_error(name):
                pass
            case ast.Attribute(attr=name) if name[:1].isupper():
                pass
            case _:
                continue
        if name not in _NEVER_DECLARED:
            yield name


def _is_builtin_error(name: str) -> bool:
    found: object = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)
