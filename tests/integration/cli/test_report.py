"""`latm report`: a page in a file, or the data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from unit.report.filled import fill


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """The folder in which the command runs, with a library in it."""
    fill(tmp_path / "latm.db")
    return tmp_path


def test_it_writes_one_file_and_opens_it(latm: Any, filled: Path) -> None:
    browser = filled / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened\n')
    browser.chmod(0o755)
    done = latm("report", "--open", BROWSER=str(browser))
    assert (done.returncode, done.stdout, done.stderr) == (0, "latm-report.html\n", "")
    file = filled / "latm-report.html"
    html = file.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "Paid for itself after 52 answers" in html
    assert (filled / "opened").read_text() == f"{file.as_uri()}\n"


def test_it_prints_the_data(latm: Any, filled: Path, repo: Path) -> None:
    done = latm("report", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert not (filled / "latm-report.html").exists()
    assert data["questions"] == 220
    assert data["money"]["alone_usd"] == "4.30"
    assert data["money"]["makings"] == {"calls": 4, "known_usd": "1.5", "unpriced": 1}
    sorting = data["tools"][0]
    assert (sorting["name"], sorting["shown"], sorting["serves"]) == ("word-sorting", 2, True)
    assert [each["state"] for each in sorting["versions"]] == ["serves", "replaced"]
    assert sorting["break_even"]["reached_after"] == 52
    assert sorting["failures"][0]["attempts"] == 1
    assert "a secret reply" not in done.stdout
    assert data["pending"][0]["needed"] == 14
    assert data["comparisons"][0]["shown"] is True
    documented = set(re.findall(r"`(\w+)`", (repo / "docs" / "report.md").read_text(encoding="utf-8")))
    parts = [data, data["money"], data["routes"][0], sorting, sorting["versions"][0], data["pending"][0]]
    parts += [data["comparisons"][0], data["promotions"][0]]
    assert [key for part in parts for key in part if key not in documented] == []


def test_an_empty_library_says_how_to_begin(latm: Any, tmp_path: Path) -> None:
    done = latm("report", "-o", "-")
    assert done.stdout.startswith("<!doctype html>"), done.stderr
    assert "Nothing has happened" in done.stdout
    done = latm("report", "-o", "page.html")
    assert (done.returncode, done.stdout) == (0, "page.html\n")
    assert "holds nothing yet" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "no/such/folder.html"), "latm: --out: no/such/folder.html cannot be written: No such file"),
        (("-o", "."), "cannot be written: Is a directory"),
        (("--open", "--json"), "latm: --open: only a file can be opened"),
        (("--open", "-o", "-"), "latm: --open: only a file can be opened"),
        (("--library", "no/such/latm.db"), "there is no folder"),
    ],
)
def test_a_mistake_is_one_line(latm: Any, arguments: tuple[str, ...], message: str) -> None:
    done = latm("report", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
