"""The examples and commands of the README and of the first page do what these say."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from commanding import command
from docs_blocks import blocks
from latm.plugin import Reply, Usage
from latm.testing import AnthropicServer, OpenAIServer, RecordedRequest

pytestmark = pytest.mark.docker

FUNCTION = "```python\ndef sort_words(words):\n    return sorted(words)\n```"


def fences(page: Path, language: str) -> list[str]:
    return [block.code for block in blocks(page, language)]


def call(question: str) -> str:
    return f"sort_words({question.partition(': ')[2].split()!r})"


def maker(request: RecordedRequest) -> Reply:
    """The strong model of the example, which speaks the Messages API."""
    turns = [turn["content"] for turn in request.body["messages"] if turn["role"] == "user"]
    text = turns[-1] if isinstance(turns[-1], str) else turns[-1][0]["text"]
    reply = FUNCTION
    if "write one call of the function" in text:
        calls = map(call, re.findall(r"^Question: (Sort these words: .+)$", text, re.MULTILINE))
        reply = "```python\n" + "\n".join(calls) + "\n```"
    elif "tests for Hypothesis" in text or "fixed form" in text:
        reply = "none"
    elif text.startswith("Sort these words: "):  # as the fallback
        reply = "Answer: " + " ".join(sorted(text.partition(": ")[2].split()))
    return Reply(text=reply, usage=Usage(input=100, output=20), model="claude-opus-5")


def cheap(request: RecordedRequest) -> Reply:
    """The cheap model of the example, which speaks chat completions; it dispatches and uses."""
    question = request.body["messages"][-1]["content"]
    if "response_format" in request.body:
        reply = json.dumps({"decision": "word-sorting", "task": None})
    else:
        reply = f"```python\n{call(question)}\n```"
    return Reply(text=reply, usage=Usage(input=50, output=10), model="gpt-5.6-luna")


def test_the_embedding_example_runs_through_the_real_sdks(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = fences(repo / "README.md", "python")
    assert len(example.strip().splitlines()) <= 11, "ten lines and a blank one, the README says"
    monkeypatch.chdir(tmp_path)
    output = io.StringIO()
    with AnthropicServer(maker) as strong, OpenAIServer(cheap) as weak:
        for name, server in (("ANTHROPIC", strong), ("OPENAI", weak)):
            monkeypatch.setenv(f"{name}_API_KEY", "sk-test")
            monkeypatch.setenv(f"{name}_BASE_URL", server.base_url)
        with redirect_stdout(output):
            exec(compile(example, "README.md", "exec"), {})
        assert len(strong.requests) == 4  # the function, calls, properties, a parser
        assert len(weak.requests) == 5  # the exam, the dispatcher, the user
        total = strong.usage + weak.usage
    assert output.getvalue().startswith("apple banana cherry tool word-sorting None Usage(")
    assert f"input={total.input}" in output.getvalue()
    assert (tmp_path / "latm.db").is_file()


def commands(repo: Path) -> list[str]:
    lines = [
        line.partition("  #")[0].strip()
        for block in fences(repo / "README.md", "sh")
        for line in block.splitlines()
    ]
    return [line for line in lines if line.startswith("latm ")]


def test_every_command_of_the_readme_runs(repo: Path, tmp_path: Path) -> None:
    """All but set-up itself and pip, which the run of the tests is the proof of."""
    lists = ("fig pear", "kiwi date", "plum fig", "lime acai", "nut bean", "leek kale", "rye oat", "pea corn")
    lines = [
        {"question": f"Sort these words: {each}", "answer": " ".join(sorted(each.split()))} for each in lists
    ]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "function.py").write_text("def add(a, b):\n    return a + b\n")
    (settings,) = fences(repo / "README.md", "toml")
    (tmp_path / "latm.toml").write_text(settings)
    listed = commands(repo)
    assert [line.split()[1] for line in listed] == ["doctor", "models", "make", "solve", "tools", "run"]
    said: dict[str, str] = {}
    with AnthropicServer(maker) as strong, OpenAIServer(cheap_sorting) as weak:
        servers = {"ANTHROPIC": strong, "OPENAI": weak}
        urls = {f"{name}_BASE_URL": server.base_url for name, server in servers.items()}
        environment = {**urls, "OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-test"}
        for line in listed:
            program, *words = shlex.split(line)
            assert program == "latm"
            done = command(tmp_path, *words, environment=environment)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
            said[words[0]] = done.stdout
    assert said["solve"] == "apple banana cherry\n"
    assert said["run"] == "3\n"
    assert "def sort_words(words):" in said["tools"]


def cheap_sorting(request: RecordedRequest) -> Reply:
    reply = cheap(request)
    decision = json.dumps({"decision": "sorting", "task": None})
    return Reply(text=decision, usage=reply.usage, model=reply.model) if "decision" in reply.text else reply


def cheap_until_there_is_a_tool(request: RecordedRequest) -> Reply:
    """Dispatch to the tool as soon as its card is shown."""
    if "response_format" in request.body and "sort_words" not in json.dumps(request.body["messages"]):
        none = json.dumps({"decision": "none", "task": None})
        return Reply(text=none, usage=Usage(input=50, output=10), model="gpt-5.6-luna")
    return cheap_sorting(request)


def test_the_first_five_minutes_go_as_the_page_says(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but set-up itself; a block of text is what the commands before it print."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    printed: list[str] = []
    with AnthropicServer(maker) as strong, OpenAIServer(cheap_until_there_is_a_tool) as weak:
        for name, server in (("ANTHROPIC", strong), ("OPENAI", weak)):
            monkeypatch.setenv(f"{name}_API_KEY", "sk-test")
            monkeypatch.setenv(f"{name}_BASE_URL", server.base_url)
        for block in blocks(repo / "docs" / "start.md"):
            if "." in block.title:
                (tmp_path / block.title).write_text(block.code, encoding="utf-8")
            if block.language == "text":
                assert printed[-1].endswith(block.code)
            elif block.title.endswith(".py") or block.language == "sh":
                command = f"python {block.title}" if block.title else f"set -e\n{block.code}"
                if "make demo" not in command and "activate" not in command:
                    printed.append(output(command, tmp_path))
    assert ['"route": "tool"' in each for each in printed] == [False, True, False, False]
    assert "def sort_words(words):" in printed[2]


def output(command: str, folder: Path) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def test_the_configuration_of_the_documentation_loads(repo: Path, tmp_path: Path) -> None:
    from latm import Config

    (text,) = fences(repo / "docs" / "embedding.md", "toml")
    file = tmp_path / "latm.toml"
    file.write_text(text)
    config = Config.load(file)
    assert config.role("fallback").model == "anthropic:claude-opus-5"
    assert config.making.pending == 9
