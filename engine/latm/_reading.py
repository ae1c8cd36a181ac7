"""Read models' replies: fenced blocks, and what the Python in them does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[\w+.-]*)[^\n`]*$")
_PYTHON = frozenset({"", "python", "python3", "py", "py3"})


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        language: the word behind the opening fence, in lower case.
        code: what stands inside.
        start: the line of the reply where the opening fence stands, from 0.
    """

    language: str
    code: str
    start: int


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a reply in order; one that is never closed reaches to the end."""
    mark, language, start, inside = "", "", 0, list[str]()
    for number, line in enumerate(text.splitlines()):
        fence = _FENCE.match(line)
        if not mark:
            if fence:
                mark, language, start, inside = fence["mark"], fence["language"].lower(), number, []
        elif fence and fence["mark"].startswith(mark) and not fence["language"]:
            yield Block(language, "\n".join(inside) + "\n", start)
            mark = ""
        else:
            inside.append(line)
    if mark and inside:
        yield Block(language, "\n".join(inside) + "\n", start)


def python_blocks(text: str) -> tuple[Block, ...]:
    """The blocks that may hold Python: those that say so, and those that say nothing."""
    return tuple(block for block in blocks(text) if block.language in _PYTHON and block.code.strip())


def parse(code: str) -> ast.Module | None:
    """The syntax tree, or None where the code has no valid syntax."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defined_functions(tree: ast.Module) -> tuple[str, ...]:
    """Names of the functions that a module defines at its top, in order."""
    return tuple(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def bound_names(tree: ast.AST) -> frozenset[str]:
    """Every name that the code binds anywhere: assigned, defined or imported."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=asname):
                names.add(asname or name.partition(".")[0])
            case _:
                pass
    return frozenset(names)


def called_names(tree: ast.AST) -> tuple[str, ...]:
    """Names of the plain functions that the code calls, in source order."""
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    calls.sort(key=lambda node: (node.lineno, node.col_offset))
    return tuple(node.func.id for node in calls if isinstance(node.func, ast.Name))


def folded(text: str) -> str:
    """Text with every run of white space as one space, for comparing copies of a question."""
    return " ".join(text.split())
