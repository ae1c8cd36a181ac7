"""A second opinion: what another model sees, when it counts, and that it refuses no function by itself."""

from __future__ import annotations

import json

import pytest

from integration.engine import strict_scripts as scripts
from integration.engine.strict_scripts import EXAMPLES, GOOD, Maker, fenced
from latm import Config, Engine, Example, MakingFailed
from latm.errors import ConfigError
from latm.plugin import Unavailable
from latm.testing import scripted_provider

pytestmark = pytest.mark.docker

# Right on every example; wrong where the first two numbers are large.
PARTLY = GOOD.replace("return", "if numbers[0] > 20 and numbers[1] > 6:\n        return 7\n    return")
SILENT = Maker(properties=("none",))


class Other:
    """Writes the same function whenever it is asked."""

    def __init__(self, source: str = GOOD) -> None:
        self.source = source
        self.asked: list[str] = []

    def __call__(self, request) -> str:
        self.asked.append(json.dumps([request.system, [turn.text for turn in request.messages]]))
        return fenced(self.source)


def open_engine(maker, other, library):
    models = {"maker": maker, "user": scripts.user, "other": other}
    config = Config(
        roles={"maker": "it:maker", "user": "it:user", "fallback": "it:other"},
        library=f"sqlite:///{library / 'latm.db'}",
        making={"second_opinion": "fallback", **scripts.QUICK},
    )
    return Engine(config, plugins={"it": scripted_provider("it", models)})


def make(tmp_path, maker, other, examples=EXAMPLES):
    with open_engine(maker, other, tmp_path) as engine:
        return engine.make("adding", examples, protocol="strict")


def opinion(tool):
    (found,) = [each for each in tool.scorecard.evidence if each.stage == "second-opinion"]
    return found


def test_agreement_is_evidence_and_the_other_model_sees_the_description_alone(tmp_path):
    maker, other = Maker(), Other()
    with open_engine(maker, other, tmp_path) as engine:
        tool = engine.make("adding", EXAMPLES, protocol="strict")
        assert engine.ledger.by_role()["fallback"].calls == 1
        assert tool.provenance.usage == engine.ledger.total().usage
    found = opinion(tool)
    assert found.held
    assert found.figures["agreed"] == found.figures["compared"] >= 50
    assert (found.figures["model"], found.figures["known"]) == ("it:other", 6)
    (asked,) = other.asked
    assert "total(numbers: list[int]) -> int" in asked
    assert "Add numbers up" in asked
    for example in EXAMPLES:
        assert example.question not in asked
        assert example.answer not in asked
    assert "return" not in asked.replace("returns", "")
    assert not any("second-opinion" in note for note in tool.scorecard.notes)


def test_an_opinion_that_is_wrong_itself_is_dropped_and_said(tmp_path):
    tool = make(tmp_path, Maker(), Other("def total(numbers):\n    return sum(numbers)"))
    assert tool.source.strip() == GOOD
    assert not opinion(tool).held
    said = "wrong on 6 of 6 known questions itself, and was dropped"
    assert said in opinion(tool).summary
    assert any(said in note for note in tool.scorecard.notes)


@pytest.mark.parametrize("reply", ["I cannot do that.", "", fenced("def another(a):\n    return a")])
def test_an_opinion_that_cannot_be_read_is_asked_for_once_more(tmp_path, reply):
    asked = []

    def other(request):
        asked.append(request)
        return reply

    tool = make(tmp_path, Maker(), other)
    assert len(asked) == 2
    assert "wrote no function that loads" in opinion(tool).summary


def test_a_difference_is_shown_to_the_maker_once_and_what_it_keeps_is_noted(tmp_path):
    maker = Maker(properties=("none",), opinion=("Hm.", "**keep**."))
    tool = make(tmp_path, maker, Other(PARTLY))
    assert tool.source.strip() == GOOD
    shown = [request.messages[-1].text for request in maker.asked]
    assert sum(scripts.STAGES["opinion"] in turn for turn in shown) == 1
    assert sum("neither the one word keep" in turn for turn in shown) == 1
    assert opinion(tool).figures["differences"]
    assert "The maker keeps its own." in opinion(tool).summary
    assert any("They differ on total([" in note for note in tool.scorecard.notes)


def test_a_difference_mends_a_wrong_function(tmp_path):
    maker = Maker(functions=(PARTLY,), properties=("none",), opinion=(fenced(GOOD),))
    tool = make(tmp_path, maker, Other())
    assert tool.source.strip() == GOOD
    assert opinion(tool).figures["agreed"] == opinion(tool).figures["compared"]
    told = [each.problem for each in tool.scorecard.attempts if each.stage == "second-opinion"]
    assert told[0] is None
    assert told[1] is not None
    assert "and the other" in told[1]


def test_a_mended_function_that_is_wrong_leaves_the_one_that_was_right(tmp_path):
    for name, wrong in (("wrong", GOOD.replace("1000", "999")), ("unsteady", f"{GOOD} + 0 * id('EXAMPLE')")):
        source = wrong.replace("EXAMPLE", EXAMPLES[0].question)
        (tmp_path / name).mkdir()
        maker = Maker(functions=(GOOD, source), properties=("none",), opinion=(fenced(source),))
        tool = make(tmp_path / name, maker, Other(PARTLY))
        assert tool.source.strip() == GOOD


def test_with_a_second_opinion_a_label_is_disputed_without_properties_too(tmp_path):
    examples = list(EXAMPLES)
    examples[4] = Example(examples[4].question, "77000")
    with pytest.raises(MakingFailed, match="written from the description alone, agrees") as failed:
        make(tmp_path, SILENT, Other(), examples)
    assert "'77000'" in str(failed.value)
    (tmp_path / "against").mkdir()
    with pytest.raises(MakingFailed) as failed:
        make(
            tmp_path / "against",
            SILENT,
            Other(GOOD.replace("return", "if 100 in numbers: return 77000\n    return")),
            examples,
        )
    assert "disputed" not in str(failed.value)


@pytest.mark.soak
def test_a_making_with_a_second_opinion_goes_on_where_it_stopped(tmp_path):
    script, other, left, answered = Maker(properties=("none",)), Other(PARTLY), [0], []

    def sometimes(model):
        def reply(request):
            if left[0] == 0:
                raise Unavailable("the model went away")
            left[0] -= 1
            answered.append([turn.text for turn in request.messages])
            return model(request)

        return reply

    tool = None
    for _ in range(9):
        left[0] = 1
        try:
            tool = make(tmp_path, sometimes(script), sometimes(other))
            break
        except Unavailable:
            continue
    assert tool is not None
    assert len({str(each) for each in answered}) == len(answered) == len(tool.scorecard.attempts)


def test_who_is_no_role_gives_no_opinion():
    with pytest.raises(ConfigError, match="no such role: 'falback'"):
        Config(roles={"maker": "it:maker"}, making={"second_opinion": "falback"})
