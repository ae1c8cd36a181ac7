"""Draws inputs of properties with Hypothesis, one process for each property, and tells the host of each."""

from __future__ import annotations

import gc
import inspect
import os
import random
import typing
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import hypothesis
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption
from hypothesis.internal import charmap

from latm.maker.judge.cell.common import Ask, StandIn, Stop, attempt, described, load, recorder

# Of all code points Hypothesis would make a table first, which takes a second in a fresh cell.
GIVEN = hypothesis.given
_RANGES = (range(0x10000), range(0x1F300, 0x1F700))


class Failed(Exception):  # noqa: N818 - tells Hypothesis to look for a smaller one
    """A case that is worth a smaller one."""


def draw(ask: Ask) -> None:
    """The whole of it.

    Args:
        ask: of ``plan``, ``case``, ``last`` and ``end``, and of ``call`` for the function.
    """
    plan = ask("plan")
    few_characters()
    warm()
    for index in range(len(plan["names"])):
        pid = os.fork()
        if not pid:
            try:
                _one(ask, plan, index)
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        ask("end", index, os.waitstatus_to_exitcode(status))


def few_characters() -> None:
    """Let texts be of the characters of nearly all living scripts, for the sake of time."""
    if not hasattr(charmap, "_charmap"):
        return
    found: dict[str, list[tuple[int, int]]] = {}
    for numbers in _RANGES:
        start, last = numbers[0], unicodedata.category(chr(numbers[0]))
        for number in numbers[1:]:
            kind = unicodedata.category(chr(number))
            if kind != last:
                found.setdefault(last, []).append((start, number - 1))
                start, last = number, kind
        found.setdefault(last, []).append((start, numbers[-1]))
    setattr(charmap, "_charmap", {kind: tuple(pairs) for kind, pairs in found.items()})  # noqa: B010


def warm() -> None:
    """Do what Hypothesis does at its first test, so that no forked process has to."""

    @GIVEN(st.lists(st.text("ab") | st.integers()))
    def test(_: Any) -> None:
        pass

    quiet(test, most=5, seed=0)
    gc.freeze()


def quiet(test: Callable[..., Any], *, most: int, seed: int, several: bool = False) -> None:
    """Run a test that `given` made with settings of ours. What it finds it has told itself.

    Raises:
        Exception: Hypothesis cannot go on, for want of a valid case or of a sound strategy.
        Stop: the host has seen enough.
    """
    settings = hypothesis.settings(
        database=None,
        deadline=None,
        max_examples=most,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        report_multiple_bugs=several,
        print_blob=False,
        suppress_health_check=tuple(HealthCheck.__members__.values()),
        verbosity=hypothesis.Verbosity.quiet,
    )
    random.seed(seed)
    hypothesis.seed(seed)(settings(test))()


def _one(ask: Ask, plan: Mapping[str, Any], index: int) -> None:
    stand_in = StandIn(ask, plan["errors"])
    last: list[tuple[str, str, int] | None] = [None]
    note = ""
    try:
        hypothesis.given = recorder
        names = {name: getattr(hypothesis, name) for name in plan["imported"]}
        space = load(plan, stand_in, {**names, "st": st, "hypothesis": hypothesis})
        hypothesis.given = GIVEN
        body = space[plan["names"][index]]
        strategies = st.fixed_dictionaries(_strategies(body))

        @GIVEN(strategies)
        def test(values: dict[str, Any]) -> None:
            said, last[0] = last[0], None
            if ask("case", said, values) != "go":
                raise Stop  # noqa: TRY301 - through Hypothesis
            came = last[0] = attempt(stand_in, body, values, (UnsatisfiedAssumption,))
            if came[0] in {"reject", "declared"}:
                hypothesis.reject()
            if came[0] != "pass":
                raise Failed  # noqa: TRY301 - likewise

        quiet(test, most=plan["most"], seed=plan["seeds"][index])
    except (Failed, Stop):
        pass
    except BaseException as error:  # noqa: BLE001 - reported, whatever it is
        note = described(error)
    ask("last", index, last[0], note)


def _strategies(body: Callable[..., Any]) -> dict[str, Any]:
    """The strategies by the names of the parameters; those without a name belong to the last ones."""
    args, kwargs = body.latm_given  # type: ignore[attr-defined]
    parameters = [name for name in inspect.signature(body).parameters if name not in kwargs]
    found = dict(zip(parameters[len(parameters) - len(args) :], args, strict=True))
    found.update(kwargs)
    if any(each is ... for each in found.values()):
        hints = typing.get_type_hints(body)
        found = {name: st.from_type(hints[name]) if each is ... else each for name, each in found.items()}
    return found
