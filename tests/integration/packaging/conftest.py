from __future__ import annotations

from pathlib import Path

import pytest

import packages


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the work tree."""
    tree = packages.copy_tree(tmp_path_factory.mktemp("tree"))
    return packages.build("wheel", tree, tmp_path_factory.mktemp("wheel"))
