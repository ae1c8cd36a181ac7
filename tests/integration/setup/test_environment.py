"""When .venv is made, brought up to date, or left alone. The commands are faked; the files are real."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from setting_up.console import Stop
from setting_up.environment import Condition, Environment


class Commands:
    """Stands in for running commands: keeps them, makes what `venv` makes, and fails where it is told to."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []
        self.fail_at: str | None = None

    def __call__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.ran.append(list(command))
        if self.fail_at is not None and self.fail_at in command:
            raise Stop("as the test wants it")
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.symlink_to(sys.executable)


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def environment(tmp_path: Path, commands: Commands) -> Environment:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return Environment(tmp_path, tmp_path / "log", run=commands)


def set_up(environment: Environment) -> None:
    environment.make()
    environment.install()


def test_nothing_there_is_unusable(environment: Environment) -> None:
    assert environment.condition(exactly=False) is Condition.UNUSABLE


def test_once_set_up_there_is_nothing_to_do(environment: Environment) -> None:
    set_up(environment)

    assert environment.condition(exactly=False) is Condition.READY
    assert environment.condition(exactly=True) is Condition.READY


def test_extras_and_development_tools_are_installed(environment: Environment, commands: Commands) -> None:
    set_up(environment)

    assert commands.ran[-1][-4:] == ["--editable", ".[all]", "--group", "dev"]


def test_another_pyproject_is_installed_into_what_is_there(
    environment: Environment, commands: Commands, tmp_path: Path
) -> None:
    set_up(environment)
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = ['new']\n")

    assert environment.condition(exactly=False) is Condition.OUTDATED
    environment.install()
    assert environment.condition(exactly=False) is Condition.READY
    assert [command for command in commands.ran if "venv" in command] == commands.ran[:1]


@pytest.mark.parametrize("again", [False, True])
def test_an_interrupted_install_is_done_again_from_the_start(
    environment: Environment, commands: Commands, *, again: bool
) -> None:
    environment.make()
    if again:
        environment.install()
    commands.fail_at = "--group"

    with pytest.raises(Stop):
        environment.install()

    assert environment.condition(exactly=False) is Condition.UNUSABLE


def test_a_work_tree_that_was_moved_gets_a_new_one(
    environment: Environment, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    set_up(environment)
    moved = tmp_path_factory.mktemp("elsewhere") / "tree"
    tmp_path.rename(moved)

    assert Environment(moved, moved / "log").condition(exactly=False) is Condition.UNUSABLE


def test_a_python_that_was_upgraded_away_gets_a_new_one(environment: Environment) -> None:
    set_up(environment)
    environment.python.unlink()
    environment.python.symlink_to("/nowhere/python")

    assert environment.condition(exactly=False) is Condition.UNUSABLE


def test_another_python_counts_only_when_it_was_asked_for(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(environment)
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")

    assert environment.condition(exactly=False) is Condition.READY
    assert environment.condition(exactly=True) is Condition.UNUSABLE


def test_a_stamp_that_cannot_be_read_counts_as_none(environment: Environment) -> None:
    set_up(environment)
    next(environment.path.glob(".*.json")).write_text("{")

    assert environment.condition(exactly=False) is Condition.UNUSABLE
