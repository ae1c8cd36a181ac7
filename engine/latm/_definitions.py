"""The types that a source names, for the hints of its functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from latm._hints import Definition, Entry


def definitions_of(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """The types that a module names: aliases, `typing.TypedDict`, `typing.NewType` and dataclasses."""
    seen: dict[str, Definition] = {}
    for node in top_statements(tree.body):
        match node:
            case ast.ClassDef(name=name):
                found = _of_class(node, seen)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found = _of_value(value)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=note, value=ast.expr() as value) if (
                _last(note) == "TypeAlias"
            ):
                found = Definition(hint=ast.unparse(value))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found = Definition()
            case _:
                named = _type_statement(node)
                if named is None:
                    continue
                name, found = named
        seen[name] = found
    yield from seen.items()


def top_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at a module's top, those under an ``if``, ``try`` or ``with`` included."""
    for node in body:
        yield node
        match node:
            case ast.If(body=first, orelse=second):
                yield from top_statements([*first, *second])
            case ast.Try(body=first, orelse=second, finalbody=third):
                handlers = [each for handler in node.handlers for each in handler.body]
                yield from top_statements([*first, *handlers, *second, *third])
            case ast.With(body=first):
                yield from top_statements(first)
            case _:
                pass


def _type_statement(node: ast.stmt) -> tuple[str, Definition] | None:
    """``type Pair = tuple[str, str]``, where this Python knows the statement (3.12)."""
    target, value = getattr(node, "name", None), getattr(node, "value", None)
    if (
        type(node).__name__ != "TypeAlias"
        or not isinstance(target, ast.Name)
        or not isinstance(value, ast.expr)
    ):
        return None
    return target.id, Definition(hint=ast.unparse(value))


def _of_value(value: ast.expr) -> Definition:
    match value:
        case ast.Call(func=func, args=[_, ast.Dict(keys=keys, values=values)]) if _last(func) == "TypedDict":
            total = not any(_is_false(each.value) for each in value.keywords if each.arg == "total")
            entries = [
                _entry(str(key.value), hint, total=total)
                for key, hint in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant)
            ]
            return Definition(entries=tuple(entries))
        case ast.Call(func=func, args=[_, of]) if _last(func) == "NewType":
            return Definition(hint=ast.unparse(of))
        case ast.Subscript() | ast.Name() | ast.Attribute() | ast.BinOp(op=ast.BitOr()):
            return Definition(hint=ast.unparse(value))
        case _:
            return Definition()


def _of_class(node: ast.ClassDef, seen: Mapping[str, Definition]) -> Definition:
    bases = [_last(each) for each in node.bases]
    inherited: list[Entry] = []
    for base in bases:
        inherited += seen[base].entries or () if base in seen else ()
    is_dataclass = any(
        _last(each.func if isinstance(each, ast.Call) else each) == "dataclass"
        for each in node.decorator_list
    )
    is_dict = "TypedDict" in bases or (bool(inherited) and not is_dataclass)
    if not is_dict and not is_dataclass:
        return Definition()
    total = not any(_is_false(each.value) for each in node.keywords if each.arg == "total")
    own = [
        _entry(
            each.target.id, each.annotation, total=total and not (is_dataclass and _has_default(each.value))
        )
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and not _is_outside(each)
    ]
    merged = {entry.name: entry for entry in (*inherited, *own)}
    return Definition(entries=tuple(merged.values()))


def _entry(name: str, hint: ast.expr, *, total: bool) -> Entry:
    wrapper = _last(hint.value) if isinstance(hint, ast.Subscript) else ""
    required = wrapper == "Required" or (total and wrapper != "NotRequired")
    return Entry(name, ast.unparse(hint), required)


def _has_default(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and _last(value.func) == "field":
        return any(each.arg in {"default", "default_factory"} for each in value.keywords)
    return value is not None


def _is_outside(node: ast.AnnAssign) -> bool:
    """Whether a class's variable is none of its instances' fields."""
    hint = node.annotation.value if isinstance(node.annotation, ast.Subscript) else node.annotation
    keywords = node.value.keywords if isinstance(node.value, ast.Call) else []
    return _last(hint) == "ClassVar" or any(each.arg == "init" and _is_false(each.value) for each in keywords)


def _last(node: ast.expr) -> str:
    """The last word of a dotted name."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name
        case _:
            return ""


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
