from __future__ import annotations

import itertools
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm.cli.demo.generators import DYCK, TASKS, TRACKING, WORD_SORTING, Question, questions
from latm.errors import ConfigError

seeds = st.integers(min_value=0, max_value=2**32)


def of(task: str | None, seed: int) -> list[Question]:
    return [each for each in questions(30, seed=seed) if each.task == task]


def test_the_same_seed_gives_the_same_stream_and_another_seed_another():
    assert questions(seed=3) == questions(seed=3)
    assert questions(seed=3) != questions(seed=4)


def test_the_default_stream_has_ninety_questions_twelve_of_no_task_and_the_others_in_equal_parts():
    assert Counter(each.task for each in questions()) == {**dict.fromkeys(TASKS, 26), None: 12}


def test_the_default_stream_repeats_no_question():
    assert len({each.text for each in questions()}) == 90


@pytest.mark.parametrize("count", [1, 2, 3, 7, 400])
def test_a_stream_is_as_long_as_was_asked_for(count: int):
    assert len(questions(count)) == count


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_a_count_out_of_range_is_refused(count: int):
    with pytest.raises(ConfigError, match=r"^questions: must be between 1 and 10000, not"):
        questions(count)


def test_every_task_is_asked_in_several_ways():
    stream = questions(300)
    for task in (WORD_SORTING, DYCK):
        assert len({each.text.split()[0] for each in stream if each.task == task}) >= 3
    endings = {
        re.sub(r"[A-Z]\w+", "NAME", each.text.split("\nOptions")[0].rpartition(". ")[2])
        for each in stream
        if each.task == TRACKING
    }
    assert len(endings) == 3


@given(seeds)
def test_sorted_words_are_the_questions_words_each_not_before_the_one_before_it(seed: int):
    for question in of(WORD_SORTING, seed):
        answer = question.answer.split(" ")
        assert all(one < other for one, other in itertools.pairwise(answer))
        words = re.findall(r"[a-z]+", question.text)
        assert all(words.count(word) == 1 for word in answer)
        first, last = (pick(words.index(word) for word in answer) for pick in (min, max))
        # None that stands between them is left out, but for the "and" before the last one.
        assert set(words[first : last + 1]) - {"and"} == set(answer)


@given(seeds)
def test_closing_brackets_cancel_everything_and_none_is_too_many(seed: int):
    for question in of(DYCK, seed):
        (sequence,) = re.findall(r"[()\[\]{}<>](?: [()\[\]{}<>]){3,}", question.text)
        whole = (sequence + question.answer).replace(" ", "")
        while (shorter := re.sub(r"\(\)|\[\]|\{\}|<>", "", whole)) != whole:
            whole = shorter
        assert whole == ""
        assert set(question.answer) <= set(")]}> ")
        assert 2 <= len(question.answer.split(" ")) <= 5


@given(seeds)
def test_the_option_is_what_the_person_has_when_swaps_are_followed_backwards(seed: int):
    for question in of(TRACKING, seed):
        story, _, listed = question.text.partition("\nOptions:\n")
        options = dict(re.findall(r"^(\([A-E]\)) (the .+)$", listed, re.MULTILINE))
        starts = dict(re.findall(r"([A-Z][a-z]+) (?:has|holds|starts with) (the [a-z]+ [a-z]+)", story))
        pairs = re.findall(r"([A-Z][a-z]+) (?:and|trades with|exchanges things with) ([A-Z][a-z]+)", story)
        (holder,) = (name for name in starts if name in story.rpartition(". ")[2])
        for one, other in reversed(pairs):  # whose thing at the start is it?
            holder = {one: other, other: one}.get(holder, holder)
        assert len(options) == len(starts) == len(set(options.values())) == 5
        assert options[question.answer] == starts[holder]


@given(seeds)
def test_foreign_questions_have_answers_that_they_accept(seed: int):
    for question in of(None, seed):
        assert question.answer
        assert question.accepts(question.answer)


@pytest.mark.parametrize(
    ("right", "given_", "accepted"),
    [
        ("Oslo", " oslo. ", True),
        ("Oslo", "Oslo, Norway", False),
        ("amber cedar", "amber  cedar", True),
        ("amber cedar", "ambercedar", False),
        ("] )", "])", True),
        ("] )", ") ]", False),
        ("(A)", "(B)", False),
        ("Oslo", None, False),
        ("Oslo", "", False),
    ],
)
def test_an_answer_is_compared_by_its_words(right: str, given_: str | None, accepted: bool):
    assert Question(text="?", answer=right, task=None).accepts(given_) is accepted
