"""Read models' replies: fenced blocks, and what the Python in them does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[\w+.-]*)[^\n`]*$")
_PYTHON = frozenset({"python", "python3", "py", "py3"})


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        language: the word behind the opening fence, in lower case.
        code: what stands inside, without the fence's own indent.
        start: the line of the reply where the opening fence stands, from 0.
        end: the line of its closing fence, or of the end of the reply.
    """

    language: str
    code: str
    start: int
    end: int


def lines_of(text: str) -> list[str]:
    """Lines as Python counts them. `str.splitlines` also splits at U+2028 and others, inside literals too."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a reply in order; one that is never closed reaches to the end."""
    opening: re.Match[str] | None = None
    start, inside = 0, list[str]()
    lines = lines_of(text)
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if opening is None:
            if fence:
                opening, start, inside = fence, number, []
        elif fence and fence["mark"].startswith(opening["mark"]) and not fence["language"]:
            yield _block(opening, inside, start, number)
            opening = None
        else:
            inside.append(line)
    if opening is not None and any(inside):
        # A text that ends in a newline has an empty last line, which is no line of the block.
        yield _block(opening, inside[:-1] if not inside[-1] else inside, start, len(lines))


def _block(opening: re.Match[str], inside: list[str], start: int, end: int) -> Block:
    indent = opening["indent"]
    lines = [line.removeprefix(indent) if indent else line for line in inside]
    return Block(opening["language"].lower(), "\n".join(lines) + "\n", start, end)


def python_blocks(text: str) -> tuple[Block, ...]:
    """The blocks that hold Python: those that say so; where none does, those that say nothing.

    What stands in an unlabelled block beside a labelled one is mostly the output.
    """
    filled = [block for block in blocks(text) if block.code.strip()]
    labelled = tuple(block for block in filled if block.language in _PYTHON)
    return labelled or tuple(block for block in filled if not block.language)


def code_blocks(text: str) -> tuple[Block, ...]:
    """The same; a reply without any fence that is Python, and more than a word, is one block as a whole."""
    found = python_blocks(text)
    if found or next(blocks(text), None) is not None:
        return found
    tree = parse(text.strip())
    if tree is None or not any(isinstance(node, _MORE_THAN_A_WORD) for node in ast.walk(tree)):
        return ()
    return (Block("", f"{text.strip()}\n", 0, len(lines_of(text))),)


_MORE_THAN_A_WORD = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Call)


def says(text: str, word: str) -> bool:
    """Whether a reply is one word, however it is dressed: in quotes or a fence, bold, with a full stop."""
    fenced = [block.code for block in blocks(text)]
    said = fenced[0] if len(fenced) == 1 and text.lstrip()[:1] in {"`", "~"} else text
    return said.strip().strip(".`*\"'").casefold() == word


def says_none(text: str) -> bool:
    """Whether a reply is the one word none."""
    return says(text, "none")


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
