"""Cut a proposal down to its definitions."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator

from latm._reading import bound_names, lines_of, parse

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


def distil(code: str) -> str:
    """Source without the maker's example usage: imports, definitions, and what these need.

    Every kept line stands as it was written, comments between kept lines included. Code that cannot be
    parsed, is nested too deeply, or has nothing that is to be cut, comes back unchanged.
    """
    tree = parse(code)
    if tree is None:
        return code
    try:
        kept = _kept(tree)
    except RecursionError:
        return code
    if len(kept) == len(tree.body):
        return code
    lines = lines_of(code)
    dropped: set[int] = set()
    for node in tree.body:
        if node not in kept:
            dropped.update(range(_first_line(node) - 1, node.end_lineno or node.lineno))
    # A line shared with something that is kept ("a = 1; print(a)") stays.
    for node in kept:
        dropped.difference_update(range(_first_line(node) - 1, node.end_lineno or node.lineno))
    text = "\n".join(line for number, line in enumerate(lines) if number not in dropped)
    return _without_tail_comments(text, tree, kept)


def _kept(tree: ast.Module) -> list[ast.stmt]:
    """The statements that definitions need, found by growing from the definitions and imports."""
    body = tree.body
    functions = frozenset(node.name for node in body if isinstance(node, _DEFINITIONS))
    chosen = {index for index, node in enumerate(body) if isinstance(node, _DEFINITIONS + _IMPORTS)}
    imported = frozenset[str]().union(*(bound_names(node) for node in body if isinstance(node, _IMPORTS)))
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        chosen.add(0)  # the module's docstring
    needed = frozenset[str]()
    while True:
        for index in chosen:
            if not isinstance(body[index], _IMPORTS):
                needed |= frozenset(_globals_of(body[index]))
        more = {
            index
            for index, node in enumerate(body)
            if index not in chosen and _serves(node, needed, imported, functions)
        }
        if not more:
            return [body[index] for index in sorted(chosen)]
        chosen |= more


def _serves(
    node: ast.stmt, needed: frozenset[str], imported: frozenset[str], functions: frozenset[str]
) -> bool:
    """Whether a statement makes or changes something that definitions read."""
    if _is_main_guard(node):
        return False
    if not isinstance(node, ast.Expr) and bound_names(node) & needed:
        return True
    changed = _changed_root(node)
    if changed in needed - imported:
        return True
    # "sys.setrecursionlimit(...)", "getcontext().prec = 60": settings, unless they show a function off.
    return changed in imported and not functions & frozenset(_globals_of(node))


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
    )


def _changed_root(node: ast.stmt) -> str | None:
    """The name whose object a statement changes: T in ``T['a'] = 1``, ``T.update(...)``, ``T().a = 1``."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as target)):
            pass
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target]):
            pass
        case ast.AugAssign(target=ast.Attribute() | ast.Subscript() as target):
            pass
        case ast.Delete(targets=[ast.Attribute() | ast.Subscript() as target]):
            pass
        case _:
            return None
    root: ast.expr = target
    while isinstance(root, ast.Attribute | ast.Subscript | ast.Call):
        root = root.func if isinstance(root, ast.Call) else root.value
    return root.id if isinstance(root, ast.Name) else None


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
    lines = lines_of(text)
    while lines and (not lines[-1].strip() or lines[-1].startswith("#")):
        lines.pop()
    return "\n".join(lines) + "\n"
