"""Draws calls of a function with Hypothesis; what becomes of them the host knows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import hypothesis

from latm.maker.judge.cell.common import Ask, Stop
from latm.maker.judge.cell.draw import few_characters, quiet
from latm.maker.judge.cell.shapes import alike, hinted, loose, odd

_LOOSE = 30


def explore(ask: Ask) -> None:
    """The whole of it.

    Args:
        ask: of ``plan`` and ``try``.
    """
    plan = ask("plan")
    few_characters()
    calls = [(tuple(args), dict(kwargs)) for args, kwargs in plan["seen"]]
    inside = alike(calls) if calls else hinted(plan["hints"])
    if inside is None:
        return
    _draw(ask, "inside", inside, plan["most"], plan["seed"])
    if not calls:
        calls = [hypothesis.find(inside, lambda _: True, settings=hypothesis.settings(database=None))]
    for call in odd(calls[0]):
        if ask("try", "outside", list(call[0]), call[1]) == "stop":
            return
    _draw(ask, "outside", loose(calls), _LOOSE, plan["seed"])


def _draw(ask: Ask, where: str, calls: Any, most: int, seed: int) -> None:
    kinds: dict[str, type[Exception]] = {}

    @hypothesis.given(calls)
    def test(call: tuple[tuple[Any, ...], Mapping[str, Any]]) -> None:
        said: str = ask("try", where, list(call[0]), dict(call[1]))
        if said == "stop":
            raise Stop
        if said:  # a class for each kind of crash, so that each is made smaller by itself
            raise kinds.setdefault(said, type("Crashed", (Exception,), {}))

    with contextlib.suppress(BaseException):  # the host has seen each of them
        quiet(test, most=most, seed=seed, several=True)
