"""The commands as a user types them."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from latm.library import Library, Promotion

pytestmark = pytest.mark.docker

TRANSCRIPT = [
    {"role": "user", "content": "write"},
    {"role": "assistant", "content": "```python\ndef double(n):\n    '''Twice n.'''\n    return 2 * n\n```"},
    {"role": "user", "content": "verify"},
    {"role": "assistant", "content": "```python\nret = double(4)\nans = ret\nassert ans == 8\n```"},
    {"role": "user", "content": "wrap"},
    {
        "role": "assistant",
        "content": "Question: Double 4\nSolution:\n```python\nret = double(4)\nans = ret\n```",
    },
]


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A folder with a configuration, whose models are recordings, and examples."""
    (tmp_path / "maker.json").write_text(json.dumps(TRANSCRIPT))
    user = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "```python\nans = double(21)\n```"},
    ]
    (tmp_path / "user.json").write_text(json.dumps(user))
    dispatcher = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "doubling"}]
    (tmp_path / "dispatcher.json").write_text(json.dumps(dispatcher))
    (tmp_path / "latm.toml").write_text(
        "[roles]\n" + "".join(f'{role} = "replay:{role}.json"\n' for role in ("maker", "user", "dispatcher"))
    )
    lines = [{"question": f"Double {n}", "answer": str(2 * n)} for n in range(1, 7)]
    (tmp_path / "e.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_a_strict_making_shows_its_stages_and_its_tests_can_be_run_again(latm: Any, workshop: Path) -> None:
    calls = "\n".join(f"double({n})" for n in range(1, 7))
    replies = [TRANSCRIPT[1]["content"], f"```python\n{calls}\n```", "none", "none"]
    turns = [{"role": role, "content": text} for reply in replies for role, text in _turns(reply)]
    (workshop / "maker.json").write_text(json.dumps(turns))
    made = latm("make", "doubling", "--examples", "e.jsonl")
    assert made.returncode == 0, made.stderr
    for stage in ("propose", "verify", "determinism", "robustness", "properties", "parser", "scaling"):
        assert f"{stage} (" in made.stderr
    shown = latm("tools", "show", "doubling").stdout
    assert "6 answers are right; the maker did not know 3 of them." in shown
    assert shown.count("Not held: there were fewer than 9 examples.") == 1
    tested = latm("tools", "test", "doubling")
    assert tested.returncode == 0, tested.stderr
    assert tested.stdout.splitlines() == [f"passed Double {n}" for n in range(1, 7)]
    library = Library(f"sqlite:///{workshop / 'latm.db'}")
    try:
        tool = library.get("doubling")
        wrong = dataclasses.replace(tool.checks[0], answer="5")
        library.add(dataclasses.replace(tool, checks=(wrong, tool.checks[1])))
    finally:
        library.close()
    tested = latm("tools", "test", "doubling", "--json")
    assert tested.returncode == 1
    found = json.loads(tested.stdout)
    assert found["version"] == 2
    assert [each["passed"] for each in found["tests"]] == [False, True]
    assert found["tests"][0]["problem"] == "It gives '2', and the answer is '5'."


def _turns(reply: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("user", "q"), ("assistant", reply)


def test_make_solve_and_look(latm: Any, workshop: Path) -> None:
    made = latm("make", "doubling", "--examples", "e.jsonl", "--protocol", "paper")
    assert made.returncode == 0, made.stderr
    assert made.stdout == "doubling version 1: double(n)\n"
    assert "propose 1: accepted" in made.stderr
    again = latm("make", "doubling", "--examples", "e.jsonl", "--protocol", "paper")
    assert again.stdout == "doubling version 1, which was there already: double(n)\n"
    solved = latm("solve", "Double 21")
    assert (solved.returncode, solved.stdout) == (0, "42\n"), solved.stderr
    assert "by tool doubling version 1, 0 tokens, cost unknown, " in solved.stderr
    listed = json.loads(latm("tools", "list", "--json").stdout)
    assert listed["tools"][0]["uses"] == 1
    shown = latm("tools", "show", "doubling", "--history")
    for expected in (
        "def double(n):",
        "Twice n.",
        "propose 1, verify 1, wrap 1",
        "replay:maker.json",
        "wrap 1",
    ):
        assert expected in shown.stdout
    assert json.loads(latm("tools", "show", "doubling", "--json").stdout)["function"] == "double"
    missing = latm("tools", "show", "doublin")
    assert missing.returncode == 2
    assert "Did you mean 'doubling'?" in missing.stderr


def test_solve_a_batch_as_json(latm: Any, workshop: Path) -> None:
    assert latm("make", "doubling", "-e", "e.jsonl", "--protocol", "paper").returncode == 0
    (workshop / "b.jsonl").write_text('{"question": "Double 21"}\n')
    done = latm("solve", "--batch", "b.jsonl", "--json")
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (answer["text"], answer["route"], answer["tool"]) == ("42", "tool", "doubling")
    assert "1 questions" in done.stderr


def test_run_a_function(latm: Any, tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_text(
        "def add(a, b=1):\n    print('adding')\n    return a + b\n\n\ndef boom():\n    return 1 / 0\n"
    )
    done = latm("run", "f.py", "add", "--args", "[1, 2]")
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert "adding" in done.stderr
    assert latm("run", "f.py", "add", "--args", '{"a": 5}').stdout == "6\n"
    failed = latm("run", "f.py", "boom")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "ZeroDivisionError" in failed.stderr
    assert 'File "<program>"' in failed.stderr
    assert latm("run", "f.py").returncode == 2
    outcome = json.loads(latm("run", "f.py", "add", "--args", "[1, 2]", "--json").stdout)
    assert (outcome["status"], outcome["value"]) == ("ok", 3)


def test_doctor_finds_all_well(latm: Any, workshop: Path) -> None:
    done = latm("doctor", OPENAI_API_KEY="sk-canary-0123456789")
    assert done.returncode == 0, done.stdout
    assert "problem" not in done.stdout
    assert "OPENAI_API_KEY is present" in done.stdout
    assert "sk-canary" not in done.stdout + done.stderr


def test_doctor_says_what_to_do(latm: Any, workshop: Path, tmp_path: Path) -> None:
    (workshop / "latm.toml").write_text('[roles]\nmaker = "openai:m"\n')
    (workshop / "latm.db").write_text("no library")
    done = latm("doctor", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 1
    assert done.stdout.count("problem") >= 3
    assert "OPENAI_API_KEY" in done.stdout
    assert "key of openai" not in done.stdout, "it has been said with the role"
    assert "key of anthropic: ANTHROPIC_API_KEY is absent" in done.stdout
    assert "is not a latm library" in done.stdout
    findings = json.loads(latm("doctor", "--json").stdout)
    assert {finding["name"] for finding in findings} >= {"python", "providers", "library", "role maker"}


def test_doctor_says_when_a_promoted_model_ends(latm: Any, workshop: Path) -> None:
    library = Library(f"sqlite:///{workshop / 'latm.db'}")
    ended = datetime(2026, 1, 2, tzinfo=UTC)
    library.promote(Promotion(role="user", model="local:x", tuning="pets", comparison=7, expires=ended))
    library.close()
    findings = json.loads(latm("doctor", "--json").stdout)
    (found,) = [each for each in findings if each["name"] == "promotion"]
    assert not found["ok"]
    assert "user is local:x, promoted by comparison 7 of pets, expired on 2026-01-02" in found["detail"]


def test_doctor_says_which_names_in_the_lists_of_plugins_are_no_plugin_s(latm: Any, workshop: Path) -> None:
    (workshop / "latm.toml").write_text('[plugins]\ndisable = ["antropic", "not-installed-here"]\n')
    findings = json.loads(latm("doctor", "--json").stdout)
    found = {each["detail"]: each["ok"] for each in findings if each["name"] == "plugins"}
    assert [(ok, "Did you mean 'anthropic'?" in detail) for detail, ok in found.items()] == [
        (False, True),
        (True, False),
    ]


def test_models_lists_providers_and_roles(latm: Any, workshop: Path) -> None:
    listed = json.loads(latm("models", "--json").stdout)
    assert {each["provider"] for each in listed["providers"]} >= {"openai", "anthropic", "replay"}
    assert listed["roles"]["maker"] == "replay:maker.json"
    assert re.search(r"fallback +the maker's", latm("models").stdout)
    (workshop / "latm.toml").unlink()
    assert re.search(r"fallback +-", latm("models").stdout), "there is no maker either"
    findings = json.loads(latm("doctor", "--json").stdout)
    assert [each["ok"] for each in findings if each["name"] == "roles"] == [True]


@pytest.mark.parametrize(
    "command", ["demo", "doctor", "models", "run", "make", "solve", "tools", "tools list", "tools show"]
)
def test_every_command_explains_itself(latm: Any, command: str) -> None:
    done = latm(*command.split(), "--help")
    assert done.returncode == 0
    assert "Usage: latm" in done.stdout
