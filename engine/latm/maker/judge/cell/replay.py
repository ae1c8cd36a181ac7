"""Runs one property on the inputs that the host sends, without Hypothesis, and says what came of each."""

from __future__ import annotations

import sys
import types
from typing import Any

from latm.maker.judge.cell.common import Ask, StandIn, attempt, described, load, recorder


class Rejected(Exception):  # noqa: N818 - no error
    """What `assume` raises."""


class Blank:
    """Stands for anything of Hypothesis: strategies are described here, and never drawn from."""

    def __getattr__(self, name: str) -> Any:
        """Another one, unless Python looks for a protocol."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        """Itself; of a decorated function too."""
        return self

    def __or__(self, other: object) -> Any:
        """What a union of strategies is."""
        return self


def replay(ask: Ask) -> None:
    """The whole of it.

    Args:
        ask: of ``plan`` and ``next``, and of ``call`` for the function.
    """
    plan = ask("plan")
    stand_in = StandIn(ask, plan["errors"])
    try:
        body = load(plan, stand_in, _pretend())[plan["name"]]
        if not hasattr(body, "latm_given"):
            raise TypeError(f"{plan['name']} is not decorated with @given(...)")  # noqa: TRY301
    except BaseException as error:  # noqa: BLE001 - reported, whatever it is
        ask("next", ("load", described(error), 0))
        return
    said: tuple[str, str, int] | None = None
    while (values := ask("next", said)) is not None:
        said = attempt(stand_in, body, values, (Rejected,))


def _pretend() -> dict[str, Any]:
    """Put modules into the place of Hypothesis; the names that a property finds."""
    top, strategies = _Pretended("hypothesis"), _Pretended("hypothesis.strategies")
    parts: dict[str, Any] = {
        "given": recorder,
        "assume": _assume,
        "reject": _reject,
        "settings": _Same(),
        "example": _Same(),
        "seed": _Same(),
        "note": _nothing,
        "event": _nothing,
        "target": _nothing,
        "strategies": strategies,
    }
    top.__dict__.update(parts)
    sys.modules["hypothesis"], sys.modules["hypothesis.strategies"] = top, strategies
    return {**parts, "st": strategies, "hypothesis": top, "HealthCheck": Blank(), "Phase": Blank()}


class _Pretended(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Blank()


class _Same:
    """A decorator, called or not, that changes nothing."""

    def __call__(self, *args: Any, **_kwargs: Any) -> Any:
        return args[0] if len(args) == 1 and isinstance(args[0], types.FunctionType) else self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Blank()


def _assume(condition: object) -> bool:
    if not condition:
        raise Rejected
    return True


def _reject() -> None:
    raise Rejected


def _nothing(*_args: object, **_kwargs: object) -> None:
    pass
