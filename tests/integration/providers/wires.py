"""The protocols that the tests of the providers speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from latm._plugins import ModelRef, Plugins, create_backend
from latm.plugin import BackendError, Message, Request
from latm.testing import AnthropicServer, HttpReply, OpenAIServer, anthropic_error, openai_error

CANARY = "sk-canary-0123456789"
HELLO = Request(messages=(Message("user", "hello"),))


@dataclass(frozen=True)
class Wire:
    """One protocol: its provider, its options, its server, and the shape of its errors."""

    provider: str
    server: Callable
    options: Mapping[str, object]
    error: Callable[..., HttpReply]

    @asynccontextmanager
    async def backend(self, server, **options: object):
        """A backend of the real SDK against a server."""
        # Only our own, so that what is tested does not depend on what is installed besides.
        plugins = Plugins.load(allow=frozenset({"latm"}))
        backend = create_backend(
            plugins,
            ModelRef(self.provider, "some-model"),
            {"base_url": server.base_url, **self.options, **options},
            CANARY,
        )
        try:
            yield backend
        finally:
            await backend.aclose()

    async def failure(self, script: list, request: Request = HELLO, **options: object) -> BackendError:
        """The error that a script leads to; exactly one request may be made."""
        with self.server(script) as server:
            async with self.backend(server, **options) as backend:
                with pytest.raises(BackendError) as caught:
                    await backend.complete(request)
            assert len(server.requests) <= 1
        return caught.value

    def refusal(self, status: int, text: str = "the service says no", **headers: str | None) -> HttpReply:
        """An error as the service writes it."""
        return self.error(status, text, **headers)


WIRES = {
    "chat": Wire("openai", OpenAIServer, {}, openai_error),
    "responses": Wire("openai", OpenAIServer, {"api": "responses"}, openai_error),
    "messages": Wire("anthropic", AnthropicServer, {}, anthropic_error),
}
