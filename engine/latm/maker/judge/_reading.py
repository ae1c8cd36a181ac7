"""Read the properties that a maker wrote, by their syntax tree alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from latm._reading import bound_names, parse, python_blocks

_KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
_PARTS = frozenset({"hypothesis", "hypothesis.strategies"})


@dataclass(frozen=True, slots=True)
class Block:
    """What a maker's code holds.

    Attributes:
        source: imports, definitions and assignments; anything else at the top is left out.
        properties: parameters by the name of the property, in order.
        problem: why none of them can be tried; empty where they can.
    """

    source: str
    properties: dict[str, tuple[str, ...]]
    problem: str = ""


def read(code: str, function: str) -> Block:
    """Read code, or a reply that has it in fenced blocks.

    Args:
        code: functions decorated with ``given``, and what they need.
        function: the name of the function that they call.
    """
    if "```" in code or "~~~" in code:
        code = "\n".join(block.code for block in python_blocks(code)) or code
    tree = parse(code)
    if tree is None:
        return Block("", {"properties": ()}, "it is no valid Python")
    found = {
        node.name: tuple(_given(node)) for node in tree.body if isinstance(node, ast.FunctionDef) if _is(node)
    }
    kept = ast.Module([node for node in tree.body if isinstance(node, _KEPT)], [])
    try:
        source = ast.unparse(kept)
    except RecursionError:
        return Block("", {"properties": ()}, "it is nested too deeply")
    return Block(source, found, _problem(kept, function))


def parameters(source: str, function: str) -> tuple[str, ...]:
    """Names of a function's parameters in order, without starred ones."""
    tree = parse(source)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return tuple(arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))
    return ()


def errors(source: str) -> dict[str, str]:
    """The exceptions that a source defines, each with the built-in that it comes from at last."""
    tree = parse(source)
    bases = {
        node.name: node.bases[0].id
        for node in (tree.body if tree else ())
        if isinstance(node, ast.ClassDef) and node.bases and isinstance(node.bases[0], ast.Name)
    }
    found: dict[str, str] = {}
    for name, base in bases.items():
        seen = {name}
        while base in bases and base not in seen:
            seen.add(base)
            base = bases[base]  # noqa: PLW2901 - walks up
        if base.endswith(("Error", "Exception")):
            found[name] = base
    return found


def _problem(tree: ast.Module, function: str) -> str:
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    if function in bound_names(tree) | arguments:
        return f"it defines {function} anew; it has to call the function that is judged"
    for name in _imported(tree):
        top = name.partition(".")[0]
        if name not in _PARTS if top == "hypothesis" else top not in sys.stdlib_module_names:
            return f"it imports {name}; only the standard library and hypothesis are there"
    if any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree)):
        return "it is asynchronous"
    return ""


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def _is(node: ast.FunctionDef) -> bool:
    return any(True for _ in _decorators(node))


def _decorators(node: ast.FunctionDef) -> Iterator[ast.Call]:
    for each in node.decorator_list:
        match each:
            case ast.Call(func=ast.Name(id="given")) | ast.Call(func=ast.Attribute(attr="given")):
                yield each
            case _:
                pass


def _given(node: ast.FunctionDef) -> Iterator[str]:
    """Parameters that `given` fills: those named, and as many of the last ones as it has without a name."""
    call = next(_decorators(node))
    named = [keyword.arg for keyword in call.keywords if keyword.arg]
    others = [arg.arg for arg in (*node.args.args, *node.args.kwonlyargs) if arg.arg not in named]
    last = others[len(others) - len(call.args) :] if call.args else []
    yield from [*named, *last]
