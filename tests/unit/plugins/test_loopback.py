"""The loopback server's ways to misbehave, seen by a plain client."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import closing

import pytest

from latm.testing import (
    AnthropicServer,
    HttpReply,
    HttpServer,
    OpenAIServer,
    anthropic_error,
    openai_error,
)

STATUSES = [400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504, 529, 599]


def connect(server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.base_url.split("/")[2], timeout=30)


def ask(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    connection.request("POST", "/v1/chat/completions", body=json.dumps({"model": "m"}))
    return connection.getresponse()


def test_a_reset_in_the_middle_of_a_body_is_no_orderly_end():
    body = b"x" * 100
    with OpenAIServer([HttpReply(body=body, sent=40, reset=True), HttpReply(body=body, sent=40)]) as server:
        with closing(connect(server)) as connection, pytest.raises(ConnectionResetError):
            ask(connection).read()
        with closing(connect(server)) as connection:
            response = ask(connection)
            with pytest.raises(http.client.IncompleteRead) as caught:
                response.read()
            assert caught.value.partial == body[:40]


def test_a_reset_without_a_word_is_a_reset_too():
    with (
        OpenAIServer([HttpReply(reset=True)]) as server,
        closing(connect(server)) as connection,
        pytest.raises(ConnectionResetError),
    ):
        ask(connection)


def test_a_delayed_reply_comes_later_and_a_paced_one_byte_by_byte():
    script = [HttpReply(body=b"abc", delay_s=0.2), HttpReply(body=b"abcde", pace_s=0.05)]
    with OpenAIServer(script) as server, closing(connect(server)) as connection:
        for body, takes_s in ((b"abc", 0.2), (b"abcde", 5 * 0.05)):
            started = time.monotonic()
            assert ask(connection).read() == body
            assert time.monotonic() - started >= takes_s


@pytest.mark.parametrize(
    "reply",
    [
        HttpReply(hold=True),
        HttpReply(body=b"abc", hold=True, sent=2),
        HttpReply(delay_s=60),
        HttpReply(body=b"abc", pace_s=60),
        HttpReply(body=b"abc"),
    ],
    ids=["held", "held half-way", "delayed", "paced", "kept alive"],
)
def test_a_client_that_leaves_is_noticed_at_once_and_frees_its_thread(reply):
    before = set(threading.enumerate())
    with OpenAIServer([reply]) as server:
        with closing(connect(server)) as connection:
            connection.request("POST", "/v1/x", body="{}")
            assert server.arrived.wait(10)
            assert server.open_connections == 1
            assert not server.wait_until_left(within_s=0.05)
        assert server.wait_until_left(within_s=10)
        assert server.open_connections == 0
    assert set(threading.enumerate()) - before == set()


def test_what_is_held_goes_on_when_it_is_released_for_every_client():
    with OpenAIServer(lambda _request: HttpReply(body=b"abc", hold=True)) as server:
        clients = [connect(server) for _ in range(3)]
        for client in clients:
            server.arrived.clear()
            client.request("POST", "/v1/x", body="{}")
            assert server.arrived.wait(10)
        server.release()
        assert [client.getresponse().read() for client in clients] == [b"abc"] * 3
        for client in clients:
            client.close()


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("make", [openai_error, anthropic_error])
def test_an_error_has_its_status_and_message_and_the_header_as_it_was_given(make, status):
    reply = make(status, "the service says no", retry_after="-3")
    assert reply.status == status
    assert b"the service says no" in reply.payload()
    if reply.headers.get("Content-Type") != "text/html":
        assert reply.headers["Retry-After"] == "-3"
        assert json.loads(reply.payload())["error"]["message"] == "the service says no"
    assert make(status).payload()  # there is a message of our own


def test_the_shapes_are_the_services_own():
    assert openai_error(429, "wait").body == {
        "error": {"message": "wait", "type": "tokens", "param": None, "code": "rate_limit_exceeded"}
    }
    assert openai_error(429, code="insufficient_quota").body["error"]["type"] == "insufficient_quota"
    assert openai_error(408, "late").body == {"error": {"code": "Timeout", "message": "late"}}
    assert openai_error(502).payload().startswith(b"<html>")
    assert anthropic_error(529, "busy").body == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "busy"},
        "request_id": "req_1",
    }
    assert anthropic_error(413, "big").body == {"error": {"type": "request_too_large", "message": "big"}}
    assert anthropic_error(418).body["error"]["type"] == "invalid_request_error"
    assert anthropic_error(599).body["error"]["type"] == "api_error"


def test_a_script_s_errors_count_no_tokens():
    with AnthropicServer([anthropic_error(529)]) as server, closing(connect(server)) as connection:
        assert ask(connection).status == 529
        assert server.usage.total == 0


def test_a_server_of_any_protocol_sees_what_was_sent_and_says_what_it_is_told():
    def respond(request):
        return HttpReply(status=201, body=f"{request.method} {request.path} {request.body}")

    with HttpServer(respond) as server, closing(connect(server)) as connection:
        for method, body, seen in (
            ("POST", '{"a": 1}', "{'a': 1}"),
            ("POST", "no JSON", "no JSON"),
            ("GET", None, "None"),
        ):
            connection.request(method, "/any?x=1", body=body)
            response = connection.getresponse()
            assert (response.status, response.read().decode()) == (201, f"{method} /any?x=1 {seen}")
        port = int(server.base_url.rpartition(":")[2])
        assert [each.method for each in server.requests] == ["POST", "POST", "GET"]
    with HttpServer(respond, port=port) as again:
        assert again.base_url == f"http://127.0.0.1:{port}"
