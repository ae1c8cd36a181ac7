"""The user's way with ``call_style="call"``: one literal call, run in a real cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from latm import Answer, Config, Demonstration, Engine, Provenance, Refused, Tool, Truncated
from latm.plugin import Call, Reply, Request, Usage
from latm.testing import ScriptedBackend, scripted_provider

pytestmark = pytest.mark.docker

SOURCE = '''
class Unknown(ValueError):
    """A word that is none."""


def sort(words: list[str], *, seen: set[str] | None = None, limits: int = 0) -> list[str]:
    """Sort words.

    Args:
        words: lower case.

    Raises:
        Unknown: a word is no word.
    """
    seen = (seen or set()).union(words)  # the secret of it
    for word in words:
        if not word.isalpha():
            raise Unknown(f"{word!r} is no word")
    return sorted(words)[limits:]
'''
QUESTION = "Sort: b a 1 3"
CALL = "```python\nsort(['b', 'a'])\n```"


def tool(source: str = SOURCE, function: str = "sort", **changes: Any) -> Tool:
    made = Tool(
        name="sorting",
        version=1,
        source=source,
        function=function,
        demonstrations=(Demonstration("Sort: d c", "sort(['d', 'c'])"),),
        call_style="call",
        provenance=Provenance(
            protocol="strict",
            maker="fake:maker",
            run="make-1",
            examples_sha256="",
            source_sha256="",
            usage=Usage(),
            cost_usd=None,
            seconds=0.0,
            created="2026-11-01T00:00:00+00:00",
        ),
    )
    return dataclasses.replace(made, **changes)


def native(**arguments: object) -> Reply:
    return Reply(text="", usage=Usage(), model="m", calls=(Call("sort", arguments),))


Used = Callable[..., tuple[Answer, Sequence[Request]]]


class Lines:
    """A user model that says what each test gives it, so that all tests share one engine and its cell."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Any:
        self.requests.append(request)
        return self.lines.pop(0)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Lines]]:
    lines = Lines()
    library = tmp_path_factory.mktemp("library") / "latm.db"
    provider = scripted_provider("fake", {"user": lines})
    with Engine(
        Config(roles={"user": "fake:user"}, library=f"sqlite:///{library}"), plugins={"fake": provider}
    ) as place:
        yield place, lines


@pytest.fixture
def used(shared: tuple[Engine, Lines]) -> Used:
    place, lines = shared

    def use(script: Sequence[Any], made: Tool, question: str = QUESTION) -> tuple[Answer, Sequence[Request]]:
        lines.lines, lines.requests = list(script), []
        return place.use(made, question), lines.requests

    return use


def test_one_call_is_made_and_its_value_is_the_answer(used: Used) -> None:
    answer, (request,) = used([CALL], tool())
    assert (answer.text, answer.route) == ("a b", "tool")
    assert answer.outcome is not None
    assert answer.outcome.value == ["a", "b"]
    assert [turn.text for turn in request.messages] == [QUESTION]


def test_the_card_shows_the_contract_and_never_the_source(used: Used) -> None:
    _, (request,) = used([CALL], tool())
    assert request.system is not None
    assert "sort(words: list[str], *, seen: set[str] | None = None" in request.system
    assert "Unknown: a word is no word." in request.system
    assert "Question: Sort: d c\nCall:\n```python\nsort(['d', 'c'])\n```" in request.system
    assert "the secret of it" not in request.system
    assert QUESTION not in request.system
    (function,) = request.functions
    assert (function.name, function.description[:11]) == ("sort", "Sort words.")
    assert function.parameters["required"] == ["words"]


def test_without_a_docstring_the_source_is_shown(used: Used) -> None:
    source = "def sort(words):\n    if not words:\n        raise LookupError\n    return sorted(words)\n"
    answer, (request,) = used([CALL], tool(source))
    assert answer.text == "a b"
    assert source.rstrip() in str(request.system)
    assert request.functions[0].parameters["properties"] == {"words": {}}


def test_an_error_that_only_the_source_declares_is_said(used: Used) -> None:
    source = (
        'def sort(words):\n    """Sort."""\n    if not words:\n        raise LookupError\n    return words\n'
    )
    _, (request,) = used([CALL], tool(source))
    assert "It raises LookupError where it cannot answer." in str(request.system)


def test_a_native_call_is_made(used: Used) -> None:
    answer, _ = used([native(words=["b", "a"], seen=["a"], limits=1)], tool())
    assert answer.text == "b"
    assert answer.outcome is not None
    assert answer.outcome.status == "ok"


def test_a_part_of_the_value_may_be_the_answer(used: Used) -> None:
    source = (
        'def sort(words: list[str]) -> dict[str, str]:\n    """Both."""\n    return {"first": min(words)}\n'
    )
    demonstrations = (Demonstration("q", "sort(['d', 'c'])['first']"),)
    made = tool(source, demonstrations=demonstrations)
    answer, (request,) = used(["sort(['b', 'a'])['first']"], made)
    assert answer.text == "a"
    assert answer.outcome is not None
    assert answer.outcome.value == {"first": "a"}
    assert request.functions == (), "a native call cannot say which part"
    last = "sort(['b', 'a'])['last']"
    answer, _ = used([last, "sort(['b', 'a'])['first']"], made, "First and last: b a")
    assert answer.text == "a"
    assert "KeyError" in answer.trace[0]


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("", "the reply is empty"),
        ("I'm sorry, I can't.", "holds no call of sort"),
        ("```python\nsort(['b', 'a'", "no valid Python"),
        ("sort(words)", "no literal"),
        (CALL + "\n" + "sort(['x'])", None),
        ("```python\nsort(['b'], 1)\n```", "takes 1 argument by position"),
        ("```python\nsort(3)\n```", "The argument words of sort is 3, which is no list[str]."),
        ("sort('b a')", "The argument words of sort is 'b a', which is no list[str]."),
        ("sort(['b', 'a'], seen=['a'])", "failed with the error AttributeError"),
        ("sort(['b', 'c'])", "The argument words of sort holds ['b', 'c'], which the question does not say"),
        ("sort(['b', 'a'], limits=2)", "The argument limits of sort holds 2"),
        ("sort([])", "The argument words of sort is empty"),
        (native(word=["b"]), "has no argument word"),
        (native(), "argument words of sort is missing"),
        (Refused("the model declined"), "the model declined"),
        (Truncated("the reply was cut"), "the reply was cut"),
        (Truncated("cut", reply=Reply(text="sort(['b", usage=Usage(), model="m")), "cut"),
    ],
)
def test_what_is_no_call_is_asked_again_once(used: Used, first: Any, said: str | None) -> None:
    answer, requests = used([first, CALL], tool())
    assert (answer.text, answer.route) == ("a b", "tool")
    if said is None:
        assert len(requests) == 1
        return
    question, reply, problem = requests[1].messages
    assert (question.text, question.role, reply.role, problem.role) == (QUESTION, "user", "assistant", "user")
    assert reply.text
    assert said in problem.text
    assert said in answer.trace[0]
    assert requests[1].system == requests[0].system
    assert requests[1].functions == requests[0].functions


def test_an_ungrounded_call_is_not_run(used: Used) -> None:
    answer, requests = used(["sort(['b', 'z'])", "sort(['b', 'a', 'c'])"], tool())
    assert (answer.text, answer.route, answer.outcome, len(requests)) == (None, "none", None, 2)
    assert answer.reason.startswith("The argument words of sort holds ['b', 'a', 'c'], which the question")


def test_there_is_no_third_reply(used: Used) -> None:
    answer, requests = used(["no", "no", CALL], tool())
    assert (answer.text, answer.route, len(requests)) == (None, "none", 2)
    assert [each[:5] for each in answer.trace] == ["Try 1", "Try 2"]
    answer, requests = used([Refused("never"), Refused("never"), CALL], tool())
    assert (answer.text, answer.outcome, len(requests)) == (None, None, 2)


def test_a_declared_error_is_an_abstention(engine: Callable[..., Engine]) -> None:
    user = ScriptedBackend(["sort(['b', '1'])"])
    with engine(user=user) as place:
        made = place.library.add(tool())
        answer = place.use(made, QUESTION)
        assert (answer.text, answer.route, len(user.requests)) == (None, "none", 1)
        assert answer.trace == ("sorting version 1 declined at try 1: Unknown: '1' is no word",)
        place.settle()
        assert place.library.uses(made) == (1, 0), "it kept its contract"


def test_an_error_that_is_not_declared_is_told_without_the_source(used: Used) -> None:
    answer, requests = used(["sort(['b', 'a'], seen=['a'])", CALL], tool())
    assert answer.text == "a b"
    told = requests[1].messages[-1].text
    assert "sort(['b', 'a'], seen=['a']) failed with the error AttributeError: 'list' object has no" in told
    assert "secret" not in told
    assert answer.trace[0].startswith("Try 1 with sorting version 1 failed: sort(['b', 'a'], seen=['a'])")


def test_arguments_that_do_not_bind_are_no_abstention(used: Used) -> None:
    source = (
        "def keep(function):\n    return lambda words: function(words)\n\n\n@keep\ndef sort(*words):\n"
        '    """Sort."""\n    raise TypeError("no words")\n'
    )
    answer, requests = used(["sort('b', 'a')", "sort('b')"], tool(source))
    assert len(requests) == 2
    assert "declined at try 2: TypeError: no words" in answer.trace[1]


@pytest.mark.parametrize("value", ["None", "{'a', 'b'}", "object()", "10 ** 5000"])
def test_a_value_that_is_no_answer_is_a_failed_try(used: Used, value: str) -> None:
    made = tool(f'def sort(words):\n    """Sort."""\n    return {value}\n')
    answer, requests = used([CALL, CALL], made)
    assert (answer.text, answer.route, len(requests)) == (None, "none", 2)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("number", "1234.50", "1234.5"),
        ("list", "['b', 1]", "b, 1"),
        ("set", "{'b', 'a'}", "a, b"),
        ("time-range", "('9:00', '9:30')", "09:00 - 09:30"),
        ("option", "'blue'", "(B)"),
        ("caller", "['b', 'a']", "b a"),
    ],
)
def test_the_value_is_written_by_the_answer_type(used: Used, kind: str, value: str, text: str) -> None:
    made = tool(f'def sort(words):\n    """Sort."""\n    return {value}\n', answer_type=kind)
    answer, _ = used([CALL], made, "Which?\n(A) red\n(B) blue")
    assert answer.text == text


def test_a_function_that_hangs_is_stopped_and_asked_again(engine: Callable[..., Engine]) -> None:
    source = 'def sort(words):\n    """Sort."""\n    while len(words) > 1:\n        pass\n    return words\n'
    user = ScriptedBackend([CALL, "sort(['b'])"])
    with engine(user=user, config={"sandbox": {"limits": {"wall_s": 0.5}}}) as place:
        assert place.use(tool(source), QUESTION).text == "b"
    assert "time limit" in user.requests[1].messages[-1].text


def test_the_function_that_a_reply_restates_is_not_the_one_that_runs(used: Used) -> None:
    answer, _ = used(["```python\ndef sort(words):\n    return 'forged'\n\nsort(['b', 'a'])\n```"], tool())
    assert answer.text == "a b"


def test_a_function_whose_source_says_nothing_is_called_all_the_same(used: Used) -> None:
    answer, (request,) = used(["sort(['b', 'a'])"], tool("sort = lambda words: sorted(words)\n"))
    assert (answer.text, request.functions) == ("a b", ())


def test_each_caller_has_its_own_comparison(engine: Callable[..., Engine]) -> None:
    from integration.engine import scripts

    asked: list[tuple[object, str, str]] = []

    def same(value: object, expected: str, question: str) -> bool:
        asked.append((value, expected, question))
        return str(value) == expected

    with engine() as place:
        made = place.make("adding", scripts.EXAMPLES, protocol="paper", answer_type=same)
        assert made.answer_type == "caller"
        assert place.library.get("adding") == made
        answer = place.use(made, "What do 3, 4 and 5 add up to?")
    assert answer.text == "12"
    assert asked
    assert all(expected.isdigit() and "add up" in question for _, expected, question in asked)
