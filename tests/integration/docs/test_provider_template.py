"""docs/examples/provider-template: it installs as a package, latm finds it, and its own tests pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def template(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that building leaves nothing in the work tree."""
    folder = tmp_path_factory.mktemp("template") / "latm-example"
    shutil.copytree(repo / "docs" / "examples" / "provider-template", folder)
    return folder


@pytest.fixture(scope="module")
def installed(template: Path) -> Path:
    """A folder with the installed package and nothing else; what it needs is in this environment."""
    target = template.parent / "installed"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(target)]
    run([sys.executable, "-m", "pip", "install", *options, str(template)], template)
    return target


def run(command: list[str], folder: Path, *path: Path) -> str:
    """What a program of this environment prints, with folders to import from besides."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LATM_", "PYTEST_"))}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, "PYTHONPATH": os.pathsep.join(map(str, path)), "NO_COLOR": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_latm_lists_its_provider(installed: Path, tmp_path: Path) -> None:
    listed = run([str(Path(sys.executable).with_name("latm")), "models"], tmp_path, installed)

    assert ["example", "latm-example", "0.1.0", "EXAMPLE_API_KEY:", "absent"] in map(
        str.split, listed.splitlines()
    )


def test_its_own_tests_pass(template: Path, installed: Path) -> None:
    """Against what was installed: nothing of ``src`` is there."""
    shutil.rmtree(template / "src")

    options = ["-q", "-p", "no:randomly", "-p", "no:xdist"]
    said = run([sys.executable, "-m", "pytest", *options], template, installed)

    assert "6 passed" in said


def test_what_is_installed_is_typed_and_says_what_it_needs(installed: Path) -> None:
    (about,) = installed.glob("latm_example-*.dist-info")
    metadata = (about / "METADATA").read_text(encoding="utf-8")

    assert (installed / "latm_example" / "py.typed").is_file()
    assert {line for line in metadata.splitlines() if line.startswith("Requires-Dist")} == {
        "Requires-Dist: httpx2>=2.0",
        "Requires-Dist: latm",
    }
