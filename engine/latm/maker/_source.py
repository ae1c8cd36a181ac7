"""Cut a proposal down to its definitions."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator

from latm._reading import bound_names, parse

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


def distil(code: str) -> str:
    """Source without the maker's example usage: imports, definitions, and what these need.

    Every kept line stands as it was written, comments between kept lines included. Code that cannot be
    parsed, or in which nothing is to cut, comes back unchanged.
    """
    tree = parse(code)
    if tree is None:
        return code
    kept = _kept(tree)
    if len(kept) == len(tree.body):
        return code
    lines = code.splitlines(keepends=True)
    dropped: set[int] = set()
    for node in tree.body:
        if node not in kept:
            dropped.update(range(_first_line(node) - 1, node.end_lineno or node.lineno))
    # A line shared with something that is kept ("a = 1; print(a)") stays.
    for node in kept:
        dropped.difference_update(range(_first_line(node) - 1, node.end_lineno or node.lineno))
    text = "".join(line for number, line in enumerate(lines) if number not in dropped)
    return _without_tail_comments(text, tree, kept)


def _kept(tree: ast.Module) -> list[ast.stmt]:
    needed = frozenset[str]()
    chosen = {index for index, node in enumerate(tree.body) if isinstance(node, _DEFINITIONS + _IMPORTS)}
    if tree.body and isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant):
        chosen.add(0)  # the module's docstring
    while True:
        for index in chosen:
            if not isinstance(tree.body[index], _IMPORTS):
                needed |= frozenset(_globals_of(tree.body[index]))
        more = {
            index
            for index, node in enumerate(tree.body)
            if index not in chosen and not isinstance(node, ast.Expr) and bound_names(node) & needed
        }
        if not more:
            return [tree.body[index] for index in sorted(chosen)]
        chosen |= more


def _globals_of(node: ast.stmt) -> Iterator[str]:
    """The module's names that a statement reads; a function's own variables of the same name are not."""
    pending = [symtable.symtable(ast.unparse(node), "<proposal>", "exec")]
    top = pending[0]
    while pending:
        table = pending.pop()
        pending.extend(table.get_children())
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                yield symbol.get_name()


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _without_tail_comments(text: str, tree: ast.Module, kept: list[ast.stmt]) -> str:
    """Drop comments that headed the example usage at the end ("# Example usage:")."""
    if tree.body and tree.body[-1] in kept:
        return text
    lines = text.splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].startswith("#")):
        lines.pop()
    return "".join(lines)
