"""`Engine.call`: a tool's function with the caller's own arguments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.mcp.tools import tool
from latm import Config, ConfigError, Engine, LibraryError
from latm_sandbox import Status

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(Config(library="sqlite://")) as engine:
        yield engine


def test_the_function_is_called_and_no_model_is_asked(engine: Engine) -> None:
    adding = tool(
        "adding", "def total(numbers: tuple[int, ...], *, start: int = 0):\n    return sum(numbers, start)"
    )
    engine.library.add(adding)
    assert engine.call("adding", {"numbers": [3, 4]}).value == 7
    assert engine.call(adding, {"numbers": [3, 4], "start": 1}).value == 8
    assert engine.ledger.total().usage.total == 0


def test_json_becomes_what_the_hints_say(engine: Engine) -> None:
    kinds = tool(
        "kinds",
        "def kinds(a: tuple[int, ...], b: set[str]):\n    return [type(a).__name__, type(b).__name__]",
    )
    assert engine.call(kinds, {"a": [1], "b": ["x"]}).value == ["tuple", "set"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "arguments: the argument numbers of total is missing"),
        ({"numbers": "3, 4"}, "arguments: the argument numbers of total is '3, 4', which is no list[int]"),
        ({"numbers": [3], "other": 1}, "arguments: total has no argument other"),
    ],
)
def test_what_the_function_does_not_take(engine: Engine, arguments: dict[str, object], problem: str) -> None:
    adding = tool("adding", "def total(numbers: list[int]) -> int:\n    return sum(numbers)")
    with pytest.raises(ConfigError, match=r"^arguments: ") as raised:
        engine.call(adding, arguments)
    assert str(raised.value).startswith(problem)


def test_what_goes_wrong_in_the_cell_is_an_outcome(engine: Engine) -> None:
    failing = tool("failing", "def half(n: int) -> int:\n    return 1 // n")
    outcome = engine.call(failing, {"n": 0})
    assert outcome.status is Status.ERROR
    assert outcome.error is not None
    assert outcome.error.type == "ZeroDivisionError"


def test_a_tool_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(LibraryError, match="no tool 'nothing'"):
        engine.call("nothing", {})
