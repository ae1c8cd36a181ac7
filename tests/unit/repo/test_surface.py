"""`__all__` is the public surface: sorted, complete, all of it there, and all of it documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from house import modules, parse, public_modules

PUBLIC = [pytest.param(name, path, id=name) for name, path in public_modules()]
pytestmark = pytest.mark.parametrize(("name", "path"), PUBLIC)


def exported(name: str) -> list[str]:
    names: list[str] = getattr(importlib.import_module(name), "__all__", [])
    return names


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: the order that the linter keeps."""
    constant = name.isupper() and len(name) > 1
    return (0 if constant else 1 if name[0].isupper() else 2), name


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's top level, those under `if` and `try` included."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from statements(statement.body + statement.orelse)


def targets(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def bound(name: str, path: Path) -> Iterator[str]:
    """The classes and functions that a module defines, and what a package takes from its own rooms.

    A constant or a type variable may be of use to the module alone, and says so by not being exported.
    """
    for statement in statements(parse(path).body):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement.name
        elif isinstance(statement, ast.ImportFrom) and path.name == "__init__.py":
            ours = statement.level > 0 or f"{statement.module}.".startswith(f"{name}.")
            yield from (alias.asname or alias.name for alias in statement.names if ours)


def documented_constants() -> set[str]:
    """Every assignment in the house with a text beneath it."""
    found: set[str] = set()
    for _, path in modules():
        body = list(statements(parse(path).body))
        for statement, following in itertools.pairwise(body):
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                found.update(targets(statement))
    return found


def is_documented(thing: object, name: str) -> bool:
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return name in documented_constants()
    text = thing.__doc__ or ""
    # A dataclass without a docstring gets its signature for one.
    return bool(text) and not text.startswith(f"{name}(")


def test_it_has_a_docstring(name: str, path: Path) -> None:
    assert ast.get_docstring(parse(path)), f"{name} says nothing of itself"


def test_all_is_sorted_and_names_nothing_twice(name: str, path: Path) -> None:
    names = exported(name)

    assert names == sorted(set(names), key=order)


def test_all_is_complete(name: str, path: Path) -> None:
    offered = {bound_name for bound_name in bound(name, path) if not bound_name.startswith("_")}

    assert offered - set(exported(name)) == set(), f"public in {name}, yet not in its __all__"


def test_all_of_it_is_there_and_documented(name: str, path: Path) -> None:
    module = importlib.import_module(name)
    undocumented = [
        public
        for public in exported(name)
        if not inspect.ismodule(thing := getattr(module, public)) and not is_documented(thing, public)
    ]

    assert undocumented == []
