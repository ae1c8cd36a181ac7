"""The strict protocol on tasks of other kinds, with makers that state as little as they may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from acceptance.gate.makers import asked_for_calls
from acceptance.gate.others import OTHERS, Other
from latm import Config, Engine, MakingFailed, Tool
from latm.plugin import Request
from latm.testing import scripted_provider

pytestmark = pytest.mark.docker


def some(kind: str) -> list[Any]:
    """The tools of one kind; those of every second task wait for the long run."""
    return [
        pytest.param(task, name, id=f"{task.name}-{name}", marks=pytest.mark.soak if number % 2 else ())
        for number, task in enumerate(OTHERS)
        for name in getattr(task, kind)
    ]


RIGHT, WRONG = some("right"), some("wrong")
Model = Callable[[Request], str]


def fenced(code: str) -> str:
    return f"```python\n{code.rstrip()}\n```"


def maker(task: Other, source: str) -> Model:
    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if "write one call of the function" in text:
            return fenced("\n".join(task.calls[each] for each in asked_for_calls(text)))
        if "tests for Hypothesis" in text:
            return task.properties
        return "none" if "fixed form" in text else fenced(source)

    return reply


class Bench:
    """One engine for all makings; who plays the roles is set before each."""

    def __init__(self, engine: Engine, models: dict[str, Model]) -> None:
        self._engine = engine
        self._models = models

    def make(self, task: Other, name: str) -> Tool:
        self._models["maker"] = maker(task, {**task.right, **task.wrong}[name])
        self._models["user"] = lambda request: fenced(task.calls[request.messages[0].text])
        return self._engine.make(f"{task.name} {name}", task.examples, attempts=1)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    now: dict[str, Model] = {}
    models = {role: (lambda request, role=role: now[role](request)) for role in ("maker", "user")}
    library = tmp_path_factory.mktemp("others") / "latm.db"
    config = Config(roles={"maker": "it:maker", "user": "it:user"}, library=f"sqlite:///{library}")
    with Engine(config, plugins={"it": scripted_provider("it", models)}) as engine:
        yield Bench(engine, now)


@pytest.mark.parametrize(("task", "name"), RIGHT)
def test_a_right_tool_of_a_lazy_maker_is_accepted(task: Other, name: str, bench: Bench) -> None:
    tool = bench.make(task, name)
    assert tool.source == task.right[name]
    evidence = {each.stage: each for each in tool.scorecard.evidence}
    assert evidence["exam"].figures["right"] == 3
    assert evidence["robustness"].held
    # What it does not say is on its scorecard.
    assert evidence["properties"].held == (task.properties != "none")


@pytest.mark.parametrize(("task", "name"), WRONG)
def test_a_wrong_one_is_refused(task: Other, name: str, bench: Bench) -> None:
    with pytest.raises(MakingFailed) as refused:
        bench.make(task, name)
    problem = next(each for each in refused.value.history if each.problem is not None)
    print(f"{task.name:16} {name:24} strict {problem.stage:10} {str(problem.problem)[:90]!r}")  # noqa: T201 - the table
