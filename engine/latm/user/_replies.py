"""Read a user model's reply as one literal call: native, Python or JSON, in a fence or bare."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import cast

from latm._literals import LiteralCall, Unreadable, can_be_written, read_call
from latm._reading import blocks, parse
from latm._signature import Signature, misfit, to_call
from latm.plugin import Reply
from latm.sdk import plain

_THOUGHTS = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL)
_PROMPT = re.compile(r"^[ \t]*>>> ?", re.MULTILINE)
_NAMES = ("name", "function", "tool")
_ARGUMENTS = ("arguments", "parameters", "args", "kwargs", "input")
_MOST_PLACES = 10  # where a call may begin in a reply without fences
_LONGEST = 1 << 18  # characters of a reply
_OPENING, _CLOSING = "([{", ")]}"


def read(reply: Reply, signature: Signature, *, native: bool) -> LiteralCall:
    """The one call that a reply makes, with arguments that the function takes.

    A call by the service's own function calling comes first. Of several fenced blocks the last one that reads
    counts. Without a fence it is the one call, or the one JSON object, that the text holds.

    Args:
        reply: of the user model.
        signature: of the only function that may be called.
        native: whether the function was offered to be called natively.

    Raises:
        Unreadable: there is none, or more than one, or its arguments are no literals or do not fit.
    """
    call = _native(reply, signature, native=native) if reply.calls else _written(reply.text, signature)
    if (problem := misfit(signature, call)) is not None:
        raise Unreadable(problem)
    return call


def _native(reply: Reply, signature: Signature, *, native: bool) -> LiteralCall:
    if not native:
        raise Unreadable(
            f"{signature.name} was not offered to be called so: write the call in a Python block"
        )
    first, *others = reply.calls
    if any(each != first for each in others):
        raise Unreadable(f"one call is wanted, and there are {len(reply.calls)}")
    _check_name(first.name, signature)
    try:
        arguments: Mapping[str, object] = plain(first.arguments)
    except RecursionError:
        raise Unreadable(_unwritable(signature)) from None
    _check_size(arguments, signature)
    return to_call(signature, arguments)


def _written(reply: str, signature: Signature) -> LiteralCall:
    text = _THOUGHTS.sub("", reply).strip()
    if not text:
        raise Unreadable("the reply is empty")
    if len(text) > _LONGEST:
        raise Unreadable(f"the reply is longer than {_LONGEST} characters")
    problem: Unreadable | None = None
    for block in reversed([each for each in blocks(text) if each.code.strip()]):
        try:
            return _code(block.code, signature)
        except Unreadable as error:
            if problem is None and re.search(rf"\b{re.escape(signature.name)}\b", block.code):
                problem = error
    if problem is not None:
        raise problem
    return _bare(text, signature)


def _code(code: str, signature: Signature) -> LiteralCall:
    """A call that stands alone, as Python or as JSON."""
    stripped = code.strip()
    if stripped[:1] in {"{", "["}:
        try:
            data: object = json.loads(stripped, object_pairs_hook=_once_each)
        except (ValueError, RecursionError):
            pass  # it may be Python's way to write a dict, which is no call either
        else:
            return _json(data, signature, alone=True)
    return read_call(_without_trimmings(stripped), (signature.name,))


def _without_trimmings(code: str) -> str:
    """Code without what stands around a call: the function restated, imports, ``print(...)``, names shown."""
    if _PROMPT.match(code):
        code = "\n".join(_PROMPT.sub("", line) for line in code.splitlines() if _PROMPT.match(line))
    tree = parse(code)
    if tree is None:
        return code
    kept = [each for node in tree.body if (each := _core(node)) is not None]
    if kept == tree.body:
        return code
    try:
        return "\n".join(map(ast.unparse, kept))
    except RecursionError:
        return code


def _core(node: ast.stmt) -> ast.stmt | None:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Import() | ast.ImportFrom():
            return None
        case ast.Expr(value=ast.Constant() | ast.Name()):
            return None
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=[ast.Name()], keywords=[])):
            return None
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=[shown], keywords=[])):
            return ast.Expr(shown)
        case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
            return ast.Expr(value)
        case _:
            return node


def _bare(text: str, signature: Signature) -> LiteralCall:
    with suppress(Unreadable):  # else there is prose around it
        return _code(text, signature)
    problem = f"the reply holds no call of {signature.name}"
    found: dict[str, LiteralCall] = {}
    for call in _calls_within(text, signature):
        if isinstance(call, LiteralCall):
            found[str(call)] = call
        else:
            problem = str(call)
    if len(found) > 1:
        raise Unreadable(f"one call is wanted, and there are {len(found)}")
    if not found:
        raise Unreadable(problem)
    return next(iter(found.values()))


def _calls_within(text: str, signature: Signature) -> Iterator[LiteralCall | Unreadable]:
    """The calls that stand in prose, or why what looks like one is none; JSON where nothing does."""
    none = True
    for snippet in _snippets(text, signature.name):
        none = False
        try:
            yield read_call(snippet, (signature.name,))
        except Unreadable as error:
            yield error
    for data in _objects(text) if none else ():
        try:
            yield _json(data, signature)
        except Unreadable as error:
            yield error


def _snippets(text: str, name: str) -> Iterator[str]:
    """The places of a text that look like a call, each up to its closing bracket or to the text's end."""
    places = list(re.finditer(rf"(?<![\w.]){re.escape(name)}\s*\(", text))
    for place in places[-_MOST_PLACES:]:
        end = _closed(text, place.end() - 1)
        while text[end : end + 1] == "[":
            end = _closed(text, end)
        yield text[place.start() : end]


def _closed(text: str, start: int) -> int:
    """Behind the bracket that closes the one at `start`; the end of the text where none does."""
    depth, quote, at = 0, "", start
    while at < len(text):
        each = text[at]
        if quote:
            if each == "\\":
                at += 1
            elif each == quote:
                quote = ""
        elif each in "'\"":
            quote = each
        elif each in _OPENING:
            depth += 1
        elif each in _CLOSING:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)


def _objects(text: str) -> Iterator[object]:
    """The JSON objects that stand in a text."""
    decoder = json.JSONDecoder(object_pairs_hook=_once_each)
    at = text.find("{")
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        try:
            data, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield data
        at = text.find("{", end)


def _json(data: object, signature: Signature, *, alone: bool = False) -> LiteralCall:
    """A call as JSON: its name and arguments as services and models write them.

    The arguments alone do where they stand `alone`, and not among other text.
    """
    if isinstance(data, list):
        listed = cast("list[object]", data)
        if len(listed) != 1:
            raise Unreadable(f"one call is wanted, and there are {len(listed)}")
        return _json(listed[0], signature)
    if not isinstance(data, dict):
        raise Unreadable(f"the reply holds no call of {signature.name}")
    fields = cast("dict[str, object]", data)
    for wrapper in ("tool_calls", "function", "function_call", "tool_call"):
        if isinstance(fields.get(wrapper), dict | list):
            return _json(fields[wrapper], signature)
    name = next((fields[key] for key in _NAMES if isinstance(fields.get(key), str)), None)
    key = next((key for key in _ARGUMENTS if key in fields), None)
    known = {each.name for each in signature.parameters}
    if alone and fields and fields.keys() <= known:
        return _with_arguments(fields, signature)
    if not isinstance(name, str):
        raise Unreadable(f"the JSON of the reply names no function: it is {signature.name}")
    _check_name(name, signature)
    return _with_arguments({} if key is None else fields[key], signature)


def _with_arguments(arguments: object, signature: Signature) -> LiteralCall:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments, object_pairs_hook=_once_each)
        except (ValueError, RecursionError):
            raise Unreadable(f"the arguments of {signature.name} are no JSON") from None
    _check_size(arguments, signature)
    if isinstance(arguments, dict):
        return to_call(signature, cast("Mapping[str, object]", arguments))
    if isinstance(arguments, list):
        return LiteralCall(signature.name, tuple(cast("list[object]", arguments)), MappingProxyType({}))
    raise Unreadable(f"the arguments of {signature.name} are no JSON object")


def _check_size(arguments: object, signature: Signature) -> None:
    # JSON as Python reads it has an infinity and no depth: nothing of that comes from a question.
    if not can_be_written(arguments):
        raise Unreadable(_unwritable(signature))


def _unwritable(signature: Signature) -> str:
    return f"an argument of {signature.name} is no number that can be written, or too deep"


def _check_name(name: str, signature: Signature) -> None:
    # Some services put a namespace before it.
    if name.rpartition(".")[2] != signature.name:
        raise Unreadable(f"{name[:80]} is not the function to call: that is {signature.name}")


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)
