"""A new version against what the version before it was tested with."""

from __future__ import annotations

import dataclasses
import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from integration.engine import strict_scripts as scripts
from integration.engine.strict_scripts import GOOD, Maker, fenced
from latm import Config, Engine, Example, MakingFailed
from latm.library import Library
from latm.testing import scripted_provider

pytestmark = pytest.mark.docker


def examples(*lists: tuple[int, ...]) -> list[Example]:
    return [Example(f"What do {a}, {b} and {c} add up to?", f"{a + b + c}000") for a, b, c in lists]


OLD = examples((3, 1, 2), (10, 20, 31), (4, 5, 6), (7, 7, 8), (100, 1, 0), (8, 9, 1))
NEW = examples((2, 2, 3), (11, 5, 44), (90, 6, 7), (1, 1, 1), (5, 5, 6), (12, 30, 2))
# Right for every new example, wrong for the old one that holds a hundred.
FORGETS = GOOD.replace("return", "numbers = [n for n in numbers if n < 100]\n    return")


class Place:
    """A library in which version 1 of a tool is, made from the old examples."""

    def __init__(self, folder: Path) -> None:
        self.model = Maker(properties=("none",))
        url = f"sqlite:///{folder / 'latm.db'}"
        config = Config(roles={"maker": "it:maker"}, library=url, making={"cases": 20})
        self.engine = Engine(config, plugins={"it": scripted_provider("it", {"maker": self.reply})})
        self.library = Library(url)

    def reply(self, request):
        return self.model(request)

    def make(self, maker: Maker, known=None):
        self.model = maker
        return self.engine.make("adding", NEW if known is None else known)

    def close(self) -> None:
        self.engine.close()
        self.library.close()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with such a library, made once for all tests."""
    folder = tmp_path_factory.mktemp("first")
    with closing(Place(folder)) as made:
        made.make(Maker(properties=("none",)), OLD)
    return folder


@pytest.fixture
def place(first: Path, tmp_path: Path):
    with closing(Place(shutil.copytree(first, tmp_path / "own"))) as found:
        yield found


def regression(tool):
    return {each.stage: each for each in tool.scorecard.evidence}.get("regression")


def test_what_a_version_was_tested_with_is_tested_in_the_next_one_and_no_model_is_asked(place):
    first = place.engine.library.get("adding")
    assert regression(first) is None
    maker = Maker(functions=(GOOD.replace("Add numbers up", "Sum up"),), properties=("none",))
    second = place.make(maker)
    assert (second.version, regression(second).figures["carried"]) == (2, 6)
    assert {each.question for each in second.checks} == {each.question for each in (*OLD, *NEW)}
    assert {each.question for each in second.demonstrations} == {each.question for each in NEW}
    assert all(each.passed for each in place.engine.test(second))
    assert len(maker.asked) == 4
    third = place.make(Maker(functions=(GOOD,), properties=("none",)), [*NEW[:3], *OLD[:3]])
    assert (regression(third).figures["carried"], len(third.checks)) == (6, 12)


def test_an_answer_that_is_lost_mends_the_function_and_is_told_to_nobody(place):
    maker = Maker(functions=(FORGETS, GOOD.replace("Add", "Do add")), properties=("none",))
    tool = place.make(maker)
    assert tool.source == GOOD.replace("Add", "Do add") + "\n"
    (wrong, mended) = [each for each in tool.scorecard.attempts if each.stage == "regression"]
    assert "0 of 1 questions are answered rightly" in wrong.problem
    assert mended.problem is None
    said = json.dumps([[turn.text for turn in request.messages] for request in maker.asked])
    assert "What do 100, 1 and 0 add up to?" in said
    assert "101000" not in said


def test_a_function_that_insists_is_refused_and_the_version_before_stays(place):
    with pytest.raises(MakingFailed, match="version 1 was tested with 'What do 100, 1 and 0") as failed:
        place.make(Maker(functions=(FORGETS,), properties=("none",)))
    assert failed.value.stage == "regression"
    assert "'101000', and the function gives 1000 (1 in all" in str(failed.value)
    assert place.engine.library.get("adding").version == 1


def test_another_head_gets_new_calls_from_the_maker(place):
    apart = GOOD.replace("numbers: list[int]", "a: int, b: int, c: int").replace("numbers)", "(a, b, c))")

    def words(question: str) -> str:
        return f"total({', '.join(map(str, scripts.numbers(question)))})"

    tool = place.make(Maker(functions=(apart,), calls=(words,), properties=("none",)))
    assert regression(tool).figures["carried"] == 6
    assert [each.call for each in tool.checks] == [words(each.question) for each in (*NEW, *OLD)]
    assert [each.problem for each in tool.scorecard.attempts if each.stage == "regression"] == [None]


@pytest.mark.parametrize("reply", ["", "Sorry.", "```python\ntotal([1])", fenced("total(x)")])
def test_calls_that_cannot_be_read_are_asked_for_again_and_bounded(place, reply):
    class Silent(Maker):
        def __call__(self, request) -> str:
            text = request.messages[-1].text
            if "replaces an earlier version" in text or "If calls are wrong" in text:
                self.asked.append(request)
                return reply
            return super().__call__(request)

    maker = Silent(functions=(FORGETS,), properties=("none",))
    with pytest.raises(MakingFailed, match="in all are not answered so"):
        place.make(maker)
    assert len(maker.asked) == 3 + 3  # propose, verify, properties; and three of this stage


def test_feedback_and_newer_examples_outrank_what_was_tested_and_are_listed(place):
    question = OLD[4].question
    place.library.remember("adding", Example(question, "1000"), source="feedback")
    newer = [*NEW[:5], OLD[0]]
    tool = place.make(Maker(functions=(FORGETS,), properties=("none",)), newer)
    assert regression(tool).figures["overruled"] == [question]
    assert {each.question: each.answer for each in tool.checks}[question] == "1000"
    assert any(note.startswith("regression:") for note in tool.scorecard.notes)


def test_a_version_that_was_found_wrong_is_not_followed_where_its_world_changed(place):
    tool = place.engine.library.get("adding")
    place.library.quarantine(tool, "audits")
    # Thousands are out: all its answers are others now.
    changed = [dataclasses.replace(each, answer=each.answer.removesuffix("000")) for each in NEW]
    plain = GOOD.replace(" * 1000", "")
    second = place.make(Maker(functions=(plain,), properties=("none",)), changed)
    assert (second.version, len(regression(second).figures["disputed"])) == (2, 6)
    assert len(second.checks) == 6
    place.library.quarantine(second, "audits")
    third = place.make(Maker(functions=(plain.replace("Add", "Do add"),), properties=("none",)), changed)
    assert regression(third).figures["disputed"] == []


def test_one_lost_answer_is_a_fault_though_the_version_was_found_wrong(place):
    place.library.quarantine(place.engine.library.get("adding"), "audits")
    with pytest.raises(MakingFailed) as failed:
        place.make(Maker(functions=(FORGETS,), properties=("none",)))
    assert failed.value.stage == "regression"


def test_too_many_old_checks_are_left_out_and_counted(place):
    tool = place.engine.library.get("adding")
    more = tuple(
        dataclasses.replace(
            tool.checks[0],
            question=f"What do {n}, 1 and 2 add up to?",
            call=f"total([{n}, 1, 2])",
            answer=f"{n + 3}000",
        )
        for n in range(70)
    )
    place.library.add(dataclasses.replace(tool, checks=more))
    made = place.make(Maker(functions=(GOOD.replace("Add", "Do add"),), properties=("none",)))
    assert (regression(made).figures["carried"], regression(made).figures["left_out"]) == (60, 10)
    assert "10 older ones were left out" in regression(made).summary


def test_the_paper_s_tests_are_carried_where_they_run(place):
    tool = place.engine.library.get("adding")
    tests = {"sums": "assert total([1, 1]) == 2000", "others": "assert other() == 1"}
    place.library.add(dataclasses.replace(tool, checks=(), tests=tests, call_style="code"))
    made = place.make(Maker(functions=(GOOD.replace("Add", "Do add"),), properties=("none",)))
    assert dict(made.tests) == {"sums": tests["sums"]}
    assert "Its tests that do not run on this function: others." in regression(made).summary
