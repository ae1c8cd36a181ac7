"""The scripted user writes calls: of the question's words, in a demonstration's form, never computed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._reading import python_blocks
from latm._records import Demonstration, Provenance, Tool
from latm.cli.demo import scripted
from latm.cli.demo.generators import DYCK, TRACKING, WORD_SORTING, questions
from latm.cli.demo.scripted._reading import Brackets, Sorting, Tracking, read
from latm.plugin import Usage
from latm.user._coding import card

SORTING_QUESTION = "Put these words into alphabetical order, separated by single spaces: pear, fig, apple."
BRACKET_QUESTION = "Which closing brackets have to follow  [ ( )  to make it balanced?"
TRACKING_QUESTION = (
    "Two friends. Ann has the tin box, and Ben has the red hat. First, Ann and Ben swap what they have. "
    "What does Ann have in the end?\nOptions:\n(A) the red hat\n(B) the tin box"
)
PROVENANCE = Provenance(
    protocol="paper",
    maker="m:m",
    run="r",
    examples_sha256="",
    source_sha256="",
    usage=Usage(),
    cost_usd=None,
    seconds=0.0,
    created="",
)


def shown(question: str, code: str, *, source: str = "def f(*args):\n    return args") -> str:
    return card(
        Tool(
            name="t",
            version=1,
            source=source,
            function="f",
            demonstrations=(Demonstration(question, code),),
            provenance=PROVENANCE,
        )
    )


def stream(seed: int, task: str):
    return [each for each in questions(30, seed=seed) if each.task == task]


def block(reply: str) -> str:
    (only,) = python_blocks(reply)
    return only.code


def literals(code: str) -> list[object]:
    found: list[object] = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign):
            try:
                found.append(ast.literal_eval(node.value))
            except ValueError:
                continue
    return found


@given(st.integers(min_value=0, max_value=2**32))
def test_words_are_handed_on_in_the_questions_order_and_never_sorted(say, seed: int):
    system = shown(SORTING_QUESTION, 'ret = f(["pear", "fig", "apple"])\nans = " ".join(ret)\n')
    for question in stream(seed, WORD_SORTING):
        code = block(say("user", question.text, system=system))
        (words,) = [
            ast.literal_eval(node) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.List)
        ]
        places = [question.text.index(word) for word in words]
        assert sorted(words) == question.answer.split(" ")
        assert places == sorted(places)
        assert (question.answer in code) is (question.answer in question.text)


@given(st.integers(min_value=0, max_value=2**32))
def test_brackets_are_handed_on_as_they_stand_and_never_closed(say, seed: int):
    system = shown(BRACKET_QUESTION, 'sequence = "[ ( )"\nans = " ".join(f(sequence))\n')
    for question in stream(seed, DYCK):
        (sequence,) = literals(block(say("user", question.text, system=system)))
        assert sequence in question.text
        whole = f"{sequence} {question.answer}".split(" ")
        assert all(whole.count(one) == whole.count(other) for one, other in ("()", "[]", "{}", "<>"))


@given(st.integers(min_value=0, max_value=2**32))
def test_a_story_is_handed_on_as_told_and_nothing_is_swapped(say, seed: int):
    demonstration = (
        'start = {"Ann": "the tin box", "Ben": "the red hat"}\nswaps = [("Ann", "Ben")]\nwho = "Ann"\n'
        'options = {"(A)": "the red hat", "(B)": "the tin box"}\nthing = f(start, swaps, who)\n'
        "ans = [key for key, value in options.items() if value == thing][0]\n"
    )
    for question in stream(seed, TRACKING):
        code = block(say("user", question.text, system=shown(TRACKING_QUESTION, demonstration)))
        start, swaps, who, options = literals(code)
        story, _, listed = question.text.partition("\nOptions:\n")
        told, *steps = re.split(r"(?<=\.) (?=First|Then|Next|After|Later|Finally)", story)
        (verb,) = {verb for verb in ("starts with", "has", "holds") if f" {verb} the " in told}
        assert all(f"{name} {verb} {thing}" in told for name, thing in start.items())
        assert len(start) == 5
        assert len(swaps) == len(steps)
        for (one, other), step in zip(swaps, steps, strict=True):
            assert step.index(one) < step.index(other)
        assert who in question.text.partition("\nOptions")[0].rpartition(". ")[2]
        assert listed.split("\n") == [f"{letter} {thing}" for letter, thing in options.items()]
        # Every option is in the code, so the right one's letter says nothing; it is not chosen anywhere.
        assert f'ans = "{question.answer}"' not in code


@pytest.mark.parametrize(
    ("question", "code", "expected"),
    [
        (
            "Order from A to Z:\n- kiwi\n- lime\n- date",
            "ret = f(('pear', 'fig', 'apple'))\nans = ' '.join(ret)\n",
            'ret = f(("kiwi", "lime", "date"))\nans = \' \'.join(ret)\n',
        ),
        (
            "Order from A to Z:\n- kiwi\n- lime\n- date",
            'ans = f("pear fig apple".split())  # the words\n',
            'ans = f("kiwi lime date".split())  # the words\n',
        ),
        (
            "Order from A to Z:\n- kiwi\n- lime\n- date",
            'words = [\n    "pear",\n    "fig",\n    "apple",\n]\nans = f(words)\n',
            'words = ["kiwi", "lime", "date"]\nans = f(words)\n',
        ),
    ],
)
def test_it_imitates_the_form_of_the_demonstration(say, question: str, code: str, expected: str):
    assert block(say("user", question, system=shown(SORTING_QUESTION, code))) == expected


def test_it_keeps_what_surrounds_a_literal_beyond_ascii(say):
    code = '# é → ü\nsequence = "[()"; note = "naïve" ; ans = f(sequence)\n'
    question = "Which closing brackets have to follow  < { }  to make it balanced?"
    reply = say("user", question, system=shown(BRACKET_QUESTION, code))
    assert block(reply) == '# é → ü\nsequence = "<{}"; note = "naïve" ; ans = f(sequence)\n'


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("Who wrote Don Quixote?", 'ans = f("[ ( )")\n'),
        ("Which closing brackets have to follow  < { }  to balance it?", "ans = f()\n"),
        ("Which closing brackets have to follow  < { }  to balance it?", 'ans = f([["[", "("], [")"]])\n'),
        ("Which closing brackets have to follow  < { }  to balance it?", "ans = = f(\n"),
    ],
)
def test_what_it_does_not_understand_it_does_not_guess(say, question: str, code: str):
    assert not python_blocks(say("user", question, system=shown(BRACKET_QUESTION, code)))


def test_it_does_not_use_a_demonstration_of_another_kind(say):
    reply = say("user", SORTING_QUESTION, system=shown(BRACKET_QUESTION, 'ans = f("[ ( )")\n'))
    assert not python_blocks(reply)


def test_its_code_calls_nothing_that_computes_an_answer():
    folder = Path(scripted.__file__).parent
    for name in ("_user.py", "_reading.py", "_literals.py"):
        tree = ast.parse((folder / name).read_text("utf-8"))
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        if name == "_user.py":
            # It sorts positions in code, with a key, and nothing that comes from a question.
            called.discard("sorted")
        assert not called & {"sorted", "exec", "eval", "compile", "reversed"}, name
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any("_strong" in str(module) or "_functions" in str(module) for module in imported)


def test_reading_says_what_stands_there():
    assert read(SORTING_QUESTION) == Sorting(("pear", "fig", "apple"))
    assert read(BRACKET_QUESTION) == Brackets("[ ( )")
    assert read(TRACKING_QUESTION) == Tracking(
        (("Ann", "the tin box"), ("Ben", "the red hat")),
        (("Ann", "Ben"),),
        "Ann",
        (("A", "the red hat"), ("B", "the tin box")),
    )
