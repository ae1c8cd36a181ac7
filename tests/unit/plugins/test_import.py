"""What importing the contract loads, and what it does."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
import latm.plugin, latm._plugins
if {load}:
    plugins = latm._plugins.Plugins.load()
    assert {{"openai", "anthropic", "replay"}} <= set(plugins.providers()), plugins.broken
heavy = {{"openai", "anthropic", "docker", "httpx", "httpx2", "requests", "pydantic", "sqlalchemy", "rich"}}
print(sorted(heavy & set(sys.modules)), opened)
"""


def loaded(*, load: bool) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM.format(load=load)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_contract_loads_no_sdk_no_docker_and_opens_no_socket():
    assert loaded(load=False) == "[] []"


def test_loading_the_built_in_plugins_loads_no_sdk_either():
    assert loaded(load=True) == "[] []"
