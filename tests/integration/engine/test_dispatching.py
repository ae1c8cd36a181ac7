"""Dispatching on the hard set: what the index finds, and what a model and a proof decide."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import latm_local
from integration.engine import scripts
from integration.engine.hard_set import FOREIGN, NEAR_MISSES, PARAPHRASES, TEMPLATED, TOOLS
from latm import AsyncEngine, Config, Ledger
from latm.dispatcher import Decision, Dispatcher, Shortlist, note_refusal
from latm.plugin import Request
from latm.testing import scripted_provider
from unit.engine.desk import Desk, desk

pytestmark = pytest.mark.anyio
RIGHT: Mapping[str, str] = {question: kind.name for kind, question in (*PARAPHRASES, *TEMPLATED)}
LOCAL = ("local:tfidf", "local:bm25")
# It shares no word with the tool: "modulo" for "remainder".
NOT_FOUND = "x is 2 modulo 3 and 4 modulo 5 and at most 14. What is x?"


def perfect(request: Request) -> str:
    """A dispatcher that is never wrong about the hard set, if the right tool is offered."""
    assert request.response_schema is not None
    offered = request.response_schema["properties"]["decision"]["enum"]  # type: ignore[index]
    name = RIGHT.get(request.messages[-1].text, "none")
    return json.dumps({"decision": name if name in offered else "new-task", "task": name})


class Place:
    """The hard set's tools in a library, and a dispatcher."""

    def __init__(self, at: Desk) -> None:
        self.library = at.library
        self.dispatcher = Dispatcher(roles=at.roles, library=at.library)
        self.bill = Ledger()
        for kind in TOOLS:
            at.library.add(kind.tool)

    async def ask(self, question: str) -> tuple[Shortlist, Decision]:
        found = await self.dispatcher.shortlist(question)
        return found, await self.dispatcher.decide(question, found, run="r", bill=self.bill)


Open = Callable[..., Place]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Open]:
    opened: list[Place] = []

    def make(script: Any = None, model: str = "fake:m") -> Place:
        plugin = latm_local if model.startswith("local:") else None
        opened.append(Place(desk(tmp_path, script, plugin=plugin, roles={"dispatcher": model}, prices={})))
        return opened[-1]

    yield make
    for each in opened:
        each.library.close()


def test_the_set_is_as_large_as_is_said() -> None:
    assert (len(PARAPHRASES), len(NEAR_MISSES), len(FOREIGN), len(TOOLS)) == (46, 67, 12, 26)


async def test_the_right_tool_is_among_the_five(place: Open) -> None:
    here = place()
    missed = [
        question
        for kind, question in PARAPHRASES
        if kind.name not in [each.name for each in (await here.dispatcher.shortlist(question)).candidates]
    ]
    assert missed == [NOT_FOUND]


async def test_likeness_cannot_decide(place: Open) -> None:
    """A near miss is more like the tool than another wording is, nearly always: see docs/dispatching.md."""
    here = place()

    async def scores(pairs: Any) -> list[float]:
        found = [(kind.name, await here.dispatcher.shortlist(question)) for kind, question in pairs]
        return [
            next((each.score for each in shortlist.candidates if each.name == name), 0.0)
            for name, shortlist in found
        ]

    paraphrases, near = await scores(PARAPHRASES), await scores(NEAR_MISSES)
    above = sum(one > other for one in paraphrases for other in near)
    assert above / (len(paraphrases) * len(near)) < 0.25


async def test_a_perfect_dispatcher_reaches_every_tool_that_is_offered(place: Open) -> None:
    here = place(perfect)
    for kind, question in (*PARAPHRASES, *TEMPLATED):
        if question != NOT_FOUND:
            assert (await here.ask(question))[1] == Decision("tool", kind.name), question
    for question in (*FOREIGN, *(question for _, question in NEAR_MISSES)):
        assert (await here.ask(question))[1] == Decision("none"), question


async def test_what_it_refuses_is_shown_as_near_misses(place: Open) -> None:
    here = place(perfect)
    noted = [
        question
        for kind, question in NEAR_MISSES
        if kind.name in note_refusal(here.library, question, *(await here.ask(question)))
    ]
    assert len(noted) >= 60
    for question in FOREIGN:
        assert note_refusal(here.library, question, *(await here.ask(question))) == ()
    shortlist = await here.dispatcher.shortlist(
        "Sort the following words by their length: List: oven costume"
    )
    sorting, *_ = here.dispatcher.known.with_misses(shortlist.candidates)
    assert sorting.negatives[-1] in noted
    assert all(len(here.library.negatives(kind.name)) <= 20 for kind in TOOLS)


@pytest.mark.parametrize("taught", [False, True])
@pytest.mark.parametrize("model", LOCAL)
async def test_local_accepts_nothing_that_it_cannot_prove(place: Open, model: str, *, taught: bool) -> None:
    here = place(model=model)
    if taught:
        for kind, question in NEAR_MISSES:
            here.library.add_negative(kind.name, question)
    for question in (*FOREIGN, *(question for _, question in (*NEAR_MISSES, *PARAPHRASES))):
        assert (await here.ask(question))[1] == Decision("unsure"), question
    for kind in TOOLS:
        for each in kind.demonstrations:
            assert (await here.ask(each.question))[1] == Decision("tool", kind.name), each.question


@pytest.mark.parametrize("model", LOCAL)
async def test_local_accepts_what_is_of_a_tools_form(place: Open, model: str) -> None:
    here = place(model=model)
    decisions = {question: (await here.ask(question))[1] for _, question in TEMPLATED}
    assert {decision.kind for decision in decisions.values()} == {"tool", "unsure"}
    assert all(each.task in {None, RIGHT[question]} for question, each in decisions.items())
    assert sum(each.kind == "tool" for each in decisions.values()) >= 7


@pytest.mark.parametrize(
    "reply",
    [
        '{"decision": "unsure", "task": "word-sorting"}',
        '{"decision": "sort-words", "task": null}',
        '{"decision": "prime-check", "task": null}',
        "word-sorting or dyck-languages",
        "```json\n{}\n```",
        "",
    ],
)
async def test_no_unclear_reply_leads_to_a_tool(place: Open, reply: str) -> None:
    here = place(lambda _: reply)
    _, decision = await here.ask("Sort the following words alphabetically: List: oven costume")
    assert decision.kind in {"unsure", "unreadable"}
    assert decision.task is None


async def test_another_word_for_a_known_task_decides_only_where_an_instance_is_kept(place: Open) -> None:
    here = place(lambda _: '{"decision": "new-task", "task": "Sort words"}')
    _, decision = await here.ask("Sort the following words alphabetically: List: oven costume")
    assert decision == Decision("new", "word-sorting", merged_from="sort-words")


async def test_the_prompt_does_not_grow_with_the_library(place: Open) -> None:
    seen: list[Request] = []

    def reply(request: Request) -> str:
        seen.append(request)
        return "none"

    here = place(reply)
    for kind, question in NEAR_MISSES:
        await here.ask(question)
        here.library.add_negative(kind.name, question)
    assert max(len(str(each.system)) for each in seen) < 8_000
    assert max(str(each.system).count("\n## ") for each in seen) == 5


@pytest.mark.docker
async def test_an_engine_runs_on_local_alone(tmp_path: Path) -> None:
    models = {"maker": scripts.maker(), "user": scripts.user, "fallback": scripts.strong}
    config = Config(
        roles={**{name: f"fake:{name}" for name in models}, "dispatcher": "local:bm25"},
        library=f"sqlite:///{tmp_path / 'latm.db'}",
    )
    async with AsyncEngine(config, plugins={"fake": scripted_provider("fake", models)}) as engine:
        await engine.make("adding", scripts.EXAMPLES, protocol="paper")
        right = await engine.solve("What do 31, 5 and 6 add up to?")
        near = await engine.solve("What do 31, 5 and 6 add up to, roughly?")
    assert (right.route, right.text, right.tool) == ("tool", "42", "adding")
    assert (near.route, near.tool) == ("model", None)
    assert "The dispatcher was not sure." in near.trace
    assert engine.ledger.by_role()["dispatcher"].cost_usd == 0
