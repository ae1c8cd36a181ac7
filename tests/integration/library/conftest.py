"""Libraries in both kinds of database, for drills."""

from __future__ import annotations

from pathlib import Path

import pytest

import postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'latm.db'}"
    return postgres.clear(request.getfixturevalue("postgres_socket"))
