"""What programs draw and write for the documentation is what they would draw and write now."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from documentation import configuration, draw
from latm.config import Config, RetryConfig

DIAGRAMS = sorted(draw.DIAGRAMS.glob("*.dot"))


def test_the_tables_of_the_configuration_are_those_of_the_code() -> None:
    head, mark, tables = configuration.PAGE.read_text(encoding="utf-8").partition(configuration.MARK)

    assert mark, "the page has lost the mark behind which it is written"
    assert tables == f"\n{configuration.written()}", "run scripts/documentation/configuration.py"
    assert head.startswith("# Configuration\n")


def test_every_table_of_the_configuration_is_described() -> None:
    described = {name.partition(".")[0] for name, _ in [*configuration.TABLES, *configuration.provided()]}

    assert described == {field.name for field in dataclasses.fields(Config)}


def test_a_key_without_a_word_is_refused() -> None:
    bare = dataclasses.make_dataclass("Bare", [("key", int)])
    bare.__doc__ = "A record.\n\nAttributes:\n    other: something else.\n"

    with pytest.raises(LookupError, match="Bare does not say what key is"):
        configuration.described(bare)
    assert configuration.described(RetryConfig)[1]["attempts"].startswith("how often")


@pytest.mark.parametrize("source", [pytest.param(path, id=path.stem) for path in DIAGRAMS])
def test_every_picture_is_that_of_its_text(source: Path) -> None:
    assert draw.stale(source) is None, "run scripts/documentation/draw.py"


def test_every_picture_has_a_text_and_is_on_a_page(repo: Path) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (repo / "docs").rglob("*.md"))
    pictures = sorted(path.stem for path in draw.DIAGRAMS.glob("*.svg"))

    assert pictures == [path.stem for path in DIAGRAMS]
    assert [name for name in pictures if f"(diagrams/{name}.svg)" not in pages] == []


@pytest.mark.parametrize("changed", ["idea.dot", "idea.svg"])
def test_a_text_or_a_picture_that_was_changed_alone_is_seen(tmp_path: Path, changed: str) -> None:
    for path in draw.DIAGRAMS.glob("idea.*"):
        shutil.copy(path, tmp_path)
    assert draw.stale(tmp_path / "idea.dot") is None
    text = (tmp_path / changed).read_text(encoding="utf-8")

    (tmp_path / changed).write_text(text.replace("a strong", "a weak"), encoding="utf-8")

    assert "was not drawn from this" in (draw.stale(tmp_path / "idea.dot") or "")
