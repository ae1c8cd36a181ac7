"""Each command in a real pseudo-terminal: its help, a mistake or what it does, colours, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from integration.cli.terminals import Nursery, nursery
from latm.cli._app import app
from latm.cli._say import undisturbed
from latm.library import Library
from latm.testing import HttpReply, OpenAIServer
from unit.engine.test_library import tool

CASES = {
    "demo": ("--questions 0", 2, "Invalid value for '--questions'"),
    "doctor": ("", 1, "problem docker: "),
    "models": ("", 0, "OPENAI_API_KEY: absent"),
    "run": ("none.py", 2, "latm: none.py: cannot be read: No such file or directory"),
    "make": ("sorting -e none.jsonl", 2, "latm: none.jsonl: "),
    "solve": ("q", 2, "latm: roles.dispatcher: no model fills the role"),
    "report": ("-o page.html", 0, "page.html"),
    "mcp": ("--http eighty", 2, "latm: --http: must be PORT or HOST:PORT"),
    "tools list": ("", 0, "word-sorting  2        f         0     0       a:b"),
    "tools show": ("word-sorting", 0, "def f(): return 2"),
    "tools test": ("word-sort", 2, "Did you mean 'word-sorting'?"),
    "tools rollback": ("word-sorting", 0, "word-sorting version 1 serves"),
    "tools retire": ("word-sorting", 0, "word-sorting version 2 is retired"),
    "tools restore": ("sorting-words", 2, "has no tool 'sorting-words'"),
    "tools export": ("out", 0, "out/word-sorting"),
    "tools import": ("none", 2, "latm: there is no directory none"),
    "tune new": ("shop.toml", 0, "change it to what you need, then: latm tune synthesise shop.toml"),
    "tune synthesise": ("none.toml", 2, "none.toml: no such file; latm tune new none.toml writes one"),
    "tune review": ("none.toml", 2, "none.toml: no such file"),
    "tune train": ("none.toml", 2, "none.toml: no such file"),
    "tune compare": ("none.toml", 2, "none.toml: no such file"),
    "tune run": ("none.toml", 2, "none.toml: no such file"),
    "tune label": ("none.toml text", 2, "none.toml: no such file"),
    "tune promote": ("none.toml --role user", 2, "none.toml: no such file"),
    "tune demote": ("usr", 2, "no such role: 'usr'. Did you mean 'user'?"),
    "tune status": ("", 0, "no model was tuned yet"),
    "tune cancel": ("shop", 2, "there is no training job of 'shop'"),
    "tune pause": ("shop", 2, "there is no training job of 'shop'"),
    "tune resume": ("shop", 2, "there is no training job of 'shop'"),
    "tune delete": ("local:x", 2, "no model 'local:x' was tuned here"),
}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("nursery")) as found:
        yield found


def names(of: typer.Typer, before: str = "") -> Iterator[str]:
    """Every command as it is typed."""
    for each in of.registered_commands:
        yield f"{before}{each.name}"
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from names(group.typer_instance, f"{before}{group.name} ")


def test_no_command_is_left_out() -> None:
    assert sorted(names(app)) == sorted(CASES)


@pytest.mark.parametrize("command", CASES)
def test_a_command_in_a_terminal(commands: Nursery, tmp_path: Path, command: str) -> None:
    code, shown = commands.run(tmp_path, *command.split(), "--help")
    assert code == 0
    assert f"Usage: latm {command} " in shown.text
    assert "Example" in shown.text
    assert shown.coloured
    if command.startswith("tools "):
        library = Library(f"sqlite:///{tmp_path / 'latm.db'}")
        library.add(tool(source="def f(): return 1"))
        library.add(tool(source="def f(): return 2"))
        library.close()
    arguments, expected, message = CASES[command]

    code, said = commands.run(
        tmp_path,
        *command.split(),
        *arguments.split(),
        NO_COLOR="1",
        DOCKER_HOST=f"unix://{tmp_path}/none.sock",
    )

    assert (code, message in said.text) == (expected, True), said.text
    assert "Traceback" not in said.text
    assert not said.coloured


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("slove q", "No such command 'slove'. Did you mean 'solve'?"),
        ("tools shwo x", "No such command 'shwo'. Did you mean 'show'?"),
        ("tune synthesize x", "Did you mean 'synthesise'?"),
        ("solve --batsh x", "--batch"),
    ],
)
def test_the_nearest_command_is_named(commands: Nursery, tmp_path: Path, typed: str, message: str) -> None:
    code, said = commands.run(tmp_path, *typed.split())

    assert (code, message in said.text) == (2, True), said.text


@pytest.mark.parametrize("command", ["tune status", "report -o page.html"])
def test_what_is_drawn_does_not_tear_a_line(commands: Nursery, tmp_path: Path, command: str) -> None:
    _, said = commands.run(tmp_path, *command.split())

    assert "sqlite:///latm.db is not there yet: it reads as an empty library" in said.text.splitlines()


def test_findings_have_colours(commands: Nursery, tmp_path: Path) -> None:
    _, said = commands.run(tmp_path, "doctor", DOCKER_HOST=f"unix://{tmp_path}/none.sock")

    assert "\x1b[31mproblem\x1b[0m" in said.seen


def test_a_mistake_shows_its_traceback_if_asked_to(commands: Nursery, tmp_path: Path) -> None:
    code, said = commands.run(tmp_path, "--debug", "run", "none.py")

    assert (code, "Traceback" in said.text) == (1, True), said.text


class Gate:
    """A model that answers, but for requests with a word in them, which it holds until it is opened."""

    def __init__(self, reply: str, held: str) -> None:
        self._reply, self._held = reply, held
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, request: object) -> str | HttpReply:
        if self._held in str(request):
            self.reached.set()
            assert self.opened.wait(60)
        return self._reply


class Broken(Gate):
    """The same, that refuses those requests."""

    def __call__(self, request: object) -> str | HttpReply:
        return HttpReply(status=400, body={}) if self._held in str(request) else self._reply


@contextmanager
def service(folder: Path, gate: Gate) -> Generator[OpenAIServer, None, None]:
    """All roles played by a gate, with prices."""
    with OpenAIServer(gate) as server:
        (folder / "latm.toml").write_text(
            "[roles]\n"
            + "".join(f'{role} = "openai:m"\n' for role in ("maker", "user", "dispatcher"))
            + f'[providers.openai]\nbase_url = "{server.base_url}"\napi_key = "sk-x"\n'
            + '[prices."openai:m"]\ninput = "1"\noutput = "2"\n'
        )
        try:
            yield server
        finally:
            gate.opened.set()


def test_a_batch_is_interrupted_and_goes_on(commands: Nursery, tmp_path: Path) -> None:
    lines = [json.dumps({"question": f"Question number {n}?"}) for n in range(1, 5)]
    (tmp_path / "b.jsonl").write_text("\n".join(lines))
    gate = Gate("Paris", "number 3?")
    with service(tmp_path, gate):
        with commands.latm(tmp_path, "solve", "-b", "b.jsonl", "--concurrency", "1") as terminal:
            terminal.until('"Question number 2?"')
            assert gate.reached.wait(60)
            terminal.until("2/4")
            terminal.press("\x03")
            code = terminal.end()
        gate.opened.set()
        again, rest = commands.run(tmp_path, "solve", "-b", "b.jsonl", "--skip", "2")

    assert code == 130
    assert terminal.text.endswith(
        "latm: interrupted; 2 of 4 questions are answered: the same command with --skip 2 goes on after "
        "them; what was paid for is in the journal of the library\n"
    )
    assert " left" in terminal.text
    assert "/s 0 by tool, $0" in terminal.text or "/min 0 by tool, $0" in terminal.text
    assert terminal.coloured
    assert again == 0
    answered = [line for line in rest.text.splitlines() if '"question"' in line]
    assert len(answered) == 2
    assert "2 questions, " in rest.text


def test_a_batch_that_fails_says_how_to_go_on_and_draws_nothing_in_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"question": f"q{n}?"}) + "\n" for n in range(3)))
    with service(tmp_path, Broken("Paris", "q2?")):
        done = CliRunner().invoke(app, ["solve", "-b", "b.jsonl", "--concurrency", "1"])

    assert done.exit_code == 4
    assert done.stdout.count('"text": "Paris"') == 2
    first, last = done.stderr.splitlines()
    assert first == "2 of 3 questions are answered: the same command with --skip 2 goes on after them"
    assert last.startswith("latm: ")


@pytest.mark.parametrize("how", ["", "--http 0"])
def test_serving_ends_with_ctrl_c(commands: Nursery, tmp_path: Path, how: str) -> None:
    Library(f"sqlite:///{tmp_path / 'latm.db'}").close()
    with commands.latm(tmp_path, "mcp", *how.split()) as terminal:
        terminal.until("serving at" if how else "0 tools of")
        terminal.press("\x03")
        code = terminal.end()

    assert (code, "Traceback" in terminal.text) == (0, False), terminal.text


def test_it_is_said_why_the_strong_model_answered(commands: Nursery, tmp_path: Path) -> None:
    with service(tmp_path, Gate("Paris", "nothing is held")):
        code, said = commands.run(tmp_path, "solve", "What is the capital of France?")

    assert code == 0
    assert "Paris\nThe dispatcher's reply could not be read.\nby the strong model, " in said.text


def test_ctrl_c_waits_for_what_must_be_whole() -> None:
    done: list[int] = []

    def work(presses: int) -> None:
        with undisturbed():
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
            done.append(presses)

    with pytest.raises(KeyboardInterrupt):
        work(1)
    assert done == [1]
    with pytest.raises(KeyboardInterrupt):
        work(2)
    assert done == [1], "the second does not wait"


def test_a_making_is_interrupted(commands: Nursery, tmp_path: Path) -> None:
    examples = [json.dumps({"question": f"q{n}", "answer": f"a{n}"}) for n in range(6)]
    (tmp_path / "e.jsonl").write_text("\n".join(examples))
    gate = Gate("nothing", "q0")
    with service(tmp_path, gate):
        making = ("make", "sorting", "-e", "e.jsonl", "--protocol", "paper")
        with commands.latm(tmp_path, *making) as terminal:
            assert gate.reached.wait(60)
            terminal.until("making sorting: propose 1")
            terminal.press("\x03")
            code = terminal.end()

    assert code == 130
    assert terminal.text.endswith(
        "latm: interrupted; what was paid for is in the journal of the library; the same command goes on "
        "where it stopped\n"
    )


def test_the_writing_of_texts_is_interrupted(commands: Nursery, tmp_path: Path) -> None:
    (tmp_path / "pets.toml").write_text(
        'about = "a note"\nquestion = "Of which pet?"\n[labels]\ncat = "Cats."\ndog = "Dogs."\n'
    )
    gate = Gate("nothing", "Cats.")
    with service(tmp_path, gate), commands.latm(tmp_path, "tune", "synthesise", "pets.toml") as terminal:
        assert gate.reached.wait(20)
        terminal.press("\x03")
        code = terminal.end()

    assert code == 130
    assert terminal.text.endswith(
        "latm: interrupted; the texts so far are paid for once; the same command has the missing ones "
        "written\n"
    )
