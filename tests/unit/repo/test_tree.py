"""The tree is fit for anybody's machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from house import tracked_files

HOME = re.compile(r"(?<![\w.$}~-])/(?:root|home|Users)/(?!you/)[\w.-]")
"""A path into somebody's home. Examples use /home/you/."""

PACKAGE_SOURCE = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host|PIP_(?:EXTRA_)?INDEX_URL|\bindex-url\b"
)
"""Where packages come from is a setting of each machine, not of the project."""


def text_lines() -> list[tuple[str, str]]:
    """Every line under version control with its place; not those of this file, which names the signs."""
    files = tracked_files()
    if files is None:
        pytest.skip("this is no git checkout")
    lines: list[tuple[str, str]] = []
    for path in files:
        if path == Path(__file__):
            continue
        text = path.read_bytes().decode(errors="replace")
        lines += [(f"{path}:{number}", line) for number, line in enumerate(text.splitlines(), 1)]
    return lines


@pytest.mark.parametrize("sign", [HOME, PACKAGE_SOURCE], ids=["home", "package source"])
def test_no_file_is_tied_to_one_machine(sign: re.Pattern[str]) -> None:
    lines = [(place, line) for place, line in text_lines() if "127.0.0.1" not in line]  # every machine's
    assert [f"{place}: {line.strip()}" for place, line in lines if sign.search(line)] == []


def test_ci_runs_make_test_and_installs_nothing_itself(repo: Path) -> None:
    script = (repo / ".ci" / "run").read_text()
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]

    assert commands == ["set -e", 'cd "$(dirname "$0")/.."', "exec make test"]


def test_what_runs_alone_is_where_make_looks_for_it(repo: Path) -> None:
    """The serial group is collected from there only: to collect all once more takes long."""
    elsewhere = [
        str(path.relative_to(repo))
        for path in (repo / "tests").rglob("*.py")
        if "mark.serial" in path.read_text(encoding="utf-8") and "integration" not in path.parts
    ]
    assert [each for each in elsewhere if each != "tests/unit/repo/test_tree.py"] == []
    assert '-m "serial and not soak" -n 0 tests/integration' in (repo / "Makefile").read_text(
        encoding="utf-8"
    )


def test_every_target_of_make_is_listed_as_phony_and_explained(repo: Path) -> None:
    makefile = (repo / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert phony is not None
    assert set(phony[1].split()) == targets
    assert targets - explained == {"tools"}


def test_all_extras_are_in_the_one_that_set_up_installs(repo: Path) -> None:
    extras = tomllib.loads((repo / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (everything,) = extras["all"]

    assert everything == f"latm[{','.join(name for name in extras if name != 'all')}]"
