"""Arguments that are certainly not of their hints, or are empty, whatever the question says."""

from __future__ import annotations

import pytest

from latm._literals import read_call
from latm.user._fitting import hollow, misshapen
from unit.engine.test_grounding import tool

HEAD = """
from typing import Literal, Optional, TypedDict, Sequence, Mapping
from dataclasses import dataclass

Mode = Literal["up", "down"]

class Item(TypedDict, total=False):
    label: str
    many: int

class Thing:
    pass

def f(x: {hint}, rest: int = 0): pass
"""

FITS = [
    ("list[str]", "['a']"),
    ("list[str]", "('a',)"),
    ("list[str]", "[]"),
    ("Sequence[str]", "['a']"),
    ("set[int]", "{1}"),
    ("set[int]", "[1]"),
    ("tuple[str, int]", "['a', 1]"),
    ("tuple[int, ...]", "()"),
    ("list[tuple[str, int]]", "[('a', 1), ['b', 2]]"),
    ("dict[str, list[int]]", "{'a': [1]}"),
    ("Mapping[str, int]", "{}"),
    ("dict", "{1: 2}"),
    ("list", "[1, 'a', None]"),
    ("int", "3"),
    ("int", "-3"),
    ("float", "3"),
    ("float", "3.5"),
    ("bool", "True"),
    ("Optional[int]", "None"),
    ("int | str", "'a'"),
    ("Mode", "'up'"),
    ("Literal[1, None]", "None"),
    ("Item", "{'label': 'a', 'other': object}".replace("object", "3")),
    ("object", "[1]"),
    ("Thing", "'anything'"),
    ("'list[Thing]'", "[1, 'a']"),
    ("no.such[thing]", "3"),
]
DIFFERS = [
    ("list[str]", "'pear fig'"),
    ("Sequence[str]", "'pear fig'"),
    ("list[str]", "[1]"),
    ("list[str]", "{'a': 1}"),
    ("list[str]", "None"),
    ("list[str]", "3"),
    ("tuple[str, int]", "('a', 1, 2)"),
    ("tuple[str, int]", "(1, 'a')"),
    ("list[tuple[str, int]]", "[('a', 'b')]"),
    ("dict[str, int]", "[('a', 1)]"),
    ("dict[str, int]", "{'a': 'b'}"),
    ("dict[str, int]", "{1: 1}"),
    ("int", "3.5"),
    ("int", "'3'"),
    ("float", "'3'"),
    ("str", "3"),
    ("str", "['a']"),
    ("bool", "1"),
    ("Optional[int]", "'a'"),
    ("int | None", "[1]"),
    ("Mode", "'sideways'"),
    ("Literal[1]", "True"),
    ("Item", "{'label': 3}"),
    ("Item", "['a']"),
]


@pytest.mark.parametrize(("hint", "value"), FITS)
def test_what_may_be_of_a_hint_passes(hint: str, value: str) -> None:
    made = tool(HEAD.replace("{hint}", hint))
    assert misshapen(made, read_call(f"f({value})", ("f",))) is None
    assert misshapen(made, read_call(f"f(x={value}, rest=1)", ("f",))) is None


@pytest.mark.parametrize(("hint", "value"), DIFFERS)
def test_what_is_certainly_not_of_a_hint_is_named(hint: str, value: str) -> None:
    made = tool(HEAD.replace("{hint}", hint))
    said = misshapen(made, read_call(f"f(x={value})", ("f",)))
    assert said == f"The argument x of f is {read_call(f'f({value})', ('f',)).args[0]!r}, which is no {hint}"


def test_a_hint_that_verified_calls_do_not_keep_to_binds_nobody() -> None:
    made = tool(HEAD.replace("{hint}", "list[str]"), known=[("q", "f(['a'])"), ("q", "f('b')")])
    assert misshapen(made, read_call("f('a b')", ("f",))) is None
    assert misshapen(made, read_call("f('a b', 'c')", ("f",)))


def test_a_default_passes_whatever_its_hint() -> None:
    made = tool("def f(x: list[str] = None): pass\n")
    assert misshapen(made, read_call("f(None)", ("f",))) is None


KNOWN = [("Sort: b a", "f(['b', 'a'])"), ("Sort: d c", "f(['d', 'c'])")]


@pytest.mark.parametrize("empty", ["[]", "()", "''", "{}", "set()"])
def test_an_argument_that_is_never_empty_is_not_to_be(empty: str) -> None:
    made = tool("def f(words, seen=(), *rest, **more): pass\n", known=KNOWN)
    assert hollow(made, read_call(f"f({empty})", ("f",))) == (
        "The argument words of f is empty: take it from the question"
    )
    assert hollow(made, read_call(f"f(['a'], seen={empty})", ("f",))) is None, "it may be left out"
    assert hollow(made, read_call(f"f(['a'], [], {empty}, x={empty})", ("f",))) is None
    assert hollow(made, read_call("f([[]])", ("f",))) is None
    assert hollow(made, read_call("f(0)", ("f",))) is None


def test_an_argument_that_may_be_empty_may_be() -> None:
    assert hollow(tool(known=[*KNOWN, ("Sort:", "f([])")]), read_call("f([])", ("f",))) is None
    assert hollow(tool(), read_call("f([])", ("f",))) is None, "nothing is known of it"
