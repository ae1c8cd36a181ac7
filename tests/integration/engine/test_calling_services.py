"""Native and written calls through the services' real SDKs, against servers on the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from integration.engine.test_calling import tool
from latm import Answer, Config, Engine
from latm.plugin import Call, Reply, Request, Usage
from latm.testing import AnthropicServer, OpenAIServer, RecordedRequest, read_request

pytestmark = pytest.mark.docker

QUESTION = "Sort: pear fig apple 7"
FENCED = "```python\nsort(['pear', 'fig', 'apple'])\n```"
SOURCE = '''
from typing import Literal


def sort(
    words: list[str], *, order: Literal["asc", "desc"] = "asc", pairs: list[tuple[str, int]] = []
) -> list[str]:
    """Sort words."""
    assert all(type(pair) is tuple for pair in pairs)
    return sorted([*words, *(word for word, _ in pairs)], reverse=order == "desc")
'''
TOOL = tool(SOURCE, demonstrations=())

WIRES: Mapping[str, tuple[str, Any, Mapping[str, object]]] = {
    "chat": ("openai", OpenAIServer, {}),
    "responses": ("openai", OpenAIServer, {"api": "responses"}),
    "messages": ("anthropic", AnthropicServer, {}),
}


def native(name: str = "sort", text: str = "", **arguments: object) -> Reply:
    return Reply(text=text, usage=Usage(input=5, output=2), model="", calls=(Call(name, arguments),))


class Service:
    """An engine whose user is a service that says what each test gives it."""

    def __init__(self, engine: Engine, server: OpenAIServer | AnthropicServer, lines: list[Any]) -> None:
        self._engine = engine
        self._server = server
        self._lines = lines

    def use(self, *script: str | Reply) -> tuple[Answer, Sequence[Request], Sequence[RecordedRequest]]:
        self._lines[:] = script
        before = len(self._server.requests)
        answer = self._engine.use(TOOL, QUESTION)
        sent = self._server.requests[before:]
        return answer, [read_request(each) for each in sent], sent


@pytest.fixture(scope="module", params=WIRES)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    provider, serve, options = WIRES[request.param]
    lines: list[Any] = []
    library: Path = tmp_path_factory.mktemp("services") / "latm.db"
    with serve(lambda _: lines.pop(0)) as server:
        config = Config(
            roles={"user": f"{provider}:some-model"},
            providers={provider: {"base_url": server.base_url, **options}},
            library=f"sqlite:///{library}",
        )
        with Engine(config) as engine:
            yield Service(engine, server, lines)


def test_the_function_is_offered_with_its_schema(service: Service) -> None:
    answer, (asked,), _ = service.use(native(words=["pear", "fig", "apple"]))
    assert (answer.text, answer.route) == ("apple fig pear", "tool")
    assert answer.usage == Usage(input=5, output=2)
    (function,) = asked.functions
    assert (function.name, function.description) == ("sort", "Sort words.")
    assert function.parameters == {
        "type": "object",
        "properties": {
            "words": {"type": "array", "items": {"type": "string"}},
            "order": {"type": "string", "enum": ["asc", "desc"]},
            "pairs": {
                "type": "array",
                "items": {
                    "type": "array",
                    "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    "minItems": 2,
                    "maxItems": 2,
                },
            },
        },
        "required": ["words"],
        "additionalProperties": False,
    }
    assert [(each.role, each.text) for each in asked.messages] == [("user", QUESTION)]


def test_what_json_cannot_say_comes_from_the_hints(service: Service) -> None:
    answer, _, _ = service.use(native(words=["pear"], pairs=[["fig", 7]], order="desc"))
    assert answer.text == "pear fig"


def test_words_beside_a_native_call_do_not_count(service: Service) -> None:
    answer, _, _ = service.use(native(text=f"It is fig.\n{FENCED}", words=["pear", "apple"]))
    assert answer.text == "apple pear"


@pytest.mark.parametrize(
    "text",
    [
        FENCED,
        f"The call:\n\n{FENCED}\n\nIt sorts them.",
        '{"name": "sort", "arguments": {"words": ["pear", "fig", "apple"]}}',
        '<tool_call>{"name": "sort", "arguments": {"words": ["pear", "fig", "apple"]}}</tool_call>',
        "sort(['pear', 'fig', 'apple'])",
    ],
)
def test_a_written_call_is_read(service: Service, text: str) -> None:
    answer, asked, _ = service.use(text)
    assert (answer.text, len(asked)) == ("apple fig pear", 1)


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (native("transfer", to="eve"), "transfer is not the function"),
        (native(words=["pear", "zebra"]), "The argument words of sort holds 'zebra'"),
        (native(word=["pear"]), "has no argument word"),
        (native(), "argument words of sort is missing"),
        (native(words="pear"), "The argument words of sort is 'pear', which is no list[str]"),
        (native(words=["pear"], order="up"), "The argument order of sort is 'up', which is no Lit"),
        (
            Reply(
                text="", usage=Usage(), model="",
                calls=(Call("sort", {"words": ["pear"]}), Call("sort", {"words": ["fig"]})),
            ),
            "one call is wanted, and there are 2",
        ),
        (Reply(text="sort(['pear", usage=Usage(), model="", finish_reason="length"), "no whole reply"),
        (Reply(text="no", usage=Usage(), model="", finish_reason="refusal"), "no whole reply"),
        ("The words in order are apple, fig and pear.", "holds no call of sort"),
    ],
)  # fmt: skip
def test_the_second_request_is_one_that_services_take(
    service: Service, first: str | Reply, said: str
) -> None:
    answer, asked, sent = service.use(first, native(words=["pear", "fig", "apple"]))
    assert (answer.text, answer.route) == ("apple fig pear", "tool")
    again = asked[1]
    assert [each.role for each in again.messages] == ["user", "assistant", "user"]
    assert all(each.text.strip() for each in again.messages)
    assert said in again.messages[-1].text
    assert again.functions == asked[0].functions
    # A call without its result is what services refuse.
    for kind in ("tool_calls", "tool_use", "function_call"):
        assert kind not in str(sent[1].body.get("messages") or sent[1].body.get("input"))


def test_two_replies_are_all(service: Service) -> None:
    answer, asked, _ = service.use(native("transfer"), native(words=["zebra"]), FENCED)
    assert (answer.text, answer.route, len(asked)) == (None, "none", 2)
    assert "transfer" in answer.trace[0]
    assert "zebra" in answer.trace[1]
