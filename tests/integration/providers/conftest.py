from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from integration.providers.wires import CANARY, WIRES, Wire


@pytest.fixture
def anyio_backend() -> str:
    """One event loop for the many shapes of replies; where the loop matters, a test asks for both."""
    return "asyncio"


@pytest.fixture(params=WIRES)
def wire(request) -> Wire:
    return WIRES[request.param]


@pytest.fixture(autouse=True)
def no_key_in_logs(caplog) -> Iterator[None]:
    """Every test here runs at the most talkative level, and no log may hold the key."""
    caplog.set_level(logging.DEBUG)
    yield
    assert CANARY not in caplog.text


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch) -> None:
    """The SDKs read variables of their own."""
    for service in ("OPENAI", "ANTHROPIC"):
        for what in ("API_KEY", "BASE_URL", "AUTH_TOKEN", "ORG_ID", "PROJECT_ID", "CUSTOM_HEADERS", "LOG"):
            monkeypatch.delenv(f"{service}_{what}", raising=False)
