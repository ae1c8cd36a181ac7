"""What the scripted maker can write: right functions, wrong ones, properties and parsers, by task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acceptance.gate import tools
from acceptance.stream.questions import BRACKETS, BY_LENGTH, SORTING, TRACKING


@dataclass(frozen=True)
class Skill:
    """What it takes to make one tool.

    Attributes:
        right: the source of the function.
        wrong: sources of plausible functions that are wrong.
        properties: as in `acceptance.gate.tools`.
        parser: of the paper's wording; ``none`` where the maker sees no fixed form.
        idle: a call for a question that is none of the function's.
    """

    right: str
    wrong: tuple[str, ...]
    properties: str
    idle: str
    parser: str = "none"


_SORTING_PARSER = '''\
HEAD = "Sort the following words alphabetically: List: "


def parse(question: str) -> dict | None:
    """The words behind the head."""
    return {"words": question[len(HEAD):].split()} if question.startswith(HEAD) else None


def render(arguments: dict) -> str:
    """The question again."""
    return HEAD + " ".join(arguments["words"])
'''
_LENGTH = (
    "def sort_by_length(words: list[str]) -> list[str]:\n"
    "    '''Sort words by their length, those of one length in their given order.'''\n"
    "    return {}\n"
)
_LENGTH_PROPERTIES = (
    "words = st.lists(st.text('abc', min_size=1, max_size=9), max_size=20)\n\n"
    "@given(words=words)\ndef test_permutation(words):\n"
    "    assert sorted(FUNCTION(words)) == sorted(words)\n\n"
    "@given(words=words)\ndef test_order(words):\n    out = FUNCTION(words)\n"
    "    assert all(len(a) <= len(b) for a, b in zip(out, out[1:]))\n\n"
    "@given(words=words)\ndef test_ties(words):\n    out = FUNCTION(words)\n"
    "    for size in range(1, 10):\n"
    "        assert [w for w in out if len(w) == size] == [w for w in words if len(w) == size]\n"
)


def _paper(task: tools.Task, idle: str, parser: str = "none") -> Skill:
    return Skill(task.right["typed"], tuple(task.wrong.values()), task.properties, idle, parser)


SKILLS: Mapping[str, Skill] = {
    SORTING: _paper(tools.SORTING, "sort_words([])", _SORTING_PARSER),
    # Without a parser, so that a model has many chances to close the brackets itself.
    BRACKETS: _paper(tools.BRACKETS, "close('')"),
    TRACKING: _paper(tools.TRACKING, "track({}, [])"),
    BY_LENGTH: Skill(
        _LENGTH.format("sorted(words, key=len)"),
        (_LENGTH.format("sorted(words)"), _LENGTH.format("sorted(words, key=lambda w: (len(w), w))")),
        _LENGTH_PROPERTIES,
        "sort_by_length([])",
    ),
}
