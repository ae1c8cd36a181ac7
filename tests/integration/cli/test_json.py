"""What each command prints with --json is what docs/cli.md says, key by key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from docs_json import differences, documented
from integration.cli.test_tune import place
from latm._records import Answer
from latm.cli import _tune_show as show
from latm.cli._app import app
from latm.cli._say import plain
from latm.cli._solve import brief
from latm.cli.demo.measuring import as_json
from latm.library import Library, Promotion
from latm_sandbox import Outcome, Status
from unit.demo.test_report import MIXED
from unit.engine.test_library import tool

__all__ = ["place"]  # a fixture

Printed = Callable[..., Any]
TOLD_ELSEWHERE = {
    "make": "a tool, as tools show",
    "tune cancel": "a job, as tune status",
    "tune pause": "a job, as tune status",
    "tune resume": "a job, as tune status",
}


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Printed:
    """The JSON that a command prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    def run(command: str, *arguments: str) -> Any:
        done = CliRunner().invoke(app, [*command.split(), *arguments, "--json"])
        assert done.stdout.count("\n") == 1, done.stderr
        return json.loads(done.stdout)

    return run


def with_json(of: typer.Typer, before: str = "") -> Iterator[str]:
    """The commands that have --json."""
    for each in of.registered_commands:
        assert each.callback is not None
        if "json_" in each.callback.__annotations__:
            yield f"{before}{each.name}"
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from with_json(group.typer_instance, f"{before}{group.name} ")


def test_every_command_that_prints_json_has_its_section() -> None:
    told = {*documented(), *TOLD_ELSEWHERE}

    assert sorted(told) == sorted(with_json(app))
    assert all(keys for command, keys in documented().items() if command not in TOLD_ELSEWHERE)


def test_every_command_but_mcp_prints_json() -> None:
    assert {each.name for each in app.registered_commands} - set(with_json(app)) == {"mcp"}


def test_what_looks_at_the_surroundings(printed: Printed, tmp_path: Path) -> None:
    (tmp_path / "latm.toml").write_text('[roles]\nmaker = "opnai:m"\n')

    models = printed("models")

    assert differences("models", models) == []
    assert models["problems"] == {
        "maker": "roles.maker: no plugin offers the provider 'opnai'. Did you mean 'openai'?"
    }
    assert differences("doctor", printed("doctor")) == []


def test_what_looks_at_the_library(printed: Printed, tmp_path: Path) -> None:
    library = Library(f"sqlite:///{tmp_path / 'latm.db'}")
    library.add(tool(source="def f(): return 1"))
    library.add(tool(source="def f(): return 2"))
    library.add(tool(name="dates", source="def f(): return 3"))
    library.retire("dates")
    library.close()

    for command, *arguments in (
        ("tools list",),
        ("tools show", "word-sorting"),
        ("tools export", "out"),
        ("tools import", "out"),
        ("tools retire", "word-sorting"),
        ("tools restore", "word-sorting"),
        ("tools rollback", "word-sorting"),
        ("report",),
    ):
        assert differences(command, printed(command, *arguments)) == [], command


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("demo", as_json(MIXED)),
        ("run", plain(Outcome(status=Status.OK, value=1))),
        ("solve", plain({"question": "q", **brief(Answer(text="a", route="model", layer="dispatcher"))})),
        ("tools show", plain(tool())),
        (
            "tune promote",
            show.promotion_record(Promotion(role="user", model="a:b", tuning="pets", comparison=1)),
        ),
    ],
)
def test_what_is_made_of_records(command: str, data: object) -> None:
    assert differences(command, data) == []


def test_a_tuning(printed: Printed, place: Path) -> None:
    done = printed("tune run", "pets.toml", "--samples", "40", "-d", "real.jsonl")

    assert differences("tune run", done) == []
    for command, key in (
        ("synthesise", "written"),
        ("review", "review"),
        ("train", "model"),
        ("compare", "compared"),
    ):
        assert differences(f"tune {command}", done[key]) == [], command
    assert differences("tune status", printed("tune status")) == []
    assert differences("tune label", printed("tune label", "pets.toml", "barking")) == []
    assert differences("tune new", printed("tune new", "other.toml")) == []
    assert differences("tune delete", printed("tune delete", done["model"]["model"])) == []
    library = Library(f"sqlite:///{place / 'latm.db'}")
    library.promote(Promotion(role="user", model="a:b", tuning="pets", comparison=1))
    library.close()
    assert differences("tune status", printed("tune status")) == []
    assert differences("tune demote", printed("tune demote", "user")) == []


def test_what_differs_is_found() -> None:
    data = {"question": "q", **brief(Answer(text="a", route="model", layer="dispatcher")), "new": 1}
    del data["trace"]

    assert differences("solve", plain(data)) == ["new is not documented", "trace is not printed"]
    assert differences("doctor", [{"name": "x", "ok": True, "detail": ""}]) == ["[].remedy is not printed"]
    assert differences("tune compare", {"number": 1, "cost": {"calls": 1}, "comparison": {}}) != []
