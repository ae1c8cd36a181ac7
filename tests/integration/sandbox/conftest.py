"""One sandbox for the tests that need no other, and a look at what is left of any."""

from __future__ import annotations

import pytest

from integration.sandbox.leftovers import nothing_left
from latm_sandbox import PoolPolicy, Sandbox


@pytest.fixture(scope="session")
def sandbox():
    """A sandbox of two cells, shared by all tests of a worker.

    Without a spare one, which it may start whenever it likes, and a test beside it would find left.
    """
    with Sandbox(pool=PoolPolicy(cells=2, spare=0)) as shared:
        yield shared


@pytest.fixture
def leaves_nothing():
    """The test leaves no container of its own."""
    with nothing_left():
        yield
