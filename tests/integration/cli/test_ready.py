"""What is missing is found before a model is paid and before a library is made."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from latm import Demonstration
from latm.cli._app import app
from latm.library import Library, Promotion
from latm.testing import AnthropicServer, OpenAIServer, RecordedRequest
from unit.engine.test_library import tool

Latm = Callable[..., Any]
NO_KEY = "the provider 'anthropic' has no key: set the environment variable ANTHROPIC_API_KEY"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Latm:
    """Runs the command in an empty folder, with no key but those that it is given."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LATM_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, **environment: str) -> Any:
        return CliRunner(env=environment).invoke(app, arguments)

    return run


@pytest.fixture
def paid() -> Iterator[OpenAIServer]:
    """The service that has a key; what it is asked is paid for."""
    with OpenAIServer(lambda _: "Paris") as server:
        yield server


def configured(folder: Path, paid: OpenAIServer, more: str = "", **roles: str) -> None:
    roles = {"maker": "anthropic:m", "user": "openai:m", "dispatcher": "openai:m", **roles}
    lines = [f'{role} = "{model}"' for role, model in roles.items() if model]
    table = f'[providers.openai]\nbase_url = "{paid.base_url}"\n'
    (folder / "latm.toml").write_text("\n".join(["[roles]", *lines, table, more]))


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.glob("latm.db*"))


def examples(folder: Path, count: int) -> str:
    lines = [json.dumps({"question": f"q{n}", "answer": f"a{n}"}) for n in range(count)]
    (folder / "e.jsonl").write_text("\n".join(lines))
    return "e.jsonl"


@pytest.mark.parametrize("roles", [{}, {"maker": "openai:m", "fallback": "anthropic:m"}])
@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("how", ["q?", "--batch b.jsonl"])
def test_the_strong_models_missing_key_is_found_before_the_dispatcher_is_paid(  # noqa: PLR0917 - a table
    here: Latm, paid: OpenAIServer, tmp_path: Path, roles: dict[str, str], there: bool, how: str
) -> None:
    configured(tmp_path, paid, **roles)
    (tmp_path / "b.jsonl").write_text('{"question": "q?"}\n')
    if there:
        Library("sqlite:///latm.db").close()

    done = here("solve", *how.split())

    role = "fallback" if roles else "maker"
    assert (done.exit_code, done.stdout) == (3, "")
    assert f"latm: roles.{role}: {NO_KEY}" in done.stderr
    assert paid.requests == []
    assert bool(left(tmp_path)) == there


@pytest.mark.parametrize(
    ("more", "environment"),
    [
        (
            '[providers.anthropic]\nbase_url = "BASE"\nkey_env = "ANTHROPIC_API_KEY"',
            {"ANTHROPIC_API_KEY": "sk-x"},
        ),
        ('[providers.anthropic]\nbase_url = "BASE"\napi_key = "sk-x"', {}),
        ('[providers.anthropic]\nbase_url = "BASE"\nkey_env = "MINE"', {"MINE": "sk-x"}),
        ('[providers.anthropic]\nbase_url = "BASE"', {}),
        ('[providers.anthropic]\nbase_url = "BASE"\nkey_env = ""', {}),
    ],
)
def test_a_key_may_come_from_anywhere_and_a_server_may_need_none(
    here: Latm, paid: OpenAIServer, tmp_path: Path, more: str, environment: dict[str, str]
) -> None:
    with AnthropicServer(lambda _: "Answer: Rome") as strong:
        configured(tmp_path, paid, more.replace("BASE", strong.base_url))
        done = here("solve", "q?", **environment)

    assert (done.exit_code, done.stdout) == (0, "Rome\n"), done.stderr


def test_who_is_never_asked_needs_no_key(here: Latm, paid: OpenAIServer, tmp_path: Path) -> None:
    configured(tmp_path, paid, fallback="openai:m")

    done = here("solve", "q?")

    assert (done.exit_code, done.stdout) == (0, "Paris\n"), done.stderr
    assert f"no tool will be made: roles.maker: {NO_KEY}" in done.stderr


@pytest.mark.parametrize("pinned", [False, True])
def test_a_promoted_model_is_in_the_role(
    here: Latm, paid: OpenAIServer, tmp_path: Path, pinned: bool
) -> None:
    configured(tmp_path, paid, fallback="anthropic:m", maker="openai:m")
    with closing(Library("sqlite:///latm.db")) as library:
        library.promote(Promotion(role="fallback", model="openai:tuned", tuning="t", comparison=1))

    done = here("solve", "q?", *(["--fallback", "anthropic:m"] if pinned else []))

    assert (done.exit_code, done.stdout) == ((3, "") if pinned else (0, "Paris\n")), done.stderr
    assert bool(paid.requests) == (not pinned)


@pytest.mark.docker
def test_a_library_with_tools_is_of_use_without_the_strong_models_key(here: Latm, tmp_path: Path) -> None:
    def cheap(request: RecordedRequest) -> str:
        if "response_format" in request.body:
            known = "Sort" in request.body["messages"][-1]["content"]
            return json.dumps({"decision": "sorting" if known else "none", "task": None})
        return "```python\nans = f('pear fig')\n```"

    with OpenAIServer(cheap) as server:
        configured(tmp_path, server)
        with closing(Library("sqlite:///latm.db")) as library:
            made = tool(name="sorting", source="def f(words):\n    return ' '.join(sorted(words.split()))\n")
            library.add(
                dataclasses.replace(made, demonstrations=(Demonstration("Sort: fig date", "ans = 1"),))
            )
        known, unknown = here("solve", "Sort: pear fig"), here("solve", "Why?")

    said = f"what no tool answers stays unanswered: roles.maker: {NO_KEY}"
    assert (known.exit_code, known.stdout, said in known.stderr) == (0, "fig pear\n", True), known.stderr
    assert (unknown.exit_code, unknown.stdout, said in unknown.stderr) == (3, "", True), unknown.stderr


@pytest.mark.docker
def test_what_needs_no_model_is_answered_without_a_key(here: Latm, tmp_path: Path) -> None:
    (tmp_path / "latm.toml").write_text(
        "".join(f'roles.{role} = "openai:m"\n' for role in ("maker", "user", "dispatcher"))
    )
    with closing(Library("sqlite:///latm.db")) as library:
        kept = library.add(tool(source="def f():\n    return 'pear'\n"))
        library.remember_call("Which fruit?", kept, "ans = f()")
    (tmp_path / "b.jsonl").write_text('{"question": "Which fruit?"}\n{"question": "Which tree?"}\n')

    alone, both = here("solve", "Which fruit?"), here("solve", "--batch", "b.jsonl")

    assert (alone.exit_code, alone.stdout) == (0, "pear\n"), alone.stderr
    assert (both.exit_code, both.stdout.count('"text": "pear"')) == (3, 1), both.stderr
    assert "1 of 2 questions are answered: the same command with --skip 1 goes on after them" in both.stderr
    assert "the provider 'openai' has no key" in both.stderr


@pytest.mark.parametrize(
    ("arguments", "toml", "code", "message"),
    [
        ("solve q", "", 2, "roles.dispatcher: no model fills the role"),
        ("solve q", "roles.dispatcher = 'openai:m'", 2, "roles.fallback: no model fills the role"),
        ("solve q", "roles.dispatcher = 'opnai:m'", 2, "Did you mean 'openai'?"),
        ("solve q", "roles.dispatcher = 'openai:m'\nroles.maker = 'openai:m'", 3, "OPENAI_API_KEY"),
        ("solve q", "sandbox.launcher = 'podman'", 2, "no launcher is called 'podman'"),
        ("make t -e e.jsonl", "", 2, "roles.maker: no model fills the role"),
        ("make t -e e.jsonl", "roles.maker = 'openai:m'", 3, "OPENAI_API_KEY"),
        ("make t -e e.jsonl", "roles.maker = 'openai'", 2, "names no provider"),
        ("make t -e e.jsonl", "roles.maker = 'replay:none.json'", 2, "none.json"),
        ("make t -e e.jsonl --protocol papr", "roles.maker = 'local:x'", 2, "Did you mean 'paper'?"),
        ("make t -e e.jsonl --answer-type txt", "roles.maker = 'local:x'", 2, "Did you mean 'text'?"),
        ("make t -e few.jsonl", "roles.maker = 'local:x'", 2, "needs 6 examples (3 to show, 3 to verify on)"),
        ("make : -e e.jsonl", "roles.maker = 'replay:none.json'", 2, "':'"),
        ("tune train pets.toml --tuner openai --base openai:m", "", 3, "OPENAI_API_KEY"),
    ],
)
def test_what_fails_before_it_begins_leaves_no_library(  # noqa: PLR0917 - a table
    here: Latm, tmp_path: Path, arguments: str, toml: str, code: int, message: str
) -> None:
    (tmp_path / "latm.toml").write_text(toml)
    (tmp_path / "pets.toml").write_text(
        'about = "a note"\nquestion = "Of which pet?"\n[labels]\ncat = "Cats."\ndog = "Dogs."\n'
    )
    examples(tmp_path, 9)
    (tmp_path / "few.jsonl").write_text('{"question": "q", "answer": "a"}\n')

    done = here(*arguments.split())

    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr
    assert left(tmp_path) == []


@pytest.mark.parametrize("second", [False, True])
def test_the_examiners_missing_key_is_found_before_the_maker_is_paid(
    here: Latm, paid: OpenAIServer, tmp_path: Path, second: bool
) -> None:
    more = '[making]\nsecond_opinion = "fallback"\nexam = 0' if second else ""
    roles = {"fallback": "anthropic:m"} if second else {"user": "anthropic:m"}
    configured(tmp_path, paid, more, maker="openai:m", **roles)

    done = here("make", "t", "-e", examples(tmp_path, 9))

    role = "fallback" if second else "user"
    assert (done.exit_code, f"latm: roles.{role}: {NO_KEY}" in done.stderr) == (3, True), done.stderr
    assert paid.requests == []
    assert left(tmp_path) == []


@pytest.mark.docker
@pytest.mark.parametrize("how", ["6", "9 --protocol paper"])
def test_a_making_without_an_exam_needs_no_examiner(
    here: Latm, paid: OpenAIServer, tmp_path: Path, how: str
) -> None:
    configured(tmp_path, paid, maker="openai:m", user="anthropic:m")
    count, *protocol = how.split()

    done = here("make", "t", "-e", examples(tmp_path, int(count)), *protocol)

    assert done.exit_code == 1, done.stderr  # "Paris" is no function
    assert paid.requests != []


def test_the_tuned_models_missing_key_is_found_before_the_texts_are_paid(
    here: Latm, paid: OpenAIServer, tmp_path: Path
) -> None:
    configured(tmp_path, paid, '[providers.other]\nuse = "openai"\nkey_env = "OTHER_KEY"', maker="openai:m")
    (tmp_path / "pets.toml").write_text(
        'about = "a note"\nquestion = "Of which pet?"\n[labels]\ncat = "Cats."\ndog = "Dogs."\n'
    )

    done = here("tune", "run", "pets.toml", "--tuner", "openai", "--base", "other:m")

    assert (done.exit_code, "OTHER_KEY" in done.stderr) == (3, True), done.stderr
    assert paid.requests == []
    assert left(tmp_path) == []
