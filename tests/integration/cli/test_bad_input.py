"""A user's mistake is one clear message and a documented exit code, and loses nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from latm.library import Library

EXAMPLES = "".join(json.dumps({"question": f"q{n}", "answer": f"a{n}"}) + "\n" for n in range(6))


@pytest.fixture
def examples(tmp_path: Path) -> str:
    file = tmp_path / "examples.jsonl"
    file.write_text(EXAMPLES)
    return str(file)


def complaint(done: Any, code: int) -> str:
    """The one message of a failed command."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    message = str(done.stderr).strip().splitlines()[-1]
    assert message.startswith("latm: ")
    return message


def test_no_docker(latm: Any, tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_text("def f(): return 1\n")
    message = complaint(latm("run", str(file), DOCKER_HOST=f"unix://{tmp_path}/none.sock"), 3)
    assert "Docker" in message
    assert "none.sock" in message


@pytest.mark.parametrize(
    ("model", "code", "message"),
    [
        ("gpt-5", 2, "roles.maker: 'gpt-5' names no provider: write provider:model"),
        ("openai:", 2, "roles.maker: 'openai:' has an empty model"),
        ("opnai:gpt-5", 2, "no plugin offers the provider 'opnai'. Did you mean 'openai'?"),
        ("openai:gpt-5", 3, "set the environment variable OPENAI_API_KEY"),
        ("anthropic:claude", 3, "set the environment variable ANTHROPIC_API_KEY"),
        ("replay:none.json", 2, "none.json"),
    ],
)
def test_wrong_models(latm: Any, examples: str, model: str, code: int, message: str) -> None:
    assert message in complaint(latm("make", "t", "-e", examples, "--maker", model), code)


def test_a_model_of_no_provider_is_found_before_another_is_asked(latm: Any, examples: str) -> None:
    roles = ("--maker", "opnai:gpt-5", "--dispatcher", "openai:gpt-5")
    message = complaint(latm("solve", "q", *roles, OPENAI_API_KEY="sk-none"), 2)
    assert "roles.maker: no plugin offers the provider 'opnai'. Did you mean 'openai'?" in message
    assert "waiting" not in message


def test_a_role_that_no_model_fills(latm: Any, examples: str) -> None:
    assert 'add maker = "provider:model" to [roles]' in complaint(latm("make", "t", "-e", examples), 2)


def test_a_missing_extra(latm_started: Any, examples: str, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "openai.py").write_text("raise ModuleNotFoundError('gone', name='openai')\n")
    done = latm_started(
        "make", "t", "-e", examples, "--maker", "openai:m", PYTHONPATH=str(shadow), OPENAI_API_KEY="sk-x"
    )
    assert "pip install 'latm[openai]'" in complaint(done, 3)


def test_a_missing_command_line_extra(latm_started: Any, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "typer.py").write_text("raise ModuleNotFoundError('gone', name='typer')\n")
    assert "pip install 'latm[cli]'" in complaint(latm_started("models", PYTHONPATH=str(shadow)), 3)


def test_it_is_a_module_too(tmp_path: Path) -> None:
    module = [sys.executable, "-m", "latm"]
    told = subprocess.run([*module, "--version"], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout[:7]) == (0, "latm 0."), told.stderr
    wrong = subprocess.run([*module, "modles"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "Usage: python -m latm" in wrong.stderr
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('gone', name='typer')\n")
    shadowed = {**os.environ, "PYTHONPATH": str(tmp_path)}
    lacking = subprocess.run(
        [*module, "models"], capture_output=True, text=True, check=False, env=shadowed, cwd=tmp_path
    )
    assert "pip install 'latm[cli]'" in complaint(lacking, 3)


def test_a_broken_plugin_is_named_and_stops_nothing(latm_started: Any, tmp_path: Path, examples: str) -> None:
    site = tmp_path / "site"
    info = site / "acme_models-1.2.dist-info"
    info.mkdir(parents=True)
    (site / "acme_models.py").write_text("import module_that_is_not_there\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-models\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[latm]\nacme = acme_models\n")
    listed = latm_started("models", PYTHONPATH=str(site))
    assert listed.returncode == 0
    assert "openai" in listed.stdout
    assert "acme-models 1.2" in listed.stderr
    message = complaint(
        latm_started("make", "t", "-e", examples, "--maker", "acme:m", PYTHONPATH=str(site)), 2
    )
    assert "acme-models 1.2" in message
    assert "module_that_is_not_there" in message


def test_an_examples_file_with_a_bad_line(latm: Any, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"question": "q", "answer": "a"}\n{"question": "q"}\n')
    message = complaint(latm("make", "t", "-e", str(file), "--maker", "replay:x"), 2)
    assert "bad.jsonl:2: 'answer' is missing" in message


def test_a_batch_with_a_bad_line(latm: Any, tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    file.write_text('{"question": "q"}\nnonsense\n')
    assert "batch.jsonl:2: is no JSON" in complaint(latm("solve", "--batch", str(file)), 2)


@pytest.mark.docker
def test_a_transcript_that_ends_early(latm: Any, tmp_path: Path, examples: str) -> None:
    file = tmp_path / "short.json"
    turns = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "```python\ndef f():\n    return 1\n```"},
    ]
    file.write_text(json.dumps(turns))
    message = complaint(
        latm("make", "t", "-e", examples, "--maker", f"replay:{file}", "--library", "kept.db"), 4
    )
    assert "short.json" in message
    store = Library(f"sqlite:///{tmp_path / 'kept.db'}")
    assert len(store.journal()) == 1
    store.close()


def test_a_library_that_is_not_ours(latm: Any, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("my notes")
    message = complaint(latm("tools", "list", "--library", str(file)), 2)
    assert "notes.txt is not a latm library" in message
    assert file.read_text() == "my notes"


def test_a_library_of_a_newer_latm(latm: Any, tmp_path: Path) -> None:
    Library(f"sqlite:///{tmp_path / 'new.db'}").close()
    connection = sqlite3.connect(tmp_path / "new.db")
    connection.execute("update latm_meta set value = '99' where key = 'schema'")
    connection.commit()
    connection.close()
    message = complaint(latm("tools", "list", "--library", "new.db"), 2)
    assert "pip install --upgrade latm" in message


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[roles]\nmakr = 'a:b'", "latm.toml: roles: no such role: 'makr'. Did you mean 'maker'?"),
        ("[roles", "latm.toml: is no TOML"),
        ("[sandbox]\nlimits = { wall_z = 1 }", "sandbox.limits: "),
        ("[sandbox]\nlauncher = 'podman'", "sandbox.launcher: no launcher is called 'podman'. Known: "),
    ],
)
def test_a_wrong_configuration(latm: Any, tmp_path: Path, toml: str, message: str) -> None:
    (tmp_path / "latm.toml").write_text(toml)
    assert message in complaint(latm("solve", "q"), 2)


@pytest.mark.parametrize(
    "arguments", [["run"], ["nonsense"], ["make", "t"], ["solve", "--concurrency", "0", "q"]]
)
def test_wrong_usage_is_explained(latm: Any, arguments: list[str]) -> None:
    done = latm(*arguments)
    assert done.returncode == 2
    assert "Usage: latm" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "message"), [("{", "--args: is no JSON"), ("3", "--args: must be a list of arguments")]
)
def test_wrong_arguments(latm: Any, tmp_path: Path, args: str, message: str) -> None:
    file = tmp_path / "f.py"
    file.write_text("def f(): return 1\n")
    assert message in complaint(latm("run", str(file), "--args", args), 2)


def test_a_debug_switch_shows_the_traceback(latm: Any) -> None:
    assert "Traceback" in latm("solve", "q", LATM_DEBUG="1").stderr
    assert "Traceback" in latm("--debug", "solve", "q").stderr


def test_a_server_that_does_not_answer(latm: Any) -> None:
    url = "postgresql+psycopg://latm:secret@127.0.0.1:1/latm"
    message = complaint(latm("tools", "list", "--library", url), 3)
    assert "latm:***@127.0.0.1:1/latm cannot be reached: " in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ("x" * 300, "File name too long"),
        ("/proc/latm.db", "/proc/latm.db cannot be opened: unable to open database file"),
    ],
)
def test_a_library_where_no_file_can_be(latm: Any, library: str, message: str) -> None:
    assert message in complaint(latm("tools", "import", ".", "--library", library), 2)


@pytest.mark.parametrize(
    "library", ["/tmp", "postgresql:/u:secret@h/x", "postgresql+psycopg://u:secret@h:abc/x"]
)
def test_a_library_that_cannot_be_one(latm: Any, library: str) -> None:
    assert "secret" not in complaint(latm("tools", "list", "--library", library), 2)
    assert latm("doctor", "--library", library).stderr == ""


def test_a_deeply_nested_line(latm: Any, tmp_path: Path) -> None:
    file = tmp_path / "deep.jsonl"
    file.write_text('{"question": ' + "[" * 100_000)
    assert "deep.jsonl:1: is no JSON" in complaint(latm("make", "t", "-e", str(file)), 2)
    assert "deep.jsonl:1: is no JSON" in complaint(latm("solve", "-b", str(file)), 2)


def test_a_provider_by_a_use_that_is_none(latm: Any, tmp_path: Path) -> None:
    (tmp_path / "latm.toml").write_text('[providers.mine]\nuse = "opnai"\n')
    done = latm("doctor")
    assert done.returncode == 1
    assert "Did you mean 'openai'?" in done.stdout
    assert "library" in done.stdout, "it goes on"


def test_the_keys_own_variable_is_looked_at(latm: Any, tmp_path: Path) -> None:
    (tmp_path / "latm.toml").write_text('[providers.openai]\nkey_env = "MY_KEY"\n')
    assert "MY_KEY: present" in latm("models", MY_KEY="sk-canary").stdout
    assert "MY_KEY is present" in latm("doctor", MY_KEY="sk-canary").stdout


@pytest.mark.docker
@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("10 ** 5000", "0x"),
        ("'\\ud800'", "\\ud800"),
        ("float('nan')", "nan"),
        ("{1: 'a', '1': 'b'}", '[[1, "a"], ["1", "b"]]'),
    ],
)
def test_odd_results_are_shown(latm: Any, tmp_path: Path, expression: str, shown: str) -> None:
    (tmp_path / "f.py").write_text(f"def f():\n    return {expression}\n")
    done = latm("run", "f.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(shown)

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    json.loads(latm("run", "f.py", "--json").stdout, parse_constant=refuse)


def test_a_full_disk_is_said_in_one_line(latm_started: Any) -> None:
    done = latm_started("models", "--json", stdout="/dev/full")
    assert done.returncode == 1
    assert done.stderr == "latm: cannot write the output: No space left on device\n"


def test_the_version_is_told(latm: Any) -> None:
    assert latm("--version").stdout.startswith("latm 0.")
