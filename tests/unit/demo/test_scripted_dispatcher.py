"""The scripted dispatcher decides by its request alone, and is not taken in by near misses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm.cli.demo.generators import DYCK, TRACKING, WORD_SORTING, questions
from latm.dispatcher import Candidate, request

OWN_NAMES = {
    WORD_SORTING: "word-sorting",
    DYCK: "dyck-completion",
    TRACKING: "tracking-shuffled-objects",
}
NEAR_MISSES = [
    "Put these words into reverse alphabetical order: pear, fig, apple.",
    "Here are some words: pear fig apple. Which one is the longest in the alphabetical list?",
    "How many of the words pear, fig and apple would a dictionary have before melon?",
    "Which dictionary explains the words pear, fig and apple best? Order by length.",
    "What is alphabetical order?",
    "Is the sequence ( [ ] ) balanced?",
    "What are the marks ( and ) called?",
    "Which of the brackets ( [ { do I need for a list in Python?",
    "Hugo has the tin box and Mira has the red hat. What do they have in common?",
    "First, Hugo and Mira swap what they have. What is this game called?",
]


def samples(seed: int, task: str) -> tuple[str, ...]:
    return tuple(each.text for each in questions(30, seed=seed) if each.task == task)[:2]


def candidates(seed: int, names: dict[str, str], *, has_tool: bool = True) -> list[Candidate]:
    return [
        Candidate(name=name, contract="", samples=samples(seed, task), has_tool=has_tool)
        for task, name in names.items()
    ]


def decide(say, question: str, known: list[Candidate]) -> dict[str, str | None]:
    return json.loads(say("dispatcher", request=request(question, known)))


@given(st.integers(min_value=0, max_value=2**32))
def test_without_candidates_every_task_is_new_under_a_name_of_its_own(say, seed: int):
    for question in questions(30, seed=seed):
        decision = decide(say, question.text, [])
        if question.task is None:
            assert decision == {"decision": "none", "task": None}
        else:
            name = OWN_NAMES[question.task]
            assert decision == {"decision": "new-task", "task": name.replace("-", " ")}


@given(st.integers(min_value=0, max_value=2**32), st.booleans())
def test_a_candidate_is_known_by_its_samples_whatever_it_is_called(say, seed: int, has_tool: bool):
    names = {WORD_SORTING: "alpha", DYCK: "beta", TRACKING: "gamma"}
    known = candidates(seed + 1, names, has_tool=has_tool)
    for question in questions(30, seed=seed):
        expected = "none" if question.task is None else names[question.task]
        assert decide(say, question.text, known) == {"decision": expected, "task": None}


def test_a_candidate_without_samples_is_known_by_its_name(say):
    known = [Candidate(name="word-sorting", contract="", samples=(), has_tool=True)]
    (question, *_) = samples(0, WORD_SORTING)
    assert decide(say, question, known) == {"decision": "word-sorting", "task": None}


def test_a_card_that_is_no_choice_of_the_schema_is_not_chosen(say):
    (question, *_) = samples(0, WORD_SORTING)
    asked = request(question, [])
    system = (asked.system or "").replace("(no task is known yet)", f"## word-sorting\nQuestion: {question}")
    reply = say("dispatcher", request=type(asked)(messages=asked.messages, system=system))
    assert json.loads(reply) == {"decision": "new-task", "task": "word sorting"}


@pytest.mark.parametrize("question", NEAR_MISSES)
def test_near_misses_belong_to_no_task(say, question: str):
    assert decide(say, question, candidates(5, OWN_NAMES)) == {"decision": "none", "task": None}


def test_the_one_that_is_measured_against_finds_no_task_for_anything(say):
    for question in questions(30):
        assert json.loads(say("no-task", request=request(question.text, candidates(5, OWN_NAMES)))) == {
            "decision": "none",
            "task": None,
        }
