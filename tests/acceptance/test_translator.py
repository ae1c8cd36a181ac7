"""The translator that plays the user reads every test item."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance.paper_tasks import TASKS, PaperTask


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_it_writes_valid_python_for_each_item(task: PaperTask, paper: Path) -> None:
    for item in task.test_items(paper):
        compile(task.translate(item.question), "<call>", "exec")


def test_it_reads_the_people_and_their_things(paper: Path) -> None:
    for item in TASKS[2].test_items(paper):
        code = TASKS[2].translate(item.question)
        names: dict[str, object] = {"square_dance": lambda have, swaps: {**dict(have), "n": (have, swaps)}}
        exec(code, names)
        have, swaps = names["ret"]["n"]  # type: ignore[index]
        assert [name for name, _ in have] == ["Alice", "Bob", "Claire", "Dave", "Eve"]
        assert len(swaps) == 5
