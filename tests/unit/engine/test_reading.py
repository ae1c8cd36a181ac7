from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm._reading import blocks, python_blocks


@pytest.mark.parametrize(
    ("reply", "codes"),
    [
        ("```python\na\n```", ["a\n"]),
        ("```py\na\n```\n~~~python3\nb\n~~~", ["a\n", "b\n"]),
        ("text\n```\na\n```\nmore", ["a\n"]),
        ("```python\na = '''\n", ["a = '''\n"]),
        ("````python\n```\ninner\n```\n````", ["```\ninner\n```\n"]),
        ("```json\n{}\n```", []),
        ("```text\nout\n```\n  ```Python\n  a\n  ```", ["a\n"]),
        ("- a list:\n  ```python\n  if a:\n      b\n  ```", ["if a:\n    b\n"]),
        ("```python\na\n```\nprints:\n```\nA B C\n```", ["a\n"]),
        ("```python\ns = '\u2028'\n```", ["s = '\u2028'\n"]),
        ("```python\r\na\r\n```", ["a\n"]),
        ("no fence", []),
        ("", []),
        ("```python\n```", []),
        ("```python title=x\na\n```", ["a\n"]),
    ],
)
def test_fences_of_every_kind(reply: str, codes: list[str]) -> None:
    assert [block.code for block in python_blocks(reply)] == codes


@given(st.text(alphabet="`~ \npython=1", max_size=80))
def test_no_reply_is_too_odd(reply: str) -> None:
    for block in blocks(reply):
        assert isinstance(block.code, str)


@given(st.lists(st.text(alphabet="abc =1()\n", min_size=1, max_size=30), max_size=4))
def test_what_stands_in_fences_comes_back(codes: list[str]) -> None:
    reply = "\nprose\n".join(f"```python\n{code}\n```" for code in codes)
    found = [block.code for block in blocks(reply)]
    assert [code.split("\n") for code in found] == [f"{code}\n".split("\n") for code in codes]
