"""Whether a generated call crashed for what was made up in it, and not for what the function does.

A word that was made up may be none that a function knows (a unit, a month), and rows in another order may
make no sense (a stack's operations). Who declines such a call, by whatever error, is not to blame.
"""

# What a call holds has no type to be told.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from latm._literals import LiteralCall

Role: TypeAlias = tuple[Hashable, ...]


class Typical:
    """What stands where in the calls that were seen.

    Args:
        seen: the calls.
    """

    def __init__(self, seen: Sequence[LiteralCall]) -> None:
        self._found: dict[Role, list[Any]] = {}
        for call in seen:
            for role, value in _walk(_parts(call)):
                self._found.setdefault(role, []).append(value)

    def nearer(self, call: LiteralCall) -> LiteralCall:
        """The call with a known text for each that is made up, and rows in the order that was seen."""
        args, kwargs = self._near(_parts(call), ())
        return replace(call, args=tuple(args), kwargs=kwargs)

    def cut(self, call: LiteralCall) -> LiteralCall:
        """The call with its lists hardly longer than those that were seen."""
        args, kwargs = self._cut(_parts(call), ())
        return replace(call, args=tuple(args), kwargs=kwargs)

    def _cut(self, value: Any, role: Role) -> Any:
        match value:
            case list():
                known = [len(each) for each in self._found.get(role, []) if isinstance(each, list)]
                most = max(known, default=len(value))
                kept = value[: most + max(1, most // 4)]
                return [self._cut(each, (*role, "*")) for each in kept]
            case tuple():
                return tuple(self._cut(each, (*role, index)) for index, each in enumerate(value))
            case dict():
                return {key: self._cut(each, (*role, key)) for key, each in value.items()}
            case _:
                return value

    def _near(self, value: Any, role: Role) -> Any:
        known = self._found.get(role, [])
        match value:
            case str():
                texts = [each for each in known if isinstance(each, str)]
                return value if not texts or value in texts else texts[len(value) % len(texts)]
            case list():
                rows = sorted(map(repr, value))
                for each in known:
                    if isinstance(each, list) and rows == sorted(map(repr, each)):
                        return each
                return [self._near(each, (*role, "*")) for each in value]
            case tuple():
                return tuple(self._near(each, (*role, index)) for index, each in enumerate(value))
            case dict():
                return {key: self._near(each, (*role, key)) for key, each in value.items()}
            case _:
                return value


def _parts(call: LiteralCall) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return call.args, dict(call.kwargs)


def _walk(value: Any, role: Role = ()) -> Iterator[tuple[Role, Any]]:
    """Every value in a value with its place; the items of a list share one place."""
    yield role, value
    match value:
        case list():
            for each in value:
                yield from _walk(each, (*role, "*"))
        case tuple():
            for index, each in enumerate(value):
                yield from _walk(each, (*role, index))
        case dict():
            for key, each in value.items():
                yield from _walk(each, (*role, key))
        case _:
            pass
