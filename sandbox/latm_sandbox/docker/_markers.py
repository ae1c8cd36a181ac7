"""What a distribution requires, as far as it can be told without a library: names, extras and markers."""

from __future__ import annotations

import ast
import operator
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_REQUIRED: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([\w.,\s-]*)\])?([^;]*)(?:;(.*))?", re.DOTALL)
_VERSIONS: Final = frozenset({"python_version", "python_full_version", "implementation_version"})
_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of what a distribution requires.

    Attributes:
        name: normalised: lower case, runs of ``-_.`` as one ``-``.
        extras: normalised too.
        marker: the condition behind the semicolon; empty when there is none.
    """

    name: str
    extras: frozenset[str]
    marker: str


def normal(name: str) -> str:
    """A distribution's or an extra's name as names are compared."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def read(line: str) -> Requirement | None:
    """A requirement as metadata writes it; None for what is none."""
    found = _REQUIRED.fullmatch(line)
    if found is None:
        return None
    extras = frozenset(normal(each) for each in (found[2] or "").split(",") if each.strip())
    return Requirement(normal(found[1]), extras, (found[4] or "").strip())


def applies(marker: str, extras: frozenset[str]) -> bool:
    """Whether a requirement with this marker counts here; one that cannot be read does.

    Args:
        marker: such as ``python_version < "3.12" and extra == "cli"``.
        extras: those that are wanted of the distribution that requires it.
    """
    if not marker:
        return True
    try:
        tree = ast.parse(marker, mode="eval").body
        return any(_holds(tree, {**_environment(), "extra": extra}) for extra in extras or {""})
    except (SyntaxError, ValueError, LookupError):
        return True


def _environment() -> dict[str, str]:
    implementation = sys.implementation.version
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": ".".join(map(str, implementation[:3])),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": ".".join(map(str, sys.version_info[:3])),
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "sys_platform": sys.platform,
    }


def _holds(node: ast.expr, names: Mapping[str, str]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_holds(each, names) for each in values)
        case ast.BoolOp(values=values):
            return any(_holds(each, names) for each in values)
        case ast.Compare(left=left, ops=[how], comparators=[right]):
            return _compared(left, how, right, names)
        case _:
            raise ValueError(ast.dump(node))


def _compared(left: ast.expr, how: ast.cmpop, right: ast.expr, names: Mapping[str, str]) -> bool:
    one, other = _text(left, names), _text(right, names)
    if isinstance(how, ast.In):
        return one in other
    if isinstance(how, ast.NotIn):
        return one not in other
    named = {each.id for each in (left, right) if isinstance(each, ast.Name)}
    if "extra" in named:
        one, other = normal(one), normal(other)
    if named & _VERSIONS:
        if other.endswith(".*") and isinstance(how, ast.Eq | ast.NotEq):
            return one.startswith(other[:-1]) == isinstance(how, ast.Eq)
        return _COMPARE[type(how)](_numbers(one), _numbers(other))
    return _COMPARE[type(how)](one, other)


def _text(node: ast.expr, names: Mapping[str, str]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name) if name in names:
            return names[name]
        case _:
            raise ValueError(ast.dump(node))


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", version)]
    while numbers and not numbers[-1]:  # 3.11 and 3.11.0 are the same
        numbers.pop()
    return tuple(numbers)
