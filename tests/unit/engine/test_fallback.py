from __future__ import annotations

import pytest

from latm._fallback import _FINAL_ANSWER


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Thinking.\nAnswer: 42", "42"),
        ("**Answer:** (C)\n", "(C)"),
        ("Answer: no, wait.\nAnswer: 7", "7"),
        ("Answer:\n\n42\n", "42"),
        ("answer : b c", "b c"),
    ],
)
def test_the_last_answer_is_the_final_one(reply: str, answer: str) -> None:
    assert _FINAL_ANSWER.findall(reply)[-1] == answer
