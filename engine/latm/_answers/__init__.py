"""Answer types: how an answer is rendered as text and when two of them are the same."""

from latm._answers._guess import guess_answer_type
from latm._answers._types import CALLER, AnswerType, Same, answer_type

__all__ = ["CALLER", "AnswerType", "Same", "answer_type", "guess_answer_type"]
