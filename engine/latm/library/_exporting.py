"""Tools as folders that a person can read, review and keep under version control.

A tool's folder is called as the tool is, and holds

- ``tool.json``: name, function, answer type, call style, and the SHA-256 of each other file;
- ``NAME.py``: the function, byte for byte; ``_parser.py``, where the tool has one;
- ``contract.md``; ``demonstrations.jsonl``; ``checks.jsonl``: calls with their answers; ``_test_1.py`` and so
  on;
- ``scorecard.json`` and ``provenance.json``.

No tool's name has an underscore.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from latm._records import Tool
from latm.errors import LibraryError
from latm.library._content import content_digest, plain

FORMAT = 1
CARD = "tool.json"
CONTRACT = "contract.md"
DEMONSTRATIONS = "demonstrations.jsonl"
CHECKS = "checks.jsonl"
PARSER = "_parser.py"
SCORECARD = "scorecard.json"
PROVENANCE = "provenance.json"
TEST = "_test_{}.py"
_FIXED = frozenset({CARD, CONTRACT, DEMONSTRATIONS, CHECKS, PARSER, SCORECARD, PROVENANCE})
_TEST = re.compile(r"_test_[1-9][0-9]*\.py")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def write(tool: Tool, directory: Path) -> Path:
    """Write a tool's folder into a directory, in place of an earlier one; gives the folder.

    Raises:
        LibraryError: it cannot be written, or what is there is no tool's folder.
    """
    folder = directory / tool.name
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _see_that_it_is_ours(folder, tool.name)
        # Beside its place, so that a reader finds the old folder or the new one, and never half of one.
        fresh = Path(tempfile.mkdtemp(prefix=f".{tool.name}.", dir=directory))
        try:
            fresh.chmod(0o755)
            for name, content in _files(tool).items():
                (fresh / name).write_bytes(content)
            if folder.exists():
                shutil.rmtree(folder)
            fresh.rename(folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    except OSError as error:
        raise LibraryError(f"{folder} cannot be written: {error.strerror or error}") from None
    return folder


def is_part(name: str, tool: str) -> bool:
    """Whether a file of this name is part of a tool's folder."""
    return name in _FIXED or name == f"{tool}.py" or is_test(name)


def is_test(name: str) -> bool:
    """Whether a file of this name is a test."""
    return _TEST.fullmatch(name) is not None


def _raw(text: str) -> bytes:
    """Text as it stands in a file: every character as it is."""
    return text.encode("utf-8", "surrogatepass")


def _see_that_it_is_ours(folder: Path, name: str) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise LibraryError(f"{folder} is no folder: choose another directory, or remove it")
    if not folder.exists():
        return
    others = sorted(each.name for each in folder.iterdir() if not is_part(each.name, name))
    if others:
        raise LibraryError(
            f"{folder} holds {', '.join(others[:3])}, which is no part of an exported tool and would be "
            "lost: choose another directory, or move it away"
        )


def _files(tool: Tool) -> Mapping[str, bytes]:
    record = plain(tool)
    files = {
        f"{tool.name}.py": _raw(tool.source),
        CONTRACT: _raw(tool.contract),
        DEMONSTRATIONS: _lines(record["demonstrations"]),
        CHECKS: _lines(record["checks"]),
        SCORECARD: _pretty(record["scorecard"]),
        PROVENANCE: _pretty(record["provenance"]),
    }
    if tool.parser is not None:
        files[PARSER] = _raw(tool.parser)
    for number, code in enumerate(tool.tests.values(), 1):
        files[TEST.format(number)] = _raw(code)
    card = {
        "format": FORMAT,
        "name": tool.name,
        "version": tool.version,
        "function": tool.function,
        "answer_type": tool.answer_type,
        "call_style": tool.call_style,
        "tests": list(tool.tests),
        "digest": content_digest(record),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    return {**files, CARD: _pretty(card)}


def _pretty(value: Any) -> bytes:
    return _escaped(json.dumps(value, ensure_ascii=False, indent=2)) + b"\n"


def _lines(values: Iterable[Any]) -> bytes:
    return b"".join(_escaped(json.dumps(value, ensure_ascii=False)) + b"\n" for value in values)


def _escaped(text: str) -> bytes:
    """JSON that is valid UTF-8: lone surrogates stand only within strings, where they can be escaped."""
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
