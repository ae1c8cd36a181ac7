"""What users install, built from a copy of the work tree with the backend of this environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Literal

from house import ROOT

FILES = ("pyproject.toml", "zensical.toml", "LICENSE", "Makefile", *(path.name for path in ROOT.glob("*.md")))
FOLDERS = ("engine", "sandbox", "providers", "scripts", "docs", "tests")
_BUILD = "import sys; from hatchling.build import build_{0}; print(build_{0}(sys.argv[1]))"


def copy_tree(folder: Path) -> Path:
    """A copy of what distributions are built from; building leaves nothing in the work tree."""
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", ".*", "data")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


def build(kind: Literal["wheel", "sdist"], tree: Path, out: Path) -> Path:
    """Build one from a tree, without a network; its file."""
    command = [sys.executable, "-c", _BUILD.format(kind), str(out)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.split()[-1]


def metadata(wheel: Path) -> dict[str, list[str]]:
    """The fields of a wheel's metadata, each with its values; those of its description apart."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        fields = Parser().parsestr(archive.read(name).decode("utf-8"))
    return {each: fields.get_all(each) or [] for each in set(fields.keys())}
