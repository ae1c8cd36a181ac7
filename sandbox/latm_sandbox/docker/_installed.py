"""Distributions that are installed beside the running interpreter, copied without an index."""

from __future__ import annotations

import compileall
import csv
import importlib.metadata
import json
import shutil
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path, PurePosixPath

from latm_sandbox.docker import _markers
from latm_sandbox.errors import ImageError


def versions(wanted: Iterable[str]) -> tuple[str, ...]:
    """Names and versions of all that an image with these gets, such as ``hypothesis==6.130.0``, sorted.

    Raises:
        ImageError: one of them, or of what they require, is not installed, or cannot be copied.
    """
    return tuple(sorted(f"{name}=={found.version}" for name, found in closure(wanted).items()))


def closure(wanted: Iterable[str]) -> Mapping[str, Distribution]:
    """The distributions by their normalised names, with all that they require here.

    Args:
        wanted: names, with extras where these are wanted too: ``hypothesis``, ``coverage[toml]``.

    Raises:
        ImageError: one is not installed, is editable, or does not say which files it has.
    """
    found: dict[str, Distribution] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    pending = [(line, line) for line in wanted]
    while pending:
        line, root = pending.pop()
        requirement = _markers.read(line)
        assert requirement is not None  # looked at when the image was described; metadata is skipped below
        if (requirement.name, requirement.extras) in done:
            continue
        done.add((requirement.name, requirement.extras))
        if requirement.name not in found:
            found[requirement.name] = _distribution(requirement.name, root)
        for each in found[requirement.name].requires or ():
            needed = _markers.read(each)
            if needed is not None and _markers.applies(needed.marker, requirement.extras):
                pending.append((f"{needed.name}[{','.join(needed.extras)}]", root))
    return found


def copy(wanted: Iterable[str], directory: Path) -> list[str]:
    """Put the distributions into a directory as they would lie in site-packages, compiled.

    Scripts and whatever else lies outside of site-packages stay behind.

    Args:
        wanted: as of `closure`.
        directory: where to; what is in it already is of an index.

    Returns:
        Names and versions of what was copied, sorted.

    Raises:
        ImageError: one is not there or cannot be copied, or is in the directory already.
    """
    distributions = closure(wanted)
    fetched = importlib.metadata.distributions(path=[str(directory)])
    if twice := sorted({_markers.normal(each.metadata["Name"]) for each in fetched} & distributions.keys()):
        raise ImageError(
            f"{', '.join(twice)} would come from the index and from what is installed",
            remedy="name it in packages or in installed, not in both",
        )
    for name, distribution in distributions.items():
        for file in _files(distribution):
            if ".." in file.parts or "__pycache__" in file.parts:
                continue
            target = directory / file
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copy2(str(distribution.locate_file(file)), target)
            except OSError as error:
                raise ImageError(
                    f"the installed {name} is not whole: {error}",
                    remedy=f"pip install --force-reinstall {name}",
                ) from error
    # A cell's root is read-only: without this each import would compile anew.
    compileall.compile_dir(str(directory), quiet=2)
    return sorted(f"{name}=={each.version}" for name, each in distributions.items())


def _distribution(name: str, root: str) -> Distribution:
    why = "" if _markers.normal(root) == name else f", which {root} requires,"
    try:
        found = importlib.metadata.distribution(name)
    except PackageNotFoundError:
        raise ImageError(
            f"{name}{why} is not installed beside the running interpreter",
            remedy=f"pip install {name}, or packages=[...] to fetch it",
        ) from None
    if _is_editable(found):
        raise ImageError(
            f"{name}{why} is installed as editable, so its files are elsewhere",
            remedy=f"install {name} as a wheel: pip install . in its directory",
        )
    if not found.files:
        raise ImageError(
            f"{name}{why} does not say which files it has (no RECORD)",
            remedy=f"pip install --force-reinstall {name}, or packages=[...] to fetch it",
        )
    return found


def _files(found: Distribution) -> list[PurePosixPath]:
    """All files that a distribution says it has: since Python 3.12 `files` hides what is gone."""
    record = found.read_text("RECORD")
    if record is None:
        return [PurePosixPath(file) for file in found.files or ()]
    return [PurePosixPath(row[0]) for row in csv.reader(record.splitlines()) if row]


def _is_editable(found: Distribution) -> bool:
    try:
        origin: object = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    about: object = origin.get("dir_info") if isinstance(origin, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return isinstance(about, dict) and about.get("editable") is True  # pyright: ignore[reportUnknownMemberType]
