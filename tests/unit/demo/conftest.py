"""Shared by the demo's tests: a way to talk to a scripted model, and tools as its maker makes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from latm.cli.demo.scripted import ScriptedModels
from latm.plugin import Message, Request

Say = Callable[..., str]


@pytest.fixture(scope="session")
def say() -> Say:
    """say(model, *turns, system=...) gives the reply's text; turns alternate, the first is the user's."""
    (spec,) = ScriptedModels().latm_providers()

    def ask(model: str, *turns: str, request: Request | None = None, system: str | None = None) -> str:
        if request is None:
            roles = ("user", "assistant")
            messages = tuple(Message(roles[index % 2], text) for index, text in enumerate(turns))
            request = Request(messages=messages, system=system)
        # Scripted models wait for nothing, so no event loop is needed (and thousands would be slow).
        with pytest.raises(StopIteration) as done:
            spec.create(model, {}).complete(request).send(None)
        return done.value.value.text

    return ask
