"""The paper's tools, made from the real transcripts in real cells, and used on all of its test items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from acceptance.paper_tasks import TASKS, TEST_ITEMS, PaperTask, translator
from latm import Config, Engine, Tool
from latm.testing import scripted_provider

pytestmark = pytest.mark.docker


def open_engine(task: PaperTask, paper: Path, library: Path) -> Engine:
    config = Config(
        roles={"maker": f"replay:{paper / task.transcript}", "user": "translator:code"},
        library=f"sqlite:///{library}",
    )
    return Engine(config, plugins={"translator": scripted_provider("translator", {"code": translator})})


@pytest.fixture(scope="module", params=TASKS, ids=lambda task: task.name)
def made(
    request: pytest.FixtureRequest, paper: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[PaperTask, Engine, Tool]]:
    task: PaperTask = request.param
    with open_engine(task, paper, tmp_path_factory.mktemp("library") / "latm.db") as engine:
        tool = engine.make(task.name, task.making_examples(paper), protocol="paper")
        yield task, engine, tool


def test_the_transcript_makes_the_tool_with_the_recorded_number_of_attempts(
    made: tuple[PaperTask, Engine, Tool],
) -> None:
    task, engine, tool = made
    assert {stage: tool.scorecard.count(stage) for stage in ("propose", "verify", "wrap")} == {
        "propose": task.proposals,
        "verify": 1,
        "wrap": 1,
    }
    assert tool.answer_type == task.answer_type
    assert engine.library.get(task.name) == tool


def test_rejected_proposals_failed_with_the_recorded_error(made: tuple[PaperTask, Engine, Tool]) -> None:
    task, _, tool = made
    rejected = [each for each in tool.scorecard.attempts if each.problem is not None]
    assert len(rejected) == task.proposals - 1
    for attempt in rejected:
        assert attempt.stage == "propose"
        assert "KeyError: '{'" in str(attempt.problem)


def test_the_stored_function_is_the_verified_one_without_its_example_usage(
    made: tuple[PaperTask, Engine, Tool],
) -> None:
    _, _, tool = made
    accepted = [each for each in tool.scorecard.attempts if each.stage == "propose"][-1]
    assert tool.source.strip() in accepted.reply
    assert "print(" not in tool.source
    assert "xample usage" not in tool.source


def test_demonstrations_set_ans_and_hold_no_answer(made: tuple[PaperTask, Engine, Tool], paper: Path) -> None:
    task, _, tool = made
    answers: Mapping[str, str] = {each.question: each.answer for each in task.making_examples(paper)}
    assert len(tool.demonstrations) == 3
    for each in tool.demonstrations:
        assert each.question in answers
        assert "ans = " in each.code
        assert "ans1" not in each.code
        assert "assert" not in each.code
        if answers[each.question] not in each.question:
            assert f'"{answers[each.question]}"' not in each.code


def test_every_test_item_is_answered_right(made: tuple[PaperTask, Engine, Tool], paper: Path) -> None:
    task, engine, tool = made
    items = task.test_items(paper)
    assert len(items) == TEST_ITEMS
    wrong = [
        (item.question, item.answer, answer.text)
        for item in items
        if (answer := engine.use(tool, item.question)).text != item.answer or answer.route != "tool"
    ]
    assert not wrong
    engine.settle()  # counts are written in the background
    assert engine.library.uses(tool) == (TEST_ITEMS, 0)


def test_a_transcript_that_ends_early_is_named_and_nothing_is_lost(paper: Path, tmp_path: Path) -> None:
    import json

    from latm import Rejected

    task = TASKS[1]
    turns = json.loads((paper / task.transcript).read_text())
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps(turns[:4]))
    config = Config(roles={"maker": f"replay:{cut}"}, library=f"sqlite:///{tmp_path / 'latm.db'}")
    with Engine(config) as engine:
        with pytest.raises(Rejected, match=r"cut\.json"):
            engine.make(task.name, task.making_examples(paper), protocol="paper")
        assert len(engine.library.journal()) == 2
    cut.write_text(json.dumps(turns))
    with Engine(config) as engine:
        tool = engine.make(task.name, task.making_examples(paper), protocol="paper")
        # Two replies came from the journal; only the other three were asked for.
        assert engine.ledger.total().calls == 3
        assert tool.scorecard.count("propose") == 3
