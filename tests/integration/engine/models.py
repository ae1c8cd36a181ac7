"""Who fills the roles in the engine's tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import anyio.to_thread

from integration.engine import scripts
from latm.plugin import Reply, Request
from latm.testing import ScriptedBackend, scripted_provider

Models = Mapping[str, Any]
ROLES = {role: f"fake:{role}" for role in ("maker", "user", "dispatcher", "fallback")}
DEFAULTS: Models = {
    "maker": scripts.maker(),
    "user": scripts.user,
    "dispatcher": scripts.dispatcher,
    "fallback": scripts.strong,
}


class Gated:
    """A model that answers when it may, and holds up nobody but those who ask it."""

    def __init__(self, script: Callable[[Request], str]) -> None:
        self.may_go_on = threading.Event()
        self.asked = threading.Event()
        self._script = ScriptedBackend(script)

    async def complete(self, request: Request) -> Reply:
        self.asked.set()
        assert await anyio.to_thread.run_sync(self.may_go_on.wait, 60, abandon_on_cancel=True)
        return await self._script.complete(request)

    async def aclose(self) -> None:
        pass


def provider(models: Models) -> object:
    """The plugin that offers these models: scripts, or backends."""
    offered = scripted_provider("fake", {name: each for name, each in models.items() if callable(each)})
    for name, each in models.items():
        if not callable(each):
            offered.backends[name] = each
    return offered
