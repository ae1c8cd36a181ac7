"""A project that uses latm, checked against what the wheel brings, not against the work tree."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from integration.packaging import environments

CONSUMER = Path(__file__).with_name("consumer")
FILES = {"application.py", "checks.py", "jailed.py", "plugins.py", "tuning.py"}


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of an environment with the wheel; all else comes from this one, but the work tree does not."""
    folder = tmp_path_factory.mktemp("environment")
    found = environments.bare(folder)
    environments.install(found, "--no-deps", "--no-index", str(wheel))
    (site,) = folder.glob("lib/python*/site-packages")
    # What a .pth file names is imported from; .pth files in there, which name the tree, are not read.
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "consumer"
    shutil.copytree(CONSUMER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    assert {file.name for file in folder.iterdir()} == FILES
    return folder


def tool(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return environments.run([str(Path(sys.executable).with_name(name)), *arguments], folder)


def test_the_environment_has_latm_from_the_wheel(python: str, tmp_path: Path) -> None:
    program = "import latm, latm_sandbox, latm_openai; print(latm.__file__, latm_sandbox.__file__)"
    done = environments.run([python, "-P", "-c", program], tmp_path)

    assert done.returncode == 0, done.stderr
    assert [Path(file).is_relative_to(Path(python).parents[1]) for file in done.stdout.split()] == [True] * 2


@pytest.mark.soak  # takes 10 s of a processor, all of it for what latm itself imports
def test_it_checks_under_mypy(python: str, project: Path) -> None:
    cache = "--cache-dir=/dev/null"
    done = tool("mypy", "--strict", cache, "--python-executable", python, ".", folder=project)

    assert done.returncode == 0, done.stdout + done.stderr


def test_it_checks_under_pyright(python: str, project: Path) -> None:
    settings = {"typeCheckingMode": "strict", "include": ["."], "reportUnusedParameter": False}
    (project / "pyrightconfig.json").write_text(json.dumps(settings))
    done = tool("basedpyright", "--pythonpath", python, folder=project)

    assert done.returncode == 0, done.stdout + done.stderr


def test_its_tests_pass(python: str, project: Path) -> None:
    command = [
        python,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:randomly",
        "-p",
        "no:xdist",
        "checks.py",
    ]
    done = environments.run(command, project)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
