"""The shipped fakes."""

from __future__ import annotations

import http.client
import json

import anyio
import pytest

import latm.testing
from latm._plugins import ModelRef, Plugins, create_backend
from latm.errors import ConfigError, Rejected, Throttled
from latm.plugin import Message, Reply, Request, Usage
from latm.testing import AnthropicServer, HttpReply, OpenAIServer, ScriptedBackend, scripted_provider

HELLO = Request(messages=(Message("user", "hello there"),), system="be brief")


def test_all_is_sorted_and_whole():
    assert sorted(latm.testing.__all__) == latm.testing.__all__
    assert all(hasattr(latm.testing, name) for name in latm.testing.__all__)


@pytest.mark.anyio
async def test_a_list_is_played_in_order_to_its_end():
    reply = Reply(text="b", usage=Usage(9), model="other")
    backend = ScriptedBackend(["a b c", reply, Throttled("wait", retry_after=1.0)], model="m")
    assert await backend.complete(HELLO) == Reply(
        text="a b c", usage=Usage(input=4, output=3), model="m", finish_reason="stop"
    )
    assert await backend.complete(HELLO) is reply
    with pytest.raises(Throttled, match="wait"):
        await backend.complete(HELLO)
    with pytest.raises(Rejected, match="'m' has 3 replies; 4 were asked for"):
        await backend.complete(HELLO)
    assert backend.requests == [HELLO] * 4


@pytest.mark.anyio
async def test_a_function_sees_the_request_and_usage_may_be_given():
    backend = ScriptedBackend(lambda request: request.messages[0].text, usage=Usage(1))
    assert (await backend.complete(HELLO)).text == "hello there"
    backend = ScriptedBackend(["x"], usage=lambda _request, text: Usage(output=len(text)))
    assert (await backend.complete(HELLO)).usage == Usage(output=1)


def test_a_single_text_is_no_script():
    with pytest.raises(TypeError, match="into a list"):
        ScriptedBackend("hello")


def test_a_scripted_provider_is_a_plugin_that_keeps_its_backends():
    ready = ScriptedBackend(["x"])
    toy = scripted_provider("toy", {"a": ["1", "2"], "b": ready})
    plugins = Plugins.load({"toy": toy}, allow=frozenset())
    first = create_backend(plugins, ModelRef("toy", "a"))
    assert anyio.run(first.complete, HELLO).text == "1"
    assert create_backend(plugins, ModelRef("toy", "a")) is first is toy.backends["a"]
    assert create_backend(plugins, ModelRef("toy", "b")) is ready
    with pytest.raises(Rejected, match=r"scripts for \['a', 'b'\], not for 'c'"):
        create_backend(plugins, ModelRef("toy", "c"))
    with pytest.raises(ConfigError, match="unknown option 'x'"):
        create_backend(plugins, ModelRef("toy", "a"), {"x": 1})


@pytest.mark.parametrize("kind", [OpenAIServer, AnthropicServer])
def test_a_server_counts_the_tokens_that_it_hands_out_and_ends_with_its_script(kind):
    usage = Usage(1, 2, 3, 4)
    with kind([Reply(text="x", usage=usage, model="m"), "a b", HttpReply(body="raw")]) as server:
        port = int(server.base_url.split(":")[2].split("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        statuses, bodies = [], []
        for _ in range(4):
            connection.request("POST", "/v1/x", body=json.dumps({"model": "asked"}))
            response = connection.getresponse()
            statuses.append(response.status)
            bodies.append(response.read())
        connection.close()
        assert server.arrived.is_set()
    assert statuses == [200, 200, 200, 400]
    assert json.loads(bodies[1])["model"] == "asked"
    assert bodies[2] == b"raw"
    assert b"the script has 3 replies; 4 were asked for" in bodies[3]
    assert server.usage == usage + Usage(input=2, output=2)
    assert [request.method for request in server.requests] == ["POST"] * 4
