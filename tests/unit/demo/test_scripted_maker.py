"""The scripted maker reads from the messages what it has to write and what went wrong before."""

from __future__ import annotations

import ast

import pytest

from latm._literals import read_calls
from latm._reading import defined_functions, parse, python_blocks
from latm._records import Example
from latm.cli.demo.generators import DYCK, TASKS, TRACKING, WORD_SORTING, questions
from latm.maker import propose, verify, wrap
from latm.maker.strict import parser, properties
from latm.maker.strict import propose as strict_propose
from latm.maker.strict import verify as strict_verify
from latm.maker.strict.propose import Modules

ERROR = "The code failed with the error ValueError: x"
PROPOSE_AGAIN = f"{ERROR}\nPlease mend it and reply with the whole function again."
VERIFY_AGAIN = f"{ERROR}\nPlease mend the tests, not the function, and reply with all of them."
WRAP_AGAIN = f"{ERROR}\nPlease write the use of the function down again."


def examples(task: str, seed: int = 1) -> list[Example]:
    stream = questions(90, seed=seed)
    return [Example(each.text, each.answer) for each in stream if each.task == task][:6]


def conversation(task: str, *, upto: str) -> list[str]:
    """The turns of a making in which nothing fails, up to the request of a stage."""
    known = examples(task)
    turns = [propose.question_text(known[:3])]
    if upto != "propose":
        turns += ["```python\ndef f(): ...\n```", verify.question_text(known[3:])]
    if upto == "wrap":
        turns += ["```python\nassert True\n```", wrap.question_text(known[3:])]
    return turns


def code(reply: str) -> str:
    (block,) = python_blocks(reply)
    return block.code


def function(source: str):
    space: dict[str, object] = {"print": lambda *_: None}
    exec(compile(source, "proposal", "exec"), space)
    (name,) = defined_functions(ast.parse(source))
    return space[name]


@pytest.mark.parametrize("task", TASKS)
def test_it_proposes_one_documented_function(say, task: str):
    tree = parse(code(say("maker", *conversation(task, upto="propose"))))
    assert tree is not None
    (node,) = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
    assert ast.get_docstring(node)


def test_the_first_function_for_brackets_fails_by_an_exception_of_its_own_and_is_mended(say):
    turns = conversation(DYCK, upto="propose")
    first = say("maker", *turns)
    with pytest.raises(ValueError, match="' ' closes nothing that is open"):
        function(code(first))
    mended = say("maker", *turns, first, PROPOSE_AGAIN)
    closing = function(code(mended))
    for each in examples(DYCK):
        sequence = max((line for line in each.question.splitlines()), key=len)
        assert each.answer.split() == closing("".join(c for c in sequence if c in "()[]{}<>"))
    assert say("maker", *turns, mended, PROPOSE_AGAIN) == mended


@pytest.mark.parametrize("task", [WORD_SORTING, TRACKING])
def test_the_other_functions_load_at_once(say, task: str):
    assert callable(function(code(say("maker", *conversation(task, upto="propose")))))


@pytest.mark.parametrize("task", TASKS)
def test_it_writes_an_assert_for_each_question_and_does_not_define_the_function_anew(say, task: str):
    tests = code(say("maker", *conversation(task, upto="verify")))
    tree = parse(tests)
    assert tree is not None
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert len(asserts) == 3
    assert not defined_functions(tree)
    for example in examples(task)[3:]:
        assert f'assert ans == "{example.answer}"' in tests


def test_the_first_tests_for_swaps_compare_a_thing_with_a_letter_and_are_mended(say):
    turns = conversation(TRACKING, upto="verify")
    first = say("maker", *turns)
    assert code(first).count("ans = ret\n") == 3
    mended = code(say("maker", *turns, first, VERIFY_AGAIN))
    assert "ans = ret\n" not in mended
    space = {"track_thing": function(code(say("maker", *conversation(TRACKING, upto="propose"))))}
    exec(mended, space)  # its asserts hold
    with pytest.raises(AssertionError, match="got 'the "):
        exec(code(first), space)


@pytest.mark.parametrize("task", TASKS)
def test_it_wraps_each_question_with_a_call_and_neither_assert_nor_function(say, task: str):
    reply = say("maker", *conversation(task, upto="wrap"))
    questions = [each.question for each in examples(task)[3:]]
    found = dict(wrap.read(reply, questions))
    assert list(found) == questions
    for written in found.values():
        tree = parse(written)
        assert tree is not None
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))
        assert not defined_functions(tree)
        assert "ans = " in written


@pytest.mark.parametrize("task", TASKS)
def test_the_reply_depends_on_the_messages_alone_so_that_a_making_can_be_taken_up(say, task: str):
    requests = [
        conversation(task, upto="propose"),
        [*conversation(task, upto="propose"), "```python\nx\n```", PROPOSE_AGAIN],
        conversation(task, upto="verify"),
        [*conversation(task, upto="verify"), "```python\nx\n```", VERIFY_AGAIN],
        conversation(task, upto="wrap"),
        [*conversation(task, upto="wrap"), "```python\nx\n```", WRAP_AGAIN],
    ]
    in_order = [say("maker", *turns) for turns in requests]
    backwards = [say("maker", *turns) for turns in reversed(requests)]
    assert in_order == backwards[::-1]


@pytest.mark.parametrize("kinds", [(None,), (WORD_SORTING, DYCK)])
def test_it_writes_nothing_for_questions_that_are_not_of_one_kind_that_it_knows(
    say, kinds: tuple[str | None, ...]
):
    stream = questions(90, seed=1)
    mixed = [next(each for each in stream if each.task == kind) for kind in kinds]
    reply = say("maker", propose.question_text([Example(each.text, each.answer) for each in mixed]))
    assert not python_blocks(reply)


def strict(task: str, *, upto: str) -> list[str]:
    """The turns of a strict making in which nothing fails, up to the request of a stage."""
    known = examples(task)
    name = {WORD_SORTING: "sort_words", DYCK: "closing_brackets", TRACKING: "track_thing"}[task]
    asked = {
        "propose": strict_propose.question_text(known[:3], Modules((), ())),
        "verify": strict_verify.question_text([each.question for each in known]),
        "properties": properties.question_text(f"{name}(...)", name),
        "parser": parser.question_text(name, [each.question for each in known]),
    }
    turns: list[str] = []
    for stage, text in asked.items():
        turns.append(text)
        if stage == upto:
            return turns
        turns.append("```python\nx\n```")
    raise AssertionError(upto)


@pytest.mark.parametrize("task", TASKS)
def test_in_the_strict_protocol_it_writes_a_call_for_each_question_that_gives_its_answer(say, task: str):
    turns = strict(task, upto="propose")
    source = code(say("maker", *turns, "```python\nx\n```", PROPOSE_AGAIN))
    work = function(source)
    calls = strict(task, upto="verify")
    again = f"{ERROR}\nIf calls are wrong, reply with all of them again."
    reply = say("maker", *calls, "```python\nx\n```", again)
    known = examples(task)
    for example, call in zip(known, read_calls(reply, defined_functions(ast.parse(source)), 6), strict=True):
        value = work(*call.args)
        if task == TRACKING:
            assert f"{example.answer} {value}" in example.question
        else:
            assert " ".join(value) == example.answer


@pytest.mark.parametrize("task", TASKS)
def test_its_properties_are_tests_and_it_writes_no_parser(say, task: str):
    stated = code(say("maker", *strict(task, upto="properties")))
    tree = parse(stated)
    assert tree is not None
    assert any(name.startswith("test_") for name in defined_functions(tree))
    assert say("maker", *strict(task, upto="parser")) == "none"


def test_the_strict_replies_depend_on_the_messages_alone(say):
    for task in TASKS:
        turns = strict(task, upto="parser")
        in_order = [say("maker", *turns[: end + 1]) for end in range(0, len(turns), 2)]
        backwards = [say("maker", *turns[: end + 1]) for end in reversed(range(0, len(turns), 2))]
        assert in_order == backwards[::-1]
