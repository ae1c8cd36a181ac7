"""The code of the pages on costs, reports, roles and using runs, and their tables of TOML are read."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from latm import Config

PAGES = ("costs.md", "report.md", "roles.md", "using.md")
BLOCK = re.compile(r'^```python title="(\S+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_scripts_of_the_page_run(repo: Path, tmp_path: Path, page: str) -> None:
    text = (repo / "docs" / page).read_text()
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```python") > 0
    for name, code in blocks:
        (tmp_path / name).write_text(code)
        done = subprocess.run(
            [sys.executable, "-W", "error", name], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", [*PAGES, "embedding.md"])
def test_the_tables_of_the_page_are_read(repo: Path, page: str) -> None:
    for table in TOML.findall((repo / "docs" / page).read_text()):
        Config.from_mapping(tomllib.loads(table))
        # What is commented out is an alternative, and has to be right as well.
        for line in table.splitlines():
            if re.match(r"# \w+ = ", line):
                other = table.replace(line, line.removeprefix("# "))
                Config.from_mapping(tomllib.loads(other))
