"""What `import latm` costs: which modules it may load, and that it says and opens nothing.

The time is measured by tests/bench/import_time.py; a test of it would only measure how busy the machine is.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FORBIDDEN = (
    "anthropic",
    "docker",
    "httpx",
    "httpx2",
    "hypothesis",
    "mcp",
    "numpy",
    "openai",
    "pydantic",
    "pytest",
    "requests",
    "rich",
    "safetensors",
    "sqlalchemy",
    "tokenizers",
    "typer",
)

PROBE = """
import json, sys
opened = []
signs = ("socket.", "subprocess.", "os.fork")
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith(signs) else None)
__import__(sys.argv[1])
loaded = sorted({name.partition(".")[0] for name in sys.modules})
with open(sys.argv[2], "w") as report:
    json.dump({"loaded": loaded, "opened": opened}, report)
"""


@pytest.mark.parametrize("name", ["latm", "latm.plugin", "latm_sandbox"])
def test_importing_is_cheap_and_quiet(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    report = tmp_path_factory.mktemp("import") / "report"

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE, name, str(report)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = json.loads(report.read_text())
    assert [module for module in found["loaded"] if module in FORBIDDEN] == []
    assert found["opened"] == []
