"""The code of docs/providers.md runs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

BLOCK = re.compile(r'^```python title="(\S+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SCRIPTS = ["application.py", "check_acme.py", "check_openai.py", "check_tuner.py", "scripted.py"]


@pytest.fixture
def blocks(repo) -> dict[str, str]:
    text = (repo / "docs" / "providers.md").read_text()
    found = dict(BLOCK.findall(text))
    assert len(found) == text.count("```python"), "a block of Python has no file name and is not run"
    return found


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_of_the_page_run(blocks, tmp_path, script):
    for name, code in blocks.items():
        (tmp_path / name).write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_every_block_is_a_script_or_a_plugin(blocks):
    assert set(blocks) == {*SCRIPTS, "echo_plugin.py", "acme_plugin.py"}


def test_the_smallest_provider_has_twelve_lines_at_most_and_works(blocks):
    import types

    import anyio

    from latm._plugins import ModelRef, Plugins, create_backend
    from latm.plugin import Message, Request

    code = blocks["echo_plugin.py"]
    assert len(code.splitlines()) <= 12
    module = types.ModuleType("echo_plugin")
    exec(code, vars(module))
    plugins = Plugins.load({"echo": module}, allow=frozenset())
    assert plugins.broken == ()
    backend = create_backend(plugins, ModelRef("echo", "m"))
    reply = anyio.run(backend.complete, Request(messages=(Message("user", "hello"),)))
    assert reply.text == "hello"
