"""What the strict protocol refuses and accepts, with makers that insist; the paper's protocol beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.gate import makers
from acceptance.gate.tools import TASKS, Task
from acceptance.paper_tasks import TASKS as PAPER_TASKS
from latm import Config, Engine, Example, MakingFailed, Tool
from latm.plugin import Request
from latm.testing import scripted_provider

pytestmark = pytest.mark.docker
EXAMPLES = 9
FIRST = 20


def some(kind: str) -> list[Any]:
    """The tools of one kind; every second one of a task waits for the long run."""
    return [
        pytest.param(task, name, id=f"{task.name}-{name}", marks=pytest.mark.soak if number % 2 else ())
        for task in TASKS
        for number, name in enumerate(getattr(task, kind))
    ]


RIGHT, WRONG = some("right"), some("wrong")


class Bench:
    """One engine for all makings; who plays the roles is set before each."""

    def __init__(self, engine: Engine, paper: Path, models: dict[str, Callable[[Request], str]]) -> None:
        self._engine = engine
        self._paper = paper
        self._models = models

    def make(self, task: Task, name: str, protocol: str) -> Tool:
        """Make the tool of that name, from examples of the task."""
        translate = makers.TRANSLATE[task.name]
        source = {**task.right, **task.wrong}[name]
        self._models["maker"] = makers.maker(source, task.properties, translate)
        self._models["user"] = makers.user(translate)
        examples = self._examples(task)
        # One attempt: what insists is refused in the end, and the end is what counts here.
        return self._engine.make(
            f"{task.name[:12]} {name} {protocol}", examples, protocol=protocol, attempts=1
        )

    def _examples(self, task: Task) -> tuple[Example, ...]:
        (found,) = [each for each in PAPER_TASKS if each.name == task.name]
        return found.examples(self._paper)[FIRST : FIRST + EXAMPLES]


@pytest.fixture(scope="module")
def bench(paper: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The engine, on a library of its own."""
    now: dict[str, Callable[[Request], str]] = {}
    models = {role: (lambda request, role=role: now[role](request)) for role in ("maker", "user")}
    library = tmp_path_factory.mktemp("gate") / "latm.db"
    config = Config(roles={"maker": "it:maker", "user": "it:user"}, library=f"sqlite:///{library}")
    with Engine(config, plugins={"it": scripted_provider("it", models)}) as engine:
        yield Bench(engine, paper, now)


@pytest.mark.parametrize(("task", "name"), RIGHT)
def test_a_right_tool_is_accepted_byte_for_byte(task: Task, name: str, bench: Bench) -> None:
    tool = bench.make(task, name, "strict")
    assert tool.source == task.right[name]
    assert tool.call_style == "call"
    evidence = {each.stage: each for each in tool.scorecard.evidence}
    assert evidence["exam"].figures["right"] == evidence["exam"].figures["asked"] == EXAMPLES // 3
    assert evidence["properties"].figures["holds"]
    assert all(count >= 100 for count in evidence["properties"].figures["holds"].values())


@pytest.mark.parametrize(("task", "name"), WRONG)
def test_a_plausible_wrong_tool_is_refused(task: Task, name: str, bench: Bench) -> None:
    with pytest.raises(MakingFailed) as refused:
        bench.make(task, name, "strict")
    problem = next(each for each in refused.value.history if each.problem is not None)
    try:
        bench.make(task, name, "paper")
        paper = "accepted"
    except MakingFailed as failure:
        paper = failure.stage
    # The table: with -s, or in the report of a run.
    print(f"{task.name:40} {name:24} strict {problem.stage:10} paper {paper:8} {str(problem.problem)[:90]!r}")  # noqa: T201
