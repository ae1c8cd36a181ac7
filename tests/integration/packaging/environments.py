"""Environments with latm from its wheel, and with one extra alone."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import packages


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program far from the work tree; nothing of this environment's settings reaches it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LATM_", "PYTHON", "VIRTUAL_ENV")) and not name.endswith("_API_KEY")
    }
    return subprocess.run(
        command, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False
    )


def bare(folder: Path) -> str:
    """A virtual environment with nothing in it; its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    return str(folder / "bin" / "python")


def install(python: str, *what: str) -> None:
    """Install into an environment that has no pip of its own."""
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def needed(wheel: Path, extra: str) -> set[str]:
    """The distributions that an extra brings, with all that they need, of those that are installed here."""
    requires = {"latm": packages.metadata(wheel)["Requires-Dist"]}
    found: set[tuple[str, str]] = set()
    todo = [("latm", extra)]
    while todo:
        name, chosen = todo.pop()
        if (name, chosen) in found:
            continue
        found.add((name, chosen))
        lines = requires[name] if name in requires else distribution(name).requires or []
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": chosen}):
                needs = canonicalize_name(requirement.name)
                todo += [(needs, each) for each in ("", *requirement.extras)]
    return {name for name, _ in found} - {"latm"}


def link(names: set[str], folder: Path) -> None:
    """Put the files of installed distributions into a folder, as links.

    Raises:
        PackageNotFoundError: one is not installed here.
    """
    folder.mkdir()
    for name in names:
        _link(distribution(name), folder)


def _link(one: Distribution, folder: Path) -> None:
    files = one.files
    if files is None:
        raise PackageNotFoundError(one.name)
    for top in {file.parts[0] for file in files} - {"..", "bin", "__pycache__"}:
        source = Path(str(one.locate_file(top)))
        if source.is_dir() and not top.endswith(".dist-info") and not (source / "__init__.py").exists():
            continue  # of several distributions; file by file, below
        (folder / top).symlink_to(source)
    for file in files:
        target = folder / file
        if not file.parts[0].startswith("..") and not target.exists() and "__pycache__" not in file.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(Path(str(one.locate_file(file))))
