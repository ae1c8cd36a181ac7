"""Read tools from folders that were exported, reviewed, and may have been tampered with."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from latm._records import Tool, slug
from latm.errors import ConfigError, LibraryError
from latm.library._content import content_digest, plain, tool_of
from latm.library._exporting import (
    CARD,
    CHECKS,
    CONTRACT,
    DEMONSTRATIONS,
    FORMAT,
    PARSER,
    PROVENANCE,
    SCORECARD,
    TEST,
    is_part,
    is_test,
)

_LARGEST = 64 * 1024 * 1024  # bytes of one file
_KEYS: Mapping[str, type] = {
    "format": int,
    "name": str,
    "version": int,
    "function": str,
    "answer_type": str,
    "call_style": str,
    "tests": list,
    "digest": str,
    "sha256": dict,
}


def read_all(directory: Path) -> tuple[Tool, ...]:
    """The tools of a directory, or the one whose folder it is, by name.

    Raises:
        LibraryError: something is missing, is too much, or is not as it was exported; says which file.
    """
    try:
        if (directory / CARD).exists():
            return (read(directory, name=None),)
        if not directory.is_dir():
            raise LibraryError(f"there is no directory {directory}")
        # What begins with a dot is version control's, or an export that was cut off.
        folders = sorted(each for each in directory.iterdir() if not each.name.startswith("."))
        found = tuple(read(each, name=each.name) for each in folders if (each / CARD).exists())
    except OSError as error:
        raise LibraryError(
            f"{error.filename or directory} cannot be read: {error.strerror or error}"
        ) from None
    if not found:
        raise LibraryError(f"{directory} holds no exported tools: none of its folders has a {CARD}")
    return found


def read(folder: Path, *, name: str | None) -> Tool:
    """The tool of a folder.

    Args:
        folder: the tool's folder.
        name: what the tool has to be called; None where the folder was named by the caller.

    Raises:
        LibraryError: as `read_all`.
        OSError: a file cannot be read.
    """
    if folder.is_symlink():
        raise LibraryError(f"{folder} is a link: only folders are read")
    card = _card(folder / CARD)
    called = str(card["name"])
    if name is not None and called != name:
        raise LibraryError(f"{folder / CARD}: the tool is called {called!r}, and its folder {name!r}")
    files = _files(folder, called, cast("dict[object, object]", card["sha256"]))
    tests = _tests(folder, card["tests"], files)
    record = {
        "name": called,
        "version": 0,
        "source": _text(folder, f"{called}.py", files),
        "function": card["function"],
        "contract": _text(folder, CONTRACT, files),
        "demonstrations": _lines(folder, DEMONSTRATIONS, files),
        "tests": tests,
        "checks": _lines(folder, CHECKS, files),
        "answer_type": card["answer_type"],
        "call_style": card["call_style"],
        "parser": _text(folder, PARSER, files) if PARSER in files else None,
        "scorecard": _json(folder / SCORECARD, _need(folder, SCORECARD, files)),
        "provenance": _json(folder / PROVENANCE, _need(folder, PROVENANCE, files)),
    }
    try:
        tool = tool_of(record)
    except msgspec.ValidationError as error:
        raise LibraryError(f"{folder}: this is no tool: {error}") from None
    again = plain(tool)
    if strange := [key for key, value in record.items() if json.dumps(again[key]) != json.dumps(value)]:
        raise LibraryError(f"{folder}: its {strange[0]} holds something that no tool has")
    if content_digest(record) != card["digest"]:
        raise LibraryError(
            f"{folder / CARD}: the digest is not that of this tool: something was changed in it"
        )
    return tool


def _card(path: Path) -> dict[str, object]:
    card = _json(path, _bytes(path))
    if not isinstance(card, dict):
        raise LibraryError(f"{path} holds no JSON object")
    found = cast("dict[str, object]", card)
    if found.get("format") != FORMAT:
        raise LibraryError(
            f"{path}: the format is {found.get('format')!r}, and this latm reads {FORMAT}: "
            "pip install --upgrade latm, or export the tool again"
        )
    for key, kind in _KEYS.items():
        if type(found.get(key)) is not kind:
            raise LibraryError(f"{path}: {key!r} is missing or is no {kind.__name__}")
    if unknown := sorted(found.keys() - _KEYS.keys()):
        raise LibraryError(f"{path}: unknown key {unknown[0]!r}")
    name = str(found["name"])
    try:
        right = slug(name) == name
    except ConfigError:
        right = False
    if not right:
        raise LibraryError(f"{path}: {name!r} is no name of a tool: lower case, digits and hyphens")
    return found


def _files(folder: Path, name: str, expected: Mapping[object, object]) -> Mapping[str, bytes]:
    """The files that the card lists, each as it was exported, and no other."""
    present = {each.name for each in folder.iterdir()} - {CARD}
    for file in sorted({*present, *map(str, expected)}):
        if file not in expected or not is_part(file, name) or file == CARD:
            raise LibraryError(f"{folder / CARD} does not account for the file {file!r}")
        if file not in present:
            raise LibraryError(f"{folder / file} is missing")
    found = {file: _bytes(folder / file) for file in sorted(present)}
    for file, content in found.items():
        if hashlib.sha256(content).hexdigest() != expected[file]:
            raise LibraryError(
                f"{folder / file} is not as it was exported (its SHA-256 is another than {CARD} says): what "
                "was verified is another function. Restore it, or have the tool made anew."
            )
    return found


def _tests(folder: Path, names: object, files: Mapping[str, bytes]) -> dict[str, str]:
    listed = cast("list[object]", names)
    if not all(isinstance(each, str) for each in listed) or len(set(listed)) < len(listed):
        raise LibraryError(f"{folder / CARD}: 'tests' is no list of different names")
    if len(listed) != sum(map(is_test, files)):
        raise LibraryError(f"{folder / CARD}: 'tests' does not name as many tests as there are files")
    return {str(each): _text(folder, TEST.format(number), files) for number, each in enumerate(listed, 1)}


def _need(folder: Path, file: str, files: Mapping[str, bytes]) -> bytes:
    if file not in files:
        raise LibraryError(f"{folder / file} is missing")
    return files[file]


def _text(folder: Path, file: str, files: Mapping[str, bytes]) -> str:
    try:
        return _need(folder, file, files).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise LibraryError(f"{folder / file} is no UTF-8 text: {error.reason}") from None


def _lines(folder: Path, file: str, files: Mapping[str, bytes]) -> list[Any]:
    content = _need(folder, file, files)
    return [
        _json(folder / file, line, number)
        for number, line in enumerate(content.split(b"\n"), 1)
        if line.strip()
    ]


def _json(path: Path, content: bytes, line: int | None = None) -> Any:
    where = path if line is None else f"{path}:{line}"
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise LibraryError(f"{where} is no JSON: {error}") from None


def _bytes(path: Path) -> bytes:
    # Not followed: a link may lead anywhere.
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise LibraryError(f"{path} is no plain file")
    if found.st_size > _LARGEST:
        raise LibraryError(f"{path} is larger than {_LARGEST // 1024**2} MiB")
    return path.read_bytes()
