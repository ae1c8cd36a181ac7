"""What services and networks do wrong, and what must not travel to a host that it is not meant for."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from latm._plugins import ModelRef, Plugins, create_backend
from latm.errors import ConfigError, Rejected, Timeout, Unauthorized, Unavailable
from latm.plugin import Message, Request
from latm.testing import HttpReply, OpenAIServer, openai_error

pytestmark = pytest.mark.anyio
CANARY = "sk-canary-0123456789"
HELLO = Request(messages=(Message("user", "hello"),))
# What depends on the loop is in the conformance checks, which run on both.
both_loops = pytest.mark.parametrize(
    "anyio_backend", ["asyncio", pytest.param("trio", marks=pytest.mark.soak)]
)


@both_loops
async def test_a_body_that_drips_is_a_timeout_though_something_always_comes(wire):
    dripping = HttpReply(body=b'{"a": "' + b"x" * 1000 + b'"}', pace_s=0.02)
    with wire.server([dripping]) as server:
        async with wire.backend(server) as backend:
            with pytest.raises(Timeout):
                await backend.complete(replace(HELLO, timeout_s=0.3))
            assert await anyio.to_thread.run_sync(server.wait_until_left, 10)


async def test_a_late_and_dripping_reply_in_time_is_a_reply(wire):
    dripping = HttpReply(status=503, body=b'{"error": {"message": "slow"}}', delay_s=0.05, pace_s=0.001)
    error = await wire.failure([dripping])
    assert type(error) is Unavailable
    assert "slow" in str(error)


@both_loops
@pytest.mark.parametrize("status", [200, 500])
async def test_a_reset_in_the_middle_of_a_body_is_unavailable(wire, status):
    error = await wire.failure([HttpReply(status=status, body=b'{"x": 1}' + b" " * 100, sent=20, reset=True)])
    assert type(error) is Unavailable
    assert error.__cause__ is error.__context__ is None


async def test_only_a_request_that_cannot_have_arrived_is_said_not_to_be_sent(wire):
    with wire.server([HttpReply(reset=True)]) as server:
        async with wire.backend(server) as backend:
            with pytest.raises(Unavailable) as broken:
                await backend.complete(HELLO)
            assert broken.value.sent
    with wire.server(["never given"]) as server:
        away = wire.backend(server)
    async with away as backend:
        with pytest.raises(Unavailable) as refused:
            await backend.complete(HELLO)
        assert not refused.value.sent


@both_loops
async def test_where_nobody_listens_the_address_is_named_and_nothing_beside_it(wire):
    with wire.server([]) as server:
        port = server.base_url.rpartition(":")[2].partition("/")[0]
    secret = f"http://canary-user:canary-word@127.0.0.1:{port}/canary-path/v1"
    async with wire.backend(server, base_url=secret, query={"token": "canary-query"}) as backend:
        with pytest.raises(Unavailable) as refused:
            await backend.complete(HELLO)
    assert f"no connection to http://127.0.0.1:{port}: ConnectError" in str(refused.value)
    assert "canary" not in str(refused.value)


async def test_a_connection_that_breaks_or_is_late_names_its_service(wire):
    for reply, kind, says in (
        (HttpReply(reset=True), Unavailable, "the connection to http://127.0.0.1:"),
        (HttpReply(hold=True), Timeout, "no reply"),
    ):
        with wire.server([reply]) as server:
            async with wire.backend(server) as backend:
                with pytest.raises(kind, match=says):
                    await backend.complete(replace(HELLO, timeout_s=0.3))


NO_ADDRESSES = [
    "",
    "localhost:8000/v1",
    "127.0.0.1:1/v1",
    "/v1",
    "http:///v1",
    "ftp://canary@host/v1",
    "http://user:canary@127.0.0.1:0/v1",
    "http://user:canary@127.0.0.1:99999/v1",
    "http://127.0.0.1:canary/v1",
]


@pytest.mark.parametrize("address", NO_ADDRESSES)
async def test_an_address_that_is_none_is_told_at_once_and_not_tried_again_and_again(wire, address):
    with pytest.raises(ConfigError, match=r"base_url: no address of a service; .*http://localhost") as caught:
        create_backend(Plugins.load(), ModelRef(wire.provider, "m"), {"base_url": address}, CANARY)
    assert "canary" not in str(caught.value)


async def test_an_address_of_the_environment_that_is_none_is_an_error_of_ours(wire, monkeypatch):
    monkeypatch.setenv(f"{wire.provider.upper()}_BASE_URL", "http://127.0.0.1:99999/v1")
    backend = create_backend(Plugins.load(), ModelRef(wire.provider, "m"), wire.options, CANARY)
    with pytest.raises(Unavailable, match="the service"):
        await backend.complete(HELLO)
    await backend.aclose()


@both_loops
async def test_cancelling_closes_the_connection(wire):
    with wire.server([HttpReply(hold=True)]) as server:
        async with wire.backend(server) as backend, anyio.create_task_group() as group:
            group.start_soon(backend.complete, HELLO)
            await anyio.to_thread.run_sync(server.arrived.wait)
            assert server.open_connections == 1
            group.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(server.wait_until_left, 10)


async def test_a_connection_is_kept_for_the_next_call_and_closed_with_the_backend(wire):
    with wire.server(["one", "two"]) as server:
        async with wire.backend(server) as backend:
            await backend.complete(HELLO)
            assert server.open_connections == 1
            await backend.complete(HELLO)
            assert server.open_connections == 1
        assert await anyio.to_thread.run_sync(server.wait_until_left, 10)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed_and_the_key_goes_nowhere_else(wire, status):
    with wire.server(["stolen"]) as elsewhere:
        place = f"{elsewhere.base_url}/v1?key=1"
        error = await wire.failure([HttpReply(status=status, headers={"Location": place})])
        assert elsewhere.requests == []
        assert elsewhere.open_connections == 0
    assert type(error) is Rejected
    assert error.status == status
    assert "key=1" not in str(error)


@pytest.mark.parametrize("place", range(230, 310, 10))
@pytest.mark.parametrize("form", ['{"error": {"message": "%s"}}', "<html>%s</html>"])
async def test_a_key_at_the_place_where_a_long_text_is_cut_leaves_no_part_of_itself(wire, place, form):
    body = form % ("x" * place + CANARY)
    for reply in (HttpReply(status=401, body=body), HttpReply(body=body)):
        error = await wire.failure([reply])
        assert "sk-" not in str(error)


@pytest.mark.parametrize("code", ["insufficient_quota", "credit_balance_exhausted"])
async def test_an_account_without_credit_is_not_waited_for(code):
    with OpenAIServer([openai_error(429, code=code)]) as server:
        backend = create_backend(Plugins.load(), ModelRef("openai", "m"), {"base_url": server.base_url}, "k")
        with pytest.raises(Unauthorized):
            await backend.complete(HELLO)
        await backend.aclose()


ENVIRONMENT = {
    "OPENAI_ORG_ID": "org-canary-1",
    "OPENAI_PROJECT_ID": "proj-canary-2",
    "OPENAI_CUSTOM_HEADERS": "X-Secret: canary-3\nAuthorization: Bearer canary-4",
    "ANTHROPIC_CUSTOM_HEADERS": "X-Secret: canary-5\nx-api-key: canary-6",
    "ANTHROPIC_AUTH_TOKEN": "canary-7",
}


async def test_what_the_environment_holds_for_a_service_is_not_sent_to_another_host(wire, monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with wire.server(["hi"]) as server:
        async with wire.backend(server) as backend:
            await backend.complete(HELLO)
        sent = str(dict(server.requests[0].headers))
        assert "canary-" not in sent.replace(CANARY, "")
        assert CANARY in sent
        assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_it_is_sent_to_the_service_itself_wherever_the_environment_says_that_is(wire, monkeypatch):
    for name, value in ENVIRONMENT.items():
        if name != "ANTHROPIC_AUTH_TOKEN":
            monkeypatch.setenv(name, value.partition("\n")[0])
    with wire.server(["hi"]) as server:
        monkeypatch.setenv(f"{wire.provider.upper()}_BASE_URL", server.base_url)
        backend = create_backend(Plugins.load(), ModelRef(wire.provider, "m"), wire.options, CANARY)
        await backend.complete(HELLO)
        await backend.aclose()
        assert "x-secret" in server.requests[0].headers


GATEWAY = {"headers": {"api-key": "{api_key}", "X-Team": "team-secret-1"}, "query": {"api-version": "v9"}}


async def test_headers_and_query_of_a_gateway_are_sent_with_every_request(wire):
    with wire.server(["hi", "hi"]) as server:
        async with wire.backend(server, **GATEWAY) as backend:
            await backend.complete(HELLO)
            await backend.complete(HELLO)
        for request in server.requests:
            assert request.headers["api-key"] == CANARY
            assert request.headers["x-team"] == "team-secret-1"
            assert request.path.endswith("?api-version=v9")


async def test_the_values_of_headers_are_shown_nowhere(wire, caplog):
    echo = HttpReply(status=403, body={"error": {"message": "no: team-secret-1"}})
    error = await wire.failure([echo], **GATEWAY)
    assert "no: ***" in str(error)
    with wire.server([]) as server:
        async with wire.backend(server, **GATEWAY) as backend:
            assert "team-secret" not in repr(backend) + repr(vars(backend)) + repr(backend._options)
    assert "team-secret" not in caplog.text


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"a b": "secret-value"}, "'a b' is no name of a header"),
        ({"": "secret-value"}, "'' is no name of a header"),
        ({"X-A": "secret-value\nX-B: 1"}, r"headers\.X-A: the value holds a control"),
        ({"X-A": "secret-välue"}, r"headers\.X-A: the value holds a control"),
        ({"X-A": 3}, "Expected `str`, got `int`"),
    ],
)
async def test_a_header_that_cannot_be_sent_is_named_without_its_value(wire, headers, says):
    with pytest.raises(ConfigError, match=says) as caught:
        create_backend(Plugins.load(), ModelRef(wire.provider, "m"), {"headers": headers}, CANARY)
    assert "secret-v" not in str(caught.value)
