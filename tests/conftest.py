"""What every test shares: the engine's absence, the paper's data, and how Hypothesis runs."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import postgres
from setting_up import engine

ROOT = Path(__file__).resolve().parents[1]
PAPER = ROOT.parent / "shared" / "paper"

# The same examples every time, whatever the machine's speed: anyone can repeat a property's failure.
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=40)
# More of them, and others each time.
settings.register_profile("soak", deadline=None, max_examples=500)
settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs an engine where there is none, unless the run was told to insist (`make test` does)."""
    if os.environ.get("LATM_REQUIRE_DOCKER"):
        return
    asking = [item for item in items if item.get_closest_marker("docker")]
    if not asking:
        return
    host = os.environ.get("DOCKER_HOST") or engine.LOCAL_HOST
    answer = engine.ping(host)
    if not answer.ok:
        reason = f"no Docker engine answers at {host}: {answer.detail} (`make setup` starts one)"
        for item in asking:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the work tree."""
    return ROOT


@pytest.fixture(scope="session")
def paper() -> Path:
    """The data of the paper's repository, which is not part of this one."""
    if not PAPER.is_dir():
        pytest.skip(f"the paper's data is not there: {PAPER}")
    return PAPER


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """The folder in which a PostgreSQL server of the tests' own listens."""
    programs = postgres.binaries()
    if programs is None:
        pytest.skip(postgres.MISSING)
    with postgres.serving(programs) as socket:
        yield socket


def pytest_collection_finish() -> None:
    """What the collection left behind stays: no collection of garbage has to go through it again."""
    gc.collect()
    gc.freeze()
