"""How replies of a strict making are read: calls or a function, properties or none, parsers or none."""

from __future__ import annotations

import pytest

from latm.maker.strict import parser, properties
from latm.maker.strict.propose import Modules
from latm.maker.strict.verify import brings_function, question_text


@pytest.mark.parametrize(
    ("reply", "brings"),
    [
        ("```python\nf(1)\nf(2)\n```", False),
        ("```python\ndef f(x):\n    return x\n```", True),
        ("Right.\n```py\nimport re\n```\n```python\ndef f(x):\n    return x\n```", True),
        ("~~~\ndef f(x): return x\n~~~", True),
        ("def f(x): return x", False),
        ("```python\ndef f(x:\n```", False),
        ("", False),
        ("```python\nf = lambda x: x\n```", False),
    ],
)
def test_a_reply_brings_a_function_or_it_does_not(reply, brings):
    assert brings_function(reply) is brings


@pytest.mark.parametrize("reply", ["none", "None.", " `none`\n", "**none**", '"none"'])
def test_none_is_none(reply):
    assert properties.read(reply) == ("", None)
    assert parser.read(reply) == ("", None)


@pytest.mark.parametrize("reply", ["", "I cannot say.", "none of them", "def parse(q): return q"])
def test_what_says_nothing_is_asked_again(reply):
    for read in (properties.read, parser.read):
        assert read(reply) == ("", "The reply holds no fenced Python block.")


def test_half_a_parser_is_named():
    assert (
        parser.read("```python\ndef parse(q): return {}\n```")[1] == "The block defines no function render."
    )
    both = "```python\ndef parse(q): return {}\n```\n```python\ndef render(a): return ''\n```"
    assert parser.read(both)[1] is None


def test_questions_travel_without_their_answers_and_in_order():
    text = question_text(["What is 1?", "What\nis 2?"])
    assert text.index("Question: What is 1?") < text.index("Question: What\nis 2?")
    assert "write one call of the function" in text


def test_modules_are_said_by_what_surprises():
    modules = Modules.of(["json", "re", "numpy", "_ast", "sympy"])
    assert modules.more == ("numpy", "sympy")
    assert "decimal" in modules.less
    assert "json" not in modules.less
    assert str(modules).endswith("and numpy, sympy")
