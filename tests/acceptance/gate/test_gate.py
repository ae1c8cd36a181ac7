"""What the strict protocol refuses and what it accepts, with makers that insist."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance.gate import makers
from acceptance.gate.tools import TASKS, Task
from acceptance.paper_tasks import TASKS as PAPER_TASKS
from latm import Config, Engine, Example, MakingFailed, Tool
from latm.testing import scripted_provider

pytestmark = pytest.mark.docker
EXAMPLES = 9
FIRST = 20

RIGHT = [pytest.param(task, name, id=f"{task.name}-{name}") for task in TASKS for name in task.right]
WRONG = [pytest.param(task, name, id=f"{task.name}-{name}") for task in TASKS for name in task.wrong]


def examples(task: Task, paper: Path) -> tuple[Example, ...]:
    (found,) = [each for each in PAPER_TASKS if each.name == task.name]
    return found.examples(paper)[FIRST : FIRST + EXAMPLES]


def make(task: Task, source: str, paper: Path, library: Path) -> Tool:
    translate = makers.TRANSLATE[task.name]
    models = {"maker": makers.maker(source, task.properties, translate), "user": makers.user(translate)}
    config = Config(
        roles={"maker": "it:maker", "user": "it:user"}, library=f"sqlite:///{library / 'latm.db'}"
    )
    with Engine(config, plugins={"it": scripted_provider("it", models)}) as engine:
        return engine.make(task.name, examples(task, paper), protocol="strict")


@pytest.mark.parametrize(("task", "name"), RIGHT)
def test_a_right_tool_is_accepted_byte_for_byte(task: Task, name: str, paper: Path, tmp_path: Path) -> None:
    tool = make(task, task.right[name], paper, tmp_path)
    assert tool.source == task.right[name]
    assert tool.call_style == "call"
    evidence = {each.stage: each for each in tool.scorecard.evidence}
    assert evidence["exam"].figures["right"] == evidence["exam"].figures["asked"] == EXAMPLES // 3
    assert all(count >= 100 for count in evidence["properties"].figures["holds"].values())
    assert evidence["properties"].figures["holds"]


@pytest.mark.parametrize(("task", "name"), WRONG)
def test_a_plausible_wrong_tool_is_refused(
    task: Task, name: str, paper: Path, tmp_path: Path, record_property
) -> None:
    with pytest.raises(MakingFailed) as refused:
        make(task, task.wrong[name], paper, tmp_path)
    problems = [each for each in refused.value.history if each.problem is not None]
    record_property("stage", problems[0].stage)
    print(f"{task.name:40} {name:30} {problems[0].stage}: {str(problems[0].problem)[:100]!r}")  # noqa: T201 - the table
