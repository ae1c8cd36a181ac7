"""`latm tools`: what a person decides on tools, and what is kept of makings that failed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latm._records import Attempt
from latm.library import Library
from unit.engine.test_library import tool


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """The library of the folder in which the command runs, with two versions of a tool."""
    store = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    store.add(tool(source="def f(): return 1"))
    store.add(tool(source="def f(): return 2"))
    yield store
    store.close()


def data(done: Any) -> Any:
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def test_one_step_back(latm: Any, library: Library) -> None:
    done = latm("tools", "rollback", "Word Sorting")
    assert done.stdout == "word-sorting version 2 is withdrawn\nword-sorting version 1 serves\n", done.stderr
    assert data(latm("tools", "rollback", "word-sorting", "--json")) == {
        "name": "word-sorting",
        "withdrawn": 1,
        "serving": None,
    }
    again = latm("tools", "rollback", "word-sorting")
    assert (again.returncode, again.stdout) == (2, "")
    assert "'word-sorting' has no version in use: all are withdrawn, the newest is version 2." in again.stderr
    assert library.list() == ()
    listed = latm("tools", "list")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "holds no tool that is in use" in listed.stderr
    assert "latm tools show word-sorting --version 2 shows the last" in listed.stderr
    assert latm("tools", "show", "word-sorting", "--version", "2").returncode == 0
    other = latm("tools", "show", "word-sorting", "--version", "7")
    assert "'word-sorting' has no version 7; its newest is 2." in other.stderr
    nothing = latm("tools", "export", "out")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "no tool is in use: nothing is written\n"


def test_out_of_use_and_back(latm: Any, library: Library) -> None:
    assert latm("tools", "retire", "word-sorting").stdout == "word-sorting version 2 is retired\n"
    listed = latm("tools", "list")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "word-sorting: version 2 is retired" in listed.stderr
    assert "latm make" not in listed.stderr, "there is a tool already"
    shown = latm("tools", "show", "word-sorting")
    assert shown.returncode == 2
    assert "version 2 is retired. Ask for a version by its number, restore it, or roll back." in shown.stderr
    assert data(latm("tools", "restore", "word-sorting", "--json"))["status"] == "active"
    library.quarantine(library.get("word-sorting"), "it was wrong twice")
    (out,) = data(latm("tools", "list", "--json"))["out_of_use"]
    assert out == {
        "name": "word-sorting",
        "version": 2,
        "status": "quarantined",
        "reason": "it was wrong twice",
    }
    shown = latm("tools", "show", "word-sorting", "--version", "2").stdout
    assert re.search(r"status +quarantined: it was wrong twice", shown)
    assert "version 1 is active" in shown


def test_to_a_directory_and_into_another_library(latm: Any, library: Library, tmp_path: Path) -> None:
    done = latm("tools", "export", "out")
    assert (done.returncode, done.stdout) == (0, "out/word-sorting\n"), done.stderr
    assert (tmp_path / "out" / "word-sorting" / "word-sorting.py").read_text() == "def f(): return 2"
    taken = latm("tools", "import", "out", "--library", "other.db")
    assert taken.stdout == "word-sorting version 1\n", taken.stderr
    assert "latm tools test word-sorting" in taken.stderr
    assert data(latm("tools", "import", "out", "--library", "other.db", "--json")) == {
        "tools": [{"name": "word-sorting", "version": 1, "new": False}]
    }
    assert data(latm("tools", "export", "out", "word-sorting", "--json")) == {"folders": ["out/word-sorting"]}
    (tmp_path / "out" / "word-sorting" / "word-sorting.py").write_text("def f(): return 3")
    refused = latm("tools", "import", "out")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "word-sorting.py is not as it was exported" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(library.versions("word-sorting")) == 2


@pytest.mark.parametrize("form", [[], ["--format", "folders"]])
def test_a_tools_name_is_not_taken_for_a_directory(
    latm: Any, library: Library, tmp_path: Path, form: list[str]
) -> None:
    done = latm("tools", "export", *form, "word-sorting")

    assert (done.returncode, done.stdout) == (2, "")
    assert "'word-sorting' is a tool" in done.stderr
    assert "latm tools export DIRECTORY word-sorting" in done.stderr
    assert not (tmp_path / "word-sorting").exists()
    assert latm("tools", "export", *form, "./word-sorting").stdout == "word-sorting/word-sorting\n"


def test_a_making_that_failed_can_be_read(latm: Any, library: Library) -> None:
    history = (Attempt(stage="verify", number=1, reply="```python\n[mine]\n```", problem="It gives 2."),)
    for task in ("word-sorting", "no tool yet"):
        run = library.begin(task, task)
        library.fail(run, history, stage="verify", error="1 attempt, the last one: It gives 2.")
    alone = latm("tools", "show", "no-tool-yet", "--history")
    assert alone.returncode == 0, alone.stderr
    assert "failed at the stage verify: 1 attempt, the last one: It gives 2." in alone.stdout
    assert "[mine]" in alone.stdout
    both = latm("tools", "show", "word-sorting", "--history").stdout
    assert both.index("def f(): return 2") < both.index("failed at the stage verify")
    assert "failed at the stage" not in latm("tools", "show", "word-sorting").stdout
    shown = data(latm("tools", "show", "no tool yet", "--history", "--json"))
    (making,) = shown.pop("failed_makings")
    assert shown == {}
    assert (making["task"], making["stage"], making["history"][0]["reply"]) == (
        "no-tool-yet",
        "verify",
        "```python\n[mine]\n```",
    )
    shown = data(latm("tools", "show", "word-sorting", "--history", "--json"))
    assert (shown["version"], len(shown["failed_makings"])) == (2, 1)
    nothing = latm("tools", "show", "no tool yet")
    assert nothing.returncode == 2
    assert "has no tool 'no tool yet'" in nothing.stderr
