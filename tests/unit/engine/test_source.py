from __future__ import annotations

import pytest

from latm import Example
from latm.maker._source import distil
from latm.maker.propose import Proposal, read
from latm.maker.verify import read as read_tests
from latm.maker.wrap import _unfit, plain_names
from latm.maker.wrap import read as read_wrapping

WITH_USAGE = '''import math

LIMIT = 3


# adds
def add(a, b):
    """Sum."""
    return helper(a) + b + LIMIT


def helper(a):
    return a


# Example usage:
x = add(1, 2)
print(x)
'''

CUT = '''import math

LIMIT = 3


# adds
def add(a, b):
    """Sum."""
    return helper(a) + b + LIMIT


def helper(a):
    return a
'''


def test_example_usage_is_cut_and_the_rest_stands_as_written() -> None:
    assert distil(WITH_USAGE) == CUT


@pytest.mark.parametrize(
    "code",
    [
        CUT,
        "def broken(:",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n\n\ndef f():\n    return numpy\n",
        "TABLE = {}\nfor i in range(3):\n    TABLE[i] = i\n\n\ndef f():\n    return TABLE\n",
    ],
)
def test_what_a_function_needs_stays(code: str) -> None:
    kept = distil(code)
    assert "def" in kept
    for needed in ("numpy = None", "TABLE = {}"):
        assert (needed in code) == (needed in kept)


def test_a_variable_that_shares_its_name_with_a_parameter_is_cut() -> None:
    code = "def f(text):\n    return text\n\ntext = 'example'\nprint(f(text))\n"
    assert distil(code) == "def f(text):\n    return text\n"


def test_code_that_is_nested_too_deeply_comes_back_as_it_is() -> None:
    code = f"def add(a):\n    return {' + '.join(['a'] * 900)}\n\nprint(add(1))\n"
    assert distil(code) == code


def test_a_main_guard_is_cut() -> None:
    assert (
        distil("def f():\n    return 1\n\nif __name__ == '__main__':\n    print(f())\n")
        == "def f():\n    return 1\n"
    )


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("```python\nimport re\n```\nand\n```python\ndef f(): pass\n```", "import re\ndef f(): pass\n"),
        ("```python\ndef f(): 1/0\n```\nbetter:\n```python\ndef f(): pass\n```", "def f(): pass\n"),
        ("```python\ndef f(: pass\n```", "def f(: pass\n"),
    ],
)
def test_the_proposal_that_is_meant(reply: str, code: str) -> None:
    assert read(reply) == (code, None)


@pytest.mark.parametrize("reply", ["", "I cannot.", "```python\nx = 1\n```", "```json\n{}\n```"])
def test_a_reply_without_a_function_says_so(reply: str) -> None:
    code, problem = read(reply)
    assert code == ""
    assert problem is not None


def test_numbered_names_lose_their_numbers() -> None:
    code = 'ret1 = f("ans1")\nans1 = ret1  # ans1\n'
    assert plain_names(code) == 'ret = f("ans1")\nans = ret  # ans1\n'


@pytest.mark.parametrize(
    "code", ["ans = 1\nans1 = 2\n", "ans1 = 1\nans2 = 2\n", "x = 1\n", "def broken(:\n", "answer1 = 2\n"]
)
def test_other_names_stay(code: str) -> None:
    assert plain_names(code) == code


def test_a_wrapping_is_read_without_its_answers() -> None:
    reply = (
        "Here:\n```python\ndef f(): ...\n```\nUse cases:\n\n**Question:** one\nOptions:\n(A) x\n"
        "Answer: (A)\n\n"
        "Solution:\n```python\nans = f()\n```\n"
        "Question 2: two\n```python\n# Question: asks for\nans = f(2)\n```\n"
        "Question: three"
    )
    assert list(read_wrapping(reply, ["one\nOptions: (A) x", "two", "three"])) == [
        ("one\nOptions: (A) x", "ans = f()\n"),
        ("two", "# Question: asks for\nans = f(2)\n"),
    ]


@pytest.mark.parametrize(
    "question", ["Answer this riddle: one", "Two lines.\nAnswer with a number.", "Question time"]
)
def test_a_question_may_be_worded_like_a_heading(question: str) -> None:
    reply = f"Question: {question}\nSolution:\n```python\nans = f()\n```"
    assert list(read_wrapping(reply, [question])) == [(question, "ans = f()\n")]


@pytest.mark.parametrize(
    "setting",
    [
        "T['a'] = 1",
        "T.update(a=1)",
        "T |= {'a': 1}",
        "sys.setrecursionlimit(5000)",
        "getcontext().prec = 60",
        "del T['b']",
    ],
)
def test_what_sets_the_stage_stays_and_what_shows_off_goes(setting: str) -> None:
    stage = f"import sys\nfrom decimal import getcontext\n\nT = {{'b': 2}}\n{setting}\n\n\n"
    function = "def f(x):\n    return T[x]\n\n"
    usage = (
        "sys.stdout.write(f('b'))\nprint(f('b'))\nif __name__ == '__main__':\n    import sys\n    print(f)\n"
    )
    code = stage + function + usage
    kept = distil(code)
    assert setting in kept
    for shown in ("stdout", "print", "__main__"):
        assert shown not in kept


def test_odd_line_breaks_inside_literals_move_no_line() -> None:
    code = "SEP = '\u2028\x0c'\n\n\ndef f(x):\n    return x + SEP\n\nprint(f('a'))\n"
    assert distil(code) == "SEP = '\u2028\x0c'\n\n\ndef f(x):\n    return x + SEP\n"
    assert plain_names("x = '\u2028'\nret1 = 1\nans1 = ret1\n") == "x = '\u2028'\nret = 1\nans = ret\n"


@pytest.mark.parametrize(
    ("tests", "problem"),
    [
        ("ret = f(1)\nassert ret == 1", None),
        ("def test_f():\n    assert f(1) == 1\ntest_f()", None),
        ("def test_f():\n    assert f(1) == 1", "never run"),
        ("ret = f(1)", "no assert"),
        ("assert 1 == 1", "never call f"),
        ("def f(x):\n    return 1\nassert f(1) == 1", "define f anew"),
        ("import f\nassert f(1) == 1", "define f anew"),
    ],
)
def test_tests_that_prove_nothing_are_sent_back(tests: str, problem: str | None) -> None:
    proposal = Proposal("def f(x): return x", ("f",))
    found = read_tests(f"```python\n{tests}\n```", proposal)[1]
    assert (found is None) if problem is None else (problem in str(found))


@pytest.mark.parametrize(
    ("code", "answer", "problem"),
    [
        ("ret = f(2)\nans = ret", "21", None),
        ("ans = 21", "21", "never calls f"),
        ("ret = f(2)\nans = 21", "21", "expected answer"),
        ("ret = f(2)\nans = '21 '", "21", "expected answer"),
        ("ret = f(2)\nans = '(A)' if ret else '(B)'", "(A)", None),
        ("ret = f(2)", "21", "no variable named ans"),
        ("def f(x):\n    return 21\nans = f(2)", "21", "defines f anew"),
    ],
)
def test_demonstrations_that_show_nothing_are_left_out(code: str, answer: str, problem: str | None) -> None:
    example = Example("What is f of 2? (A) much (B) little", answer)
    found = _unfit(code, example, Proposal("def f(x): return x", ("f",)))
    assert (found is None) if problem is None else (problem in str(found))
