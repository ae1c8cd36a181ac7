"""The oldest and the newest accepted release of each SDK pass the same tests as the installed one."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def bounds(repo: Path) -> dict[str, tuple[str, int]]:
    """Each SDK's oldest release and the major that is not accepted any more."""
    project = tomllib.loads((repo / "pyproject.toml").read_text())["project"]
    found = {}
    for extra in ("openai", "anthropic"):
        (line,) = project["optional-dependencies"][extra]
        name, oldest, below = re.fullmatch(r"(\w+)>=([\d.]+),<(\d+)", line).groups()
        found[name] = (oldest, int(below))
    return found


@pytest.mark.soak
@pytest.mark.parametrize("end", ["oldest", "older major", "newest"])
def test_the_same_tests_pass(repo, tmp_path, end):
    wanted = {
        "oldest": lambda oldest, _below: f"=={oldest}",
        "older major": lambda oldest, below: f">={oldest},<{below - 1}",
        "newest": lambda oldest, below: f">={oldest},<{below}",
    }[end]
    python = tmp_path / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    tests = ["trio", "hypothesis", "pytest", "pytest-timeout", "pytest-xdist"]
    sdks = [f"{name}{wanted(*limits)}" for name, limits in bounds(repo).items()]
    install = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--editable", repo, *tests, *sdks],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if install.returncode:
        pytest.skip(f"the SDKs cannot be installed here: {install.stderr.strip()[-300:]}")
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not soak", "-n", "auto", HERE],
        cwd=repo, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_accepted_range_of_each_sdk_spans_two_majors(repo):
    for oldest, below in bounds(repo).values():
        assert below - int(oldest.split(".")[0]) == 2


def test_no_provider_knows_the_role_that_its_models_fill(repo):
    words = re.compile(r"\b(maker|dispatcher|fallback)\b", re.IGNORECASE)
    for path in (repo / "providers").rglob("*.py"):
        assert not words.search(path.read_text()), path
