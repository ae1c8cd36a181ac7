"""Two tools that do the same are found out, and two that are only alike are not taken for one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from latm import Provenance, Tool
from latm._records import Check
from latm.maker.neighbours import twin
from latm.plugin import Usage
from latm_sandbox import Limits, Outcome, Program, Status

pytestmark = pytest.mark.docker

WORDS = ("['pear', 'fig', 'apple']", "['kiwi', 'date']", "['oak', 'elm', 'ash', 'yew']", "['b', 'a', 'c']")
NUMBERS = ("[3, 1, 2]", "[10, 20]", "[7, 5, 6, 9]", "[4, 8, 15]")
TEXTS = ("'some words'", "'a b c'", "'hello there you'", "'one'")


def tool(name: str, source: str, inputs: Sequence[str], answer_type: str = "text") -> Tool:
    function = source.split("(", 1)[0].removeprefix("def ")
    return Tool(
        name=name,
        version=1,
        source=source,
        function=function,
        demonstrations=(),
        checks=tuple(Check(question=each, call=f"{function}({each})", answer="") for each in inputs),
        answer_type=answer_type,
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
            created="",
        ),
    )


SORT = "def arrange(words: list[str]) -> list[str]:\n    return sorted(words)\n"
SAME = "def in_order(items: list[str]) -> list[str]:\n    out = list(items)\n    out.sort()\n    return out\n"
DISTINCT = "def in_order(items: list[str]) -> list[str]:\n    return sorted(set(items))\n"
SUM = "def total(numbers: list[int]) -> int:\n    return sum(numbers)\n"
SUM_OF_SIZES = "def add(values: list[int]) -> int:\n    return sum(abs(each) for each in values)\n"
TITLE = "def title(text: str) -> str:\n    return ' '.join(w[:1].upper() + w[1:] for w in text.split(' '))\n"
TITLE_LOWER = "def heading(text: str) -> str:\n    return ' '.join(w.capitalize() for w in text.split(' '))\n"


def compare(bench, one: Tool, other: Tool) -> Tool | None:
    async def run() -> Tool | None:
        return await twin(one, [other], cells=bench.cells, judge=bench.judge())

    return bench.portal.call(run)


def test_the_same_written_in_another_way_is_found(bench) -> None:
    other = tool("arranging", SAME, WORDS)
    assert compare(bench, tool("sorting", SORT, WORDS[:2]), other) is other


@pytest.mark.parametrize(
    ("one", "other", "inputs"),
    [(SORT, DISTINCT, WORDS), (SUM, SUM_OF_SIZES, NUMBERS), (TITLE, TITLE_LOWER, TEXTS)],
    ids=["duplicates", "signs", "capitals"],
)
def test_what_differs_on_inputs_that_nobody_asked_for_is_not_the_same(
    bench, one: str, other: str, inputs: Sequence[str]
) -> None:
    assert compare(bench, tool("one", one, inputs), tool("other", other, inputs)) is None


def test_another_way_of_writing_answers_is_another_tool(bench) -> None:
    other = tool("arranging", SAME, WORDS, answer_type="set")
    assert compare(bench, tool("sorting", SORT, WORDS), other) is None


def test_a_tool_is_not_its_own_neighbour(bench) -> None:
    assert compare(bench, tool("sorting", SORT, WORDS), tool("sorting", SORT, WORDS)) is None


def test_functions_that_do_not_end_are_not_waited_for_again_and_again(bench) -> None:
    endless = (
        "def total(numbers: list[int]) -> int:\n    while min(numbers) < 0: pass\n    return sum(numbers)\n"
    )
    timeouts: list[Status] = []

    class Counted:
        async def apply(self, program: Program, arguments: Sequence[object]) -> Outcome:
            outcome = await bench.cells.apply(program, arguments, limits=Limits(wall_s=0.5))
            timeouts.extend([outcome.status] * (outcome.status is Status.TIMEOUT))
            return outcome

    async def run() -> Tool | None:
        one, other = tool("one", endless, NUMBERS), tool("other", endless, NUMBERS)
        return await twin(one, [other], cells=Counted(), judge=bench.judge())  # type: ignore[arg-type]

    assert bench.portal.call(run) is None
    assert 2 <= len(timeouts) <= 4
