"""How replies of a strict making are read: calls or a function, properties or none, parsers or none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._literals import Unreadable, read_calls
from latm._reading import code_blocks, says
from latm.maker.judge._reading import read as read_properties
from latm.maker.propose import read as read_proposal
from latm.maker.strict import parser, properties
from latm.maker.strict.propose import Modules
from latm.maker.strict.verify import brings_function, question_text

FUNCTION = "def f(x):\n    return x"
NO_BLOCK = "The reply holds no fenced Python block."


@pytest.mark.parametrize(
    ("reply", "brings"),
    [
        ("```python\nf(1)\nf(2)\n```", False),
        ("```python\ndef f(x):\n    return x\n```", True),
        ("Right.\n```py\nimport re\n```\n```python\ndef f(x):\n    return x\n```", True),
        ("~~~\ndef f(x): return x\n~~~", True),
        ("def f(x): return x", True),
        ("Here it is: def f(x): return x", False),
        ("```python\ndef f(x:\n```", False),
        ("", False),
        ("```python\nf = lambda x: x\n```", False),
    ],
)
def test_a_reply_brings_a_function_or_it_does_not(reply, brings):
    assert brings_function(reply) is brings


@pytest.mark.parametrize(
    "reply", ["none", "None.", " `none`\n", "**none**", '"none"', "```\nnone\n```", "```text\nNone\n```"]
)
def test_none_is_none(reply):
    assert properties.read(reply) == ("", None)
    assert parser.read(reply) == ("", None)


@pytest.mark.parametrize("reply", ["", "I cannot say.", "none of them", "```text\nx\n```", "x = 1"])
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


# A reply to "write the function", and what is wrong with it; None where it is read.
PROPOSALS = {
    "py": (f"```py\n{FUNCTION}\n```", None),
    "python3": (f"```python3\n{FUNCTION}\n```", None),
    "tildes": (f"~~~\n{FUNCTION}\n~~~", None),
    "no language": (f"```\n{FUNCTION}\n```", None),
    "no fence": (FUNCTION, None),
    "unclosed": (f"Here:\n```python\n{FUNCTION}", None),
    "several": (f"```python\ndef g(): pass\n```\nbetter:\n```python\n{FUNCTION}\n```", None),
    "prose around": (f"Sure!\n\n```python\n{FUNCTION}\n```\nHope this helps.", None),
    "restated": (f"```python\n{FUNCTION}\n```\nOnce more:\n```python\n{FUNCTION}\n```", None),
    "imports apart": (f"```python\nimport re\n```\n```python\n{FUNCTION}\n```", None),
    "calls": ("```python\nf(1)\n```", "No block of the reply defines a function."),
    "JSON": ('```json\n{"name": "f", "arguments": {"x": 1}}\n```', NO_BLOCK),
    "empty": ("", NO_BLOCK),
    "white space": (" \n\t", NO_BLOCK),
    "an empty fence": ("```python\n```", NO_BLOCK),
    "a refusal": ("I'm sorry, I can't help with that.", NO_BLOCK),
}


@pytest.mark.parametrize("name", PROPOSALS)
def test_proposals_are_read_or_their_fault_is_named(name):
    reply, problem = PROPOSALS[name]
    code, found = read_proposal(reply, code_blocks)
    assert found == problem
    assert (FUNCTION in code) is (problem is None)


# A reply to "write two calls", and what is wrong with it; None where it is read.
CALLS = {
    "py": ("```py\nf(1)\nf(x=2)\n```", None),
    "tildes": ("~~~python\nf(1)\nf(2)\n~~~", None),
    "no fence": ("f(1)\nf(2)", None),
    "unclosed": ("```python\nf(1)\nf(2)", None),
    "several": ("1.\n```python\nf(1)\n```\n2.\n```python\nf(2)\n```", None),
    "assigned": ("```python\na = f(1)\nb = f(2)['x']\n```", None),
    "comments": ("```python\n# one\nf(1)  # this\nf(2)\n```", None),
    "JSON": ('```json\n[{"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": [2]}]\n```', None),
    "bare JSON": ('[{"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": {"x": 2}}]', None),
    "JSON of another": ('[{"name": "g", "arguments": {}}, {"name": "f", "arguments": {}}]', "g is not the"),
    "JSON of no calls": ('{"answer": 42}', "the JSON is no list of calls"),
    "restated": (f"```python\n{FUNCTION}\nf(1)\nf(2)\n```", "is no call"),
    "truncated": ("```python\nf(1)\nf([2, 3", "no valid Python"),
    "one too few": ("```python\nf(1)\n```", "1 calls for 2 questions"),
    "one too many": ("```python\nf(1)\nf(2)\nf(3)\n```", "3 calls for 2 questions"),
    "a variable": ("```python\nf(a)\nf(2)\n```", "is no literal"),
    "another function": ("```python\ng(1)\nf(2)\n```", "g is not the function"),
    "printed": ("```python\nprint(f(1))\nf(2)\n```", "print is not the function"),
    "empty": ("", "no fenced Python block"),
    "a refusal": ("I can't translate these.", "no fenced Python block"),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_read_or_their_fault_is_named(name):
    reply, problem = CALLS[name]
    if problem is None:
        assert [each.function for each in read_calls(reply, ("f",), 2)] == ["f", "f"]
        return
    with pytest.raises(Unreadable, match=problem):
        read_calls(reply, ("f",), 2)


@pytest.mark.parametrize(
    ("reply", "word", "said"),
    [
        ("keep", "keep", True),
        ("**Keep**.", "keep", True),
        ("```\nkeep\n```", "keep", True),
        ("Property", "property", True),
        ("The property is wrong.", "property", False),
        ("keep it", "keep", False),
        ("", "keep", False),
        ("Because of this:\n```\nkeep\n```", "keep", False),
    ],
)
def test_one_word_is_one_word(reply, word, said):
    assert says(reply, word) is said


_PARTS = (
    "```", "~~~", "```python\n", "```json\n", "\n", "def f(x):\n", "    return x\n", "f(1)", "f(", "none",
    "\0", "@given(st.integers())\n", '{"name": "f", "arguments": ', "[", "}", "\ud800", "\u2028",
    "class A: pass\n", "'''",
)  # fmt: skip
PIECES = st.sampled_from(_PARTS)


@given(st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join))
def test_no_reply_breaks_a_reader(reply):
    brings_function(reply)
    for read in (read_proposal, properties.read, parser.read):
        code, problem = read(reply)
        assert isinstance(code, str)
        assert problem is None or problem
    read_proposal(reply, code_blocks)
    read_properties(reply, "f")
    says(reply, "keep")
    with suppress(Unreadable):
        assert len(read_calls(reply, ("f",), 1)) == 1
