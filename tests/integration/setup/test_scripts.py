"""The shell script, the entry point and the log, as they are run for real."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from setting_up import main
from setting_up.console import Stop, run_logged
from setting_up.engine import Answer, State
from setting_up.environment import Environment
from setting_up.facts import read_facts


def program(folder: Path, name: str, text: str) -> Path:
    """An executable shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def run_setup_sh(repo: Path, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run setup.sh where `path` holds the only Pythons."""
    tools = path / "tools"
    tools.mkdir()
    (tools / "dirname").symlink_to("/usr/bin/dirname")
    environ = {"PATH": f"{path}:{tools}", **variables}
    return subprocess.run(
        ["/bin/sh", str(repo / "scripts" / "setup.sh"), "--some", "option"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_newest_python_that_works_is_chosen(repo: Path, tmp_path: Path) -> None:
    program(tmp_path, "python3.13", "exit 127  # the shim of a version manager without that version")
    program(tmp_path, "python3.12", '[ "$1" = -c ] || echo "chosen: 3.12 $*"')
    program(tmp_path, "python3", '[ "$1" = -c ] || echo "chosen: python3"')

    done = run_setup_sh(repo, tmp_path)

    assert done.stdout == f"chosen: 3.12 {repo}/scripts/setup_environment.py --some option\n"


def test_a_python_that_can_make_environments_goes_first(repo: Path, tmp_path: Path) -> None:
    program(
        tmp_path, "python3.13", 'case "$*" in *ensurepip*) exit 1;; -c*) ;; *) echo "chosen: 3.13";; esac'
    )
    program(tmp_path, "python3", '[ "$1" = -c ] || echo "chosen: python3"')

    assert run_setup_sh(repo, tmp_path).stdout == "chosen: python3\n"


def test_a_python_that_was_named_is_the_only_one(repo: Path, tmp_path: Path) -> None:
    program(tmp_path, "mine", '[ "$1" = -c ] || echo "chosen: mine $2"')
    program(tmp_path, "python3", '[ "$1" = -c ] || echo "chosen: python3"')

    assert run_setup_sh(repo, tmp_path, PYTHON="mine").stdout == "chosen: mine --exactly\n"


def test_without_a_python_the_user_is_told_what_to_do(repo: Path, tmp_path: Path) -> None:
    program(tmp_path, "python3", 'case "$1" in --version) echo "Python 3.9.2";; *) exit 1;; esac')

    done = run_setup_sh(repo, tmp_path)

    assert done.returncode == 1
    assert "latm needs Python 3.11 or newer" in done.stderr
    assert "python3 is Python 3.9.2" in done.stderr
    assert "apt-get install python3" in done.stderr


def test_an_older_python_is_told_so_by_the_entry_point_itself(repo: Path) -> None:
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); "
        f"runpy.run_path({str(repo / 'scripts' / 'setup_environment.py')!r}, run_name='__main__')"
    )

    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("latm needs Python 3.11 or newer")


def test_a_failed_command_shows_its_own_lines_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_logged([sys.executable, "-c", "print('of the first')"], log)

    with pytest.raises(Stop) as stop:
        run_logged([sys.executable, "-c", "import sys; print('of the second'); sys.exit(4)"], log)

    assert "exit code 4" in str(stop.value)
    assert "of the second" in str(stop.value)
    assert "of the first" not in str(stop.value)
    assert "of the first" in log.read_text()


def test_a_command_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="could not be run"):
        run_logged(["/nowhere/command"], tmp_path / "log")


def test_this_machine_can_be_read() -> None:
    facts = read_facts()

    assert facts.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert facts.root == (os.geteuid() == 0)


def test_with_problems_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    monkeypatch.setattr(main, "ROOT", tmp_path)

    assert main.main([]) == 1

    assert sorted(path.name for path in tmp_path.iterdir()) == [".cache", "pyproject.toml"]
    out, err = capfd.readouterr()
    assert out == ""
    assert "no Docker engine answers there" in err


def test_a_tree_that_belongs_to_another_user_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(root: Path, **_options: bool) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(root / ".cache"))

    monkeypatch.setattr(main, "ROOT", tmp_path)
    monkeypatch.setattr(main, "set_up", refuse)

    assert main.main([]) == 1
    assert f"sudo chown -R $(id -u) {tmp_path}" in capfd.readouterr().err


def run_nothing(
    command: Sequence[str], log: Path, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Stands in for pip."""


def answer_always(host: str) -> Answer:
    """Stands in for an engine."""
    return Answer(State.ANSWERS, "Docker 9")


def test_when_all_is_there_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    Environment(tmp_path, tmp_path / "log", run=run_nothing).install()
    monkeypatch.setattr("setting_up.engine.ping", answer_always)
    capfd.readouterr()

    main.set_up(tmp_path, needs_engine=True, exactly=False)

    assert capfd.readouterr().out == "setup: ready (.venv, Docker 9)\n"
