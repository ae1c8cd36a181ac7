"""Generated calls: crashes inside the contract are found and made small, what lies outside is a note."""

from __future__ import annotations

import ast

import pytest
from anyio import run

from latm._literals import LiteralCall
from latm.maker.judge import Judge, judging_sandbox
from latm_sandbox import AsyncSandbox, ImageError, SandboxError

pytestmark = pytest.mark.docker

WORDS = tuple(
    LiteralCall("f", (words.split(),)) for words in ("pear apple fig", "kiwi date lemon plum", "cherry melon")
)
BRACKETS = tuple(LiteralCall("f", (), {"text": text}) for text in ("( [ {", "< [ ] ( ( )", "{ }"))
PEOPLE = (
    LiteralCall("f", (["Alice", "Bob", "Eve"], [("Alice", "Bob"), ("Bob", "Eve")], "Bob")),
    LiteralCall("f", (["Claire", "Dave"], [("Claire", "Dave")], "Claire")),
)


def test_a_sound_function_has_no_crash_inside(bench):
    found = bench.robustness("def f(words):\n    return sorted(words)", WORDS, cases=100)
    assert (found.cases, found.inside) == (100, ())
    assert all("f(" in each.call for each in found.outside)


def test_a_crash_on_a_look_alike_is_found_and_made_small(bench):
    source = "def f(words):\n    if len(words) == 5: raise KeyError('five')\n    return sorted(words)"
    found = bench.robustness(source, WORDS)
    ((call, problem),) = [(each.call, each.problem) for each in found.inside]
    # Small, and of words that were seen: it does not crash for a word that nobody knows.
    words = ast.literal_eval(call.removeprefix("f(").removesuffix(")"))
    assert (len(words), problem) == (5, "KeyError: 'five'")
    assert {*words} <= {word for call in WORDS for word in call.args[0]}
    assert bench.robustness(source, WORDS, declared=["KeyError"]).inside == ()
    assert bench.robustness(source, WORDS, declared=["LookupError"]).inside == ()  # comes from it


def test_errors_of_the_functions_own_count_as_what_they_come_from(bench):
    source = (
        "class Five(ValueError): pass\n"
        "def f(words):\n    if len(words) == 5: raise Five('no')\n    return sorted(words)"
    )
    assert bench.robustness(source, WORDS, declared=["Five"]).inside == ()
    assert bench.robustness(source, WORDS, declared=["ValueError"]).inside == ()
    assert [each.problem for each in bench.robustness(source, WORDS).inside] == ["Five: no"]


@pytest.mark.parametrize(
    ("ending", "problem"),
    [
        ("sum(0 for _ in iter(int, 1))", "timeout: it did not end"),
        ("return {1: object()}", "unserialisable: object at [1]"),
        ("import os; os._exit(3)", "killed"),
        ("return 'x' * 3_000_000", "output"),
        ("return bytearray(600_000_000) and 1", "memory"),
    ],
)
def test_hard_ends_are_found_in_cells_only(bench, ending, problem):
    found = bench.robustness(
        f"def f(words):\n    if len(words) > 4: {ending}\n    return sorted(words)", WORDS
    )
    assert [each.problem for each in found.inside if each.problem.startswith(problem)], found


def test_what_the_seen_calls_have_in_common_is_kept(bench):
    closing = "def f(text):\n    stack = []\n    for each in text.split():\n"
    closing += "        stack.append(each) if each in '([{<' else stack.pop()\n    return ' '.join(stack)\n"
    found = bench.robustness(closing, BRACKETS)
    assert found.inside == ()
    assert found.cases > 8
    assert any("IndexError" in each.problem for each in found.outside)  # a note
    moving = "def f(people, swaps, who):\n    places = {each: each for each in people}\n"
    moving += "    for a, b in swaps:\n        places[a], places[b] = places[b], places[a]\n"
    moving += "    return places[who]\n"
    found = bench.robustness(moving, PEOPLE)
    assert found.inside == ()
    assert any("KeyError" in each.problem for each in found.outside)


def test_hints_say_what_comes_in_where_nothing_was_seen(bench):
    found = bench.robustness(
        "def f(a: list[int], n: int = 3) -> int:\n    return a[len(a)] if len(a) == 4 else 1", cases=100
    )
    assert [each.problem for each in found.inside] == ["IndexError: list index out of range"]
    assert found.inside[0].call == "f([1, 1, 1, 1])"
    assert bench.robustness("def f(a):\n    return a").cases == 0


def test_the_same_seed_gives_the_same_calls(bench):
    first = bench.samples("", WORDS, 20, seed=1)
    assert len({str(each) for each in first}) == 20
    assert first == bench.samples("", WORDS, 20, seed=1) != bench.samples("", WORDS, 20, seed=2)
    assert all(each.function == "f" and 1 <= len(each.args[0]) <= 8 for each in first)
    source = "def f(words):\n    return sorted(words)[3]"
    assert bench.robustness(source, WORDS, seed=5) == bench.robustness(source, WORDS, seed=5)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_infrastructure_is_no_fault_of_the_function(backend):
    async def main() -> None:
        async with judging_sandbox() as judging:
            judge = Judge(judging, AsyncSandbox(), seed=1)  # which nobody has opened
            from latm_sandbox import Program

            program = Program("def f(words):\n    return words")
            with pytest.raises(SandboxError):
                await judge.robustness(program, "f", WORDS, ())
            code = "@given(st.lists(st.text()))\ndef p(words):\n    assert f(words) == words\n"
            with pytest.raises(SandboxError):
                await judge.properties(program, "f", code, WORDS)

    run(main, backend=backend)


def test_judge_and_judged_are_not_the_same_sandbox():
    sandbox = AsyncSandbox()
    with pytest.raises(ValueError, match="a sandbox each"):
        Judge(sandbox, sandbox, seed=1)


def test_a_launcher_without_images_cannot_judge():
    async def main() -> None:
        async with judging_sandbox(launcher="bubblewrap") as judging, AsyncSandbox() as cells:
            from latm_sandbox import Program

            with pytest.raises(ImageError, match="hypothesis"):
                await Judge(judging, cells, seed=1).robustness(Program("def f(a): return a"), "f", WORDS, ())

    run(main)
