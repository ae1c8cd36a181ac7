"""Libraries in both kinds of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import postgres
from latm.library import Library


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'latm.db'}"
    return postgres.clear(request.getfixturevalue("postgres_socket"))


@pytest.fixture
def open_library(url: str) -> Iterator[Callable[[], Library]]:
    """Opens the same library again and again."""
    opened: list[Library] = []

    def open_it() -> Library:
        opened.append(Library(url))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


@pytest.fixture
def library(open_library: Callable[[], Library]) -> Library:
    """An empty library."""
    return open_library()
