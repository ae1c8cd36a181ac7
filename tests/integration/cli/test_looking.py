"""Commands that only look leave no library behind; shells complete the names that it holds."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from latm.cli._app import app
from latm.library import Library
from unit.engine.test_library import tool

LOOKING = [
    ("tools list", 0, "sqlite:///latm.db holds no tools yet"),
    ("tools show x", 2, "latm: sqlite:///latm.db has no tool 'x'."),
    ("tools test x", 2, "latm: sqlite:///latm.db has no tool 'x'."),
    ("tools rollback x", 2, "latm: "),
    ("tools retire x", 2, "latm: "),
    ("tools restore x", 2, "latm: "),
    ("tools export -- out", 0, "no tool is in use"),
    ("report -o -", 0, ""),
    ("tune status", 0, "no model was tuned yet"),
    ("tune demote user", 2, "no model was promoted"),
    ("tune cancel x", 2, "there is no training job of 'x'"),
]


@pytest.mark.parametrize(("command", "code", "message"), LOOKING)
def test_a_command_that_only_looks_makes_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(app, command.split())

    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr
    assert done.stderr.startswith("sqlite:///latm.db is not there yet: it reads as an empty library\n")
    assert list(tmp_path.glob("latm.db*")) == []


@pytest.mark.parametrize("command", [*(each for each, _, _ in LOOKING), "tune delete local:x"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dmo.db", "there is no file dmo.db. Did you mean 'demo.db'?"),
        ("elsewhere/x.db", "there is no file elsewhere/x.db\n"),
        ("sqlite:///own", "there is no file own. Known: demo.db, shop.db."),
    ],
)
def test_a_mistyped_library_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    for each in ("demo.db", "shop.db"):
        (tmp_path / each).touch()
    before = sorted(tmp_path.rglob("*"))

    done = CliRunner().invoke(app, [*command.replace(" --", "").split(), "--library", name])

    assert (done.exit_code, done.stdout) == (2, ""), done.stderr
    assert f"latm: --library: {message}" in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_pipe_gets_names_whole(tmp_path: Path) -> None:
    name, maker = "a" * 60, "provider:" + "m" * 90
    made = tool(name=name)
    origin = dataclasses.replace(made.provenance, maker=maker)
    with closing(Library(f"sqlite:///{tmp_path / 'latm.db'}")) as library:
        library.add(dataclasses.replace(made, provenance=origin))

    done = CliRunner().invoke(app, ["tools", "list", "--library", str(tmp_path / "latm.db")])

    (line,) = done.stdout.splitlines()[1:]
    assert (line.split()[0], line.split()[-1]) == (name, maker)


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "latm: --library: is empty"), ("\udcff", "latm: the library's URL cannot be read")],
)
def test_a_library_that_has_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(app, ["tools", "list", "--library", name])

    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def completed(words: str, **environment: str) -> list[str]:
    """What bash offers for the last word."""
    variables = {
        "_LATM_COMPLETE": "complete_bash",
        "COMP_WORDS": f"latm {words}",
        "COMP_CWORD": str(len(words.split(" "))),
    }
    return CliRunner(env={**variables, **environment}).invoke(app, [], prog_name="latm").stdout.split()


def test_names_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    library = Library(f"sqlite:///{tmp_path / 'own.db'}")
    library.add(tool(name="word-sorting"))
    library.add(tool(name="dates", source="def f(): return 2"))
    library.keep_tuning("run-1", "complaints", {})
    library.close()

    assert completed("tools show --library own.db w") == ["word-sorting"]
    assert completed("tools retire --library own.db ") == ["dates", "word-sorting"]
    assert completed("tools retire w") == [], "no library, no name, no complaint"
    assert completed("tune cancel --library own.db ") == ["complaints", "run-1"]
    assert completed("tune demote d") == ["dispatcher"]
    assert "openai:" in completed("solve --maker ")
    assert completed("to") == ["tools"]
    assert completed("tools r") == ["rollback", "retire", "restore"]
    assert completed("solve --batch=x --ju") == []
    assert completed("tools show --library no/where.db w") == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["own.db"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_for_each_shell(shell: str) -> None:
    done = CliRunner(env={"_LATM_COMPLETE": f"source_{shell}"}).invoke(app, [], prog_name="latm")

    assert done.exit_code == 0
    assert "_LATM_COMPLETE" in done.stdout
