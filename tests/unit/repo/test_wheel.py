"""What is installed on a user's machine."""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import packages
from house import ROOT, SOURCES


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What distributions are built from."""
    return packages.copy_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def wheel_file(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    return packages.build("wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> list[PurePosixPath]:
    """The names of all files in the wheel."""
    return names(wheel_file)


def names(wheel_file: Path) -> list[PurePosixPath]:
    with zipfile.ZipFile(wheel_file) as archive:
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


def test_what_is_built_from_the_source_distribution_is_the_same(
    tree: Path, wheel: list[PurePosixPath], tmp_path: Path
) -> None:
    sdist = packages.build("sdist", tree, tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()

    assert sorted(names(packages.build("wheel", source, tmp_path))) == sorted(wheel)
    assert {"tests", "docs", "scripts", "Makefile", "CHANGELOG.md", "LICENSE"} <= {
        path.name for path in source.iterdir()
    }
    assert not [path for path in source.rglob("*") if path.suffix == ".pyc"]


def test_what_the_wheel_says_of_itself_names_no_place_of_one_machine(wheel_file: Path) -> None:
    metadata = packages.metadata(wheel_file)

    assert metadata["Requires-Python"] == [">=3.11"]
    assert metadata["License-Expression"] == ["Apache-2.0"]
    assert {"Typing :: Typed", "Programming Language :: Python :: 3.11"} <= set(metadata["Classifier"])
    said = "\n".join(value for values in metadata.values() for value in values)
    assert not re.search(r"file:|(?<![\w.$}~-])/(?:root|home|work|tmp)/|\blocalhost\b", said)


def test_the_readme_has_a_table_of_the_extras(wheel_file: Path) -> None:
    provided = set(packages.metadata(wheel_file)["Provides-Extra"])
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(table) == sorted(provided)
