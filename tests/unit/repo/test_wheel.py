"""What is installed on a user's machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from house import SOURCES


@pytest.fixture(scope="module")
def wheel(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[PurePosixPath]:
    """The names of all files in the wheel, built from a copy, with the backend of this environment."""
    tree = tmp_path_factory.mktemp("tree")
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repo / file, tree)
    for folder in ("engine", "sandbox", "providers"):
        shutil.copytree(repo / folder, tree / folder)
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tree)], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tree / done.stdout.split()[-1]) as archive:
        return [PurePosixPath(name) for name in archive.namelist()]


def test_the_top_level_names_are_ours_alone(wheel: list[PurePosixPath]) -> None:
    top = {path.parts[0] for path in wheel}

    assert {name for name in top if not name.endswith(".dist-info")} == set(SOURCES)
    assert [name.partition("-")[0] for name in top - set(SOURCES)] == ["latm"]


def test_every_package_is_marked_as_typed(wheel: list[PurePosixPath]) -> None:
    assert {path.parts[0] for path in wheel if path.name == "py.typed"} == set(SOURCES)


def test_no_file_of_a_package_is_left_out(wheel: list[PurePosixPath]) -> None:
    missing = [
        path
        for name, folder in SOURCES.items()
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and PurePosixPath(name, *path.relative_to(folder).parts) not in wheel
    ]

    assert missing == []


def test_no_test_is_installed(wheel: list[PurePosixPath]) -> None:
    assert [path for path in wheel if path.name.startswith("test_") or path.name == "conftest.py"] == []


def test_the_licence_travels_along(wheel: list[PurePosixPath]) -> None:
    assert any(path.name == "LICENSE" for path in wheel)
