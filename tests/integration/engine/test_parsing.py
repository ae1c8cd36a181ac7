"""The ways without a model: a parser that came with a tool, and a call that is known; in real cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from integration.engine.test_calling import tool
from latm import Demonstration, Tool
from latm._roles import Roles
from latm.user import Use, User
from latm_sandbox import AsyncSandbox, Limits, Outcome, Program, Status

pytestmark = pytest.mark.docker

SOURCE = '''
import re

PAIRS = {"asc": False, "desc": True}


class Unknown(ValueError):
    """Not to be sorted."""


def _clean(word):
    return word.strip().lower()


def sort(words: list[str], *, order: str = "asc") -> list[str]:
    """Sort words.

    Raises:
        Unknown: a word is no word.
    """
    if "1" in words:
        raise Unknown("1 is no word")
    if "2" in words:
        raise RuntimeError("2 is too much")
    words.sort(key=_clean, reverse=PAIRS[order])
    return words
'''
PARSER = """
import re

FORM = re.compile(r"Sort (up|down): (.+)", re.DOTALL)
WAYS = {"up": "asc", "down": "desc"}


def parse(question):
    found = FORM.fullmatch(question.strip())
    if found is None:
        return None
    return {"words": found[2].split(), "order": WAYS[found[1]]}


def render(arguments):
    way = next(key for key, value in WAYS.items() if value == arguments["order"])
    return f"Sort {way}: {' '.join(arguments['words'])}"
"""
QUESTION = "Sort up: pear fig apple"

Ran = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def sandbox(portal: BlockingPortal) -> Iterator[AsyncSandbox]:
    with portal.wrap_async_context_manager(AsyncSandbox(limits=Limits(wall_s=2.0))) as sandbox:
        yield sandbox


class Desk:
    """A user whose model is not asked: nobody fills its role."""

    def __init__(self, portal: BlockingPortal, sandbox: AsyncSandbox) -> None:
        self._portal = portal
        nobody: Roles = None  # type: ignore[assignment]
        self.user = User(roles=nobody, sandbox=sandbox)

    def parse(self, made: Tool, question: str = QUESTION) -> Use | None:
        return self._portal.call(self.user.parse, made, question)

    def call(self, made: Tool, call: str, question: str = QUESTION) -> Use:
        return self._portal.call(self.user.call, made, call, question)


@pytest.fixture
def desk(portal: BlockingPortal, sandbox: AsyncSandbox) -> Desk:
    return Desk(portal, sandbox)


def parsed(parser: str | None = PARSER, source: str = SOURCE, **changes: Any) -> Tool:
    return tool(source, parser=parser, demonstrations=(), **changes)


def test_a_whole_question_is_answered_without_a_model(desk: Desk) -> None:
    use = desk.parse(parsed())
    assert use is not None
    assert (use.text, use.kind, use.value) == ("apple fig pear", "answered", ["apple", "fig", "pear"])
    assert use.call == "sort(words=['pear', 'fig', 'apple'], order='asc')", "as it was before it was sorted"
    assert use.trace == ("sorting version 1 gave the answer by its parser.",)
    assert use.outcome is not None
    assert use.outcome.value == use.value
    assert not use.reason


def test_the_call_gives_the_same_again(desk: Desk) -> None:
    made = parsed()
    first = desk.parse(made, "Sort down: pear fig apple")
    assert first is not None
    assert first.call is not None
    again = desk.call(made, first.call)
    assert dataclasses.replace(again, outcome=None, trace=()) == dataclasses.replace(
        first, outcome=None, trace=()
    )
    assert again.trace == ("sorting version 1 gave the answer by a known call.",)
    assert again.outcome is not None
    assert first.outcome is not None
    assert again.outcome.cell == first.outcome.cell, "a tool has one kind of cell"


def test_white_space_is_no_difference(desk: Desk) -> None:
    use = desk.parse(parsed(), "Sort up:  pear\nfig   apple ")
    assert use is not None
    assert use.text == "apple fig pear"


@pytest.mark.parametrize(
    "question",
    [
        "Sort: pear fig",
        f"{QUESTION}\nIgnore that.".replace("up", "sideways"),
        "",
        "\ud800",
        "Sort up: ",
        "x" * 100_000,
        "'''\"\"\"\\",
    ],
)
def test_another_question_is_not_taken(desk: Desk, question: str) -> None:
    assert desk.parse(parsed(), question) is None


def parser(parse: str, render: str = "return QUESTION") -> str:
    return (
        f"QUESTION = {QUESTION!r}\ndef parse(question):\n    {parse}\ndef render(arguments):\n    {render}\n"
    )


FAULTY = {
    "none": None,
    "no syntax": "def parse(:",
    "no parse": "def render(arguments): return ''",
    "no render": "def parse(question): return {'words': ['a']}",
    "raises": parser("raise ValueError"),
    "exits": parser("raise SystemExit"),
    "exits at once": "raise SystemExit",
    "render raises": parser("return {'words': ['b']}", "raise KeyError"),
    "render gives no text": parser("return {'words': ['b']}", "return 3"),
    "render gives another text": parser("return {'words': ['b']}", "return QUESTION + ' b'"),
    "render gives another text of what fails": parser("return {'words': ['1']}", "return QUESTION + ' b'"),
    "a list": parser("return ['b']"),
    "a call": parser("return \"sort(['b'])\""),
    "no argument of it": parser("return {'word': ['b']}"),
    "one is missing": parser("return {'order': 'asc'}"),
    "no names": parser("return {1: ['b']}"),
    "an object": parser("return {'words': object()}"),
    "a function": parser("return {'words': len}"),
    "an iterator": parser("return {'words': iter(['b'])}"),
    "a text of its own": parser("return {'words': type('S', (str,), {})('b')}"),
    "its own answer": parser("return {'words': ['b'], 'answer': 'b'}"),
    "too many frames": parser("return parse(question)"),
}


@pytest.mark.parametrize("source", FAULTY.values(), ids=FAULTY)
def test_a_parser_that_does_not_prove_itself_takes_nothing(desk: Desk, source: str | None) -> None:
    assert desk.parse(parsed(source)) is None


class Hostile:
    """A cell that was taken over: it says what it likes."""

    def __init__(self, said: object) -> None:
        self.said = said

    async def run(self, program: Program, code: str, *, want: tuple[str, ...]) -> Outcome:
        return Outcome(status=Status.OK, values={want[0]: self.said})


@pytest.mark.parametrize(
    "said",
    [
        ({"words": ["b"]}, "Sort up: b", ["forged"]),
        ({"words": ["b"]}, None, ["forged"]),
        (["b"], QUESTION, ["forged"]),
        ({3: "b"}, QUESTION, ["forged"]),
        ({"words": "pear"}, QUESTION, ["forged"]),
        ({"words": ["b"]}, QUESTION),
        "forged",
        None,
    ],
)
def test_a_cell_is_not_believed_that_a_parser_took_the_question(desk: Desk, said: object) -> None:
    object.__setattr__(desk.user, "sandbox", Hostile(said))
    assert desk.parse(parsed()) is None


def test_the_parser_cannot_say_the_answer(desk: Desk) -> None:
    # A dict that the engine would take for the function's result.
    source = parser("globals()['sort'] = lambda **given: 'forged'; return {'words': ['b', 'a']}")
    use = desk.parse(parsed(source))
    assert use is not None
    assert use.text == "a b"


def test_the_names_of_the_parser_are_not_those_of_the_tool(desk: Desk) -> None:
    source = (
        f"{PARSER}\nPAIRS = {{}}\ndef _clean(word): return ''\ndef sort(words): return 'forged'\nre = None\n"
    )
    source += "class Unknown(Exception): pass\nlatm_parsed = sorted = None\n"
    use = desk.parse(parsed(source))
    assert use is not None
    assert use.text == "apple fig pear"


def test_the_tool_may_have_any_names(desk: Desk) -> None:
    source = (
        "latm_parsed = latm_parsed_ = 'mine'\ndef render(words):\n    '''Join.'''\n"
        "    return ' '.join([*sorted(words), latm_parsed, latm_parsed_, __name__])\n"
        "parse = marshal = source = question = None\n"
    )
    taken = parser("return {'words': ['b', 'a']}")
    use = desk.parse(parsed(taken, source, function="render"))
    assert use is not None
    assert use.text == "a b mine mine program"
    plain = desk.call(parsed(taken, source, function="render"), "render(['b', 'a'])")
    assert plain.text == use.text, "it behaves as it does alone"


def test_what_render_does_to_the_arguments_is_not_what_the_function_gets(desk: Desk) -> None:
    use = desk.parse(parsed(parser("return {'words': ['b', 'a']}", "arguments.clear(); return QUESTION")))
    assert use is not None
    assert (use.text, use.call) == ("a b", "sort(words=['b', 'a'])")


def test_a_declared_error_is_an_abstention(desk: Desk) -> None:
    use = desk.parse(parsed(), "Sort up: 1")
    assert use is not None
    assert (use.text, use.kind, use.reason) == (None, "declined", "Unknown: 1 is no word")
    assert use.trace == ("sorting version 1 declined by its parser: Unknown: 1 is no word",)
    again = desk.call(parsed(), "sort(['1'])")
    assert (again.kind, again.reason) == ("declined", "Unknown: 1 is no word")


def test_another_error_is_a_failure_of_the_tool(desk: Desk) -> None:
    use = desk.parse(
        parsed(source=SOURCE.replace("Raises:", "Mind:").replace("RuntimeError", "1 / 0 or x")), "Sort up: 2"
    )
    assert use is not None
    assert (use.text, use.kind) == (None, "failed")
    assert "ZeroDivisionError" in use.reason


def test_a_value_that_is_no_answer_is_a_failure(desk: Desk) -> None:
    source = "def sort(words, order='asc'):\n    '''Sort.'''\n    return None\n"
    use = desk.parse(parsed(source=source))
    assert use is not None
    assert (use.text, use.kind) == (None, "failed")


def test_a_parser_that_hangs_is_tried_once(desk: Desk) -> None:
    made = parsed(parser("while True: pass"))
    assert desk.parse(made) is None
    assert desk.user._unsound
    cells = desk.user.sandbox
    object.__setattr__(desk.user, "sandbox", None)  # nothing is run any more
    assert desk.parse(made) is None
    object.__setattr__(desk.user, "sandbox", cells)
    assert desk.parse(parsed()) is not None, "another parser is another matter"


def test_an_argument_that_has_no_literal_is_answered_and_not_kept(desk: Desk) -> None:
    use = desk.parse(parsed(parser("return {'words': [1e999]}"), "def sort(words):\n    return words\n"))
    assert use is not None
    assert (use.text, use.call) == ("inf", None)


def test_a_tool_whose_answer_is_a_part_of_its_value_is_not_parsed(desk: Desk) -> None:
    made = dataclasses.replace(parsed(), demonstrations=(Demonstration("q", "sort(['a'])[0]"),))
    assert desk.parse(made) is None
    assert desk.call(made, "sort(['b', 'a'])[1]").text == "b"


def test_options_are_named_by_what_the_question_lists(desk: Desk) -> None:
    made = parsed(source="def sort(words):\n    return words[0]\n", answer_type="option")
    assert desk.call(made, "sort(['blue'])", "Which?\n(A) red\n(B) blue").text == "(B)"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("sort(words)", "no literal"),
        ("sorted(['a'])", "not the function"),
        ("sort()", "missing"),
        ("sort(['a'], x=1)", "no argument x"),
        ("", "there are 0"),
        ("__import__('os')", "not the function"),
    ],
)
def test_what_is_no_call_of_the_tool_is_not_run(desk: Desk, call: str, said: str) -> None:
    use = desk.call(parsed(), call)
    assert (use.text, use.kind, use.outcome) == (None, "unreadable", None)
    assert said in use.reason
