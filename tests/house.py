"""Where the rooms of the house are, and how their source is read; for the tests of the repository itself."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "latm": ROOT / "engine" / "latm",
    "latm_sandbox": ROOT / "sandbox" / "latm_sandbox",
    "latm_anthropic": ROOT / "providers" / "latm_anthropic",
    "latm_local": ROOT / "providers" / "latm_local",
    "latm_openai": ROOT / "providers" / "latm_openai",
    "latm_replay": ROOT / "providers" / "latm_replay",
}
PROVIDERS = frozenset(name for name in SOURCES if name not in {"latm", "latm_sandbox"})


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the house: its dotted name and its file."""
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            yield ".".join(part for part in parts if part != "__init__"), path


def public_modules() -> Iterator[tuple[str, Path]]:
    """The modules that are meant to be imported: those right inside a package of ours, and rooms as a whole.

    What stands inside a room belongs to the room, whatever its name.
    """
    for name, path in modules():
        private = any(part.startswith("_") for part in name.split("."))
        if not private and (path.name == "__init__.py" or path.parent in SOURCES.values()):
            yield name, path


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(name: str, path: Path) -> Iterator[str]:
    """The dotted names that a module imports anywhere in it, relative ones resolved."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")
                base = ".".join([*up[: len(up) - node.level + 1], *([base] if base else [])])
            yield base
            # `from latm import _engine` names a module too.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def tracked_files() -> list[Path] | None:
    """The files under version control; None where this is no checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]
