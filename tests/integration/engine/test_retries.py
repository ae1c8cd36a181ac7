"""What a service does, and how often it is asked again: ours is the only layer that tries again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

import pytest

from latm import BackendError, Config, Ledger, Rejected, Throttled, Timeout, Unauthorized, Unavailable
from latm._events import Events
from latm._plugins import Plugins
from latm._roles import Purpose, Roles
from latm.library import Library
from latm.testing import AnthropicServer, HttpReply, OpenAIServer, anthropic_error, openai_error
from unit.engine.desk import ASK, FakeClock

pytestmark = pytest.mark.anyio
SERVERS = {"openai": (OpenAIServer, openai_error), "anthropic": (AnthropicServer, anthropic_error)}
LONG_AGO, LONG_AHEAD = formatdate(0, usegmt=True), formatdate(9e9, usegmt=True)
BACKOFF = (0.25, 0.5)


@dataclass(frozen=True)
class Case:
    """A fault, the error that comes of it, how often it was asked, and the bounds of the first wait."""

    fault: Callable[[Callable[..., HttpReply]], HttpReply]
    error: type[BackendError]
    asked: int = 4
    wait_s: tuple[float, float] = BACKOFF


def status(code: int, **options: str) -> Callable[[Callable[..., HttpReply]], HttpReply]:
    return lambda error: error(code, **options)


CASES: Mapping[str, Case] = {
    "400": Case(status(400), Rejected, 1),
    "401": Case(status(401), Unauthorized, 1),
    "403": Case(status(403), Unauthorized, 1),
    "404": Case(status(404), Rejected, 1),
    "408": Case(status(408), Timeout),
    "409": Case(status(409), Unavailable),
    "413": Case(status(413), Rejected, 1),
    "429": Case(status(429), Throttled),
    "429 in 7 s": Case(status(429, retry_after="7"), Throttled, 4, (7.0, 7.5)),
    "429 long ago": Case(status(429, retry_after=LONG_AGO), Throttled, 4, (0.0, 0.5)),
    "429 in an hour": Case(status(429, retry_after="3600"), Throttled, 1),
    "429 in centuries": Case(status(429, retry_after=LONG_AHEAD), Throttled, 1),
    "429 negative": Case(status(429, retry_after="-5"), Throttled),
    "500": Case(status(500), Unavailable),
    "502": Case(status(502), Unavailable),
    "503 in 2 s": Case(status(503, retry_after="2"), Unavailable, 4, (2.0, 2.5)),
    "529": Case(status(529), Throttled),
    "a page": Case(lambda _error: HttpReply(body="<html>busy</html>"), Unavailable),
    "nothing": Case(lambda _error: HttpReply(), Unavailable),
    "half a body": Case(lambda _error: HttpReply(body={"a": "b"}, sent=3), Unavailable),
    "a reset": Case(lambda _error: HttpReply(reset=True), Unavailable),
    "elsewhere": Case(lambda _error: HttpReply(status=307, headers={"location": "/x"}), Rejected, 1),
}


@pytest.mark.parametrize("provider", sorted(SERVERS))
@pytest.mark.parametrize("name", sorted(CASES))
async def test_a_fault_is_tried_again_where_that_can_help(provider: str, name: str) -> None:
    case, (kind, error_of) = CASES[name], SERVERS[provider]
    library, clock, plugins, ledger = Library("sqlite://"), FakeClock(), Plugins.load(), Ledger()
    with kind(lambda _request: case.fault(error_of)) as server:
        config = Config(
            roles={"user": f"{provider}:m"},
            providers={provider: {"base_url": server.base_url, "api_key": "k"}},
            budget={"tokens": 10**6},
        )
        events = Events(None, plugins.event)
        roles = Roles(config, plugins, library=library, ledger=ledger, events=events, clock=clock)
        with pytest.raises(BackendError) as caught:
            await (await roles.get("user")).complete(ASK, Purpose(run="r", step="s", bill=Ledger()))
        await roles.aclose()
        assert len(server.requests) == case.asked
    assert type(caught.value) is case.error
    assert caught.value.model == f"{provider}:m"
    assert len(clock.slept) == case.asked - 1
    if clock.slept:
        least, most = case.wait_s
        assert least <= clock.slept[0] <= most
    assert ledger.total().calls == 0
    library.close()
