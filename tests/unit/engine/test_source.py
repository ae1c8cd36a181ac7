from __future__ import annotations

import pytest

from latm.maker._source import distil
from latm.maker.propose import read
from latm.maker.wrap import plain_names
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
        "Solution:\n```python\nans = f()\n```\nQuestion: two\n```python\nans = f(2)\n```\nQuestion: three"
    )
    assert list(read_wrapping(reply)) == [
        ("one\nOptions:\n(A) x\n", "ans = f()\n"),
        ("two\n", "ans = f(2)\n"),
    ]
