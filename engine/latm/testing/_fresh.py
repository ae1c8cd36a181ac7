"""The checks that need a process of their own: nothing of the plugin is imported there yet."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio.to_thread

from latm.cassettes import encode_request
from latm.plugin import ProviderSpec
from latm.sdk import plain as plain_json
from latm.testing._examination import Examination
from latm.testing._findings import CANARY
from latm.testing._judging import Failed
from latm.testing._scenario import Scenario

__all__ = ["examine_afresh"]

_PATIENCE_S = 120.0
_MOMENT_S = 1.0
# Of the processor, not of the clock, and the best of several: a busy machine is not the plugin's fault.
_IMPORT_S = 0.05
_IMPORTS = 3

_IMPORT = """
import importlib, time
import latm.plugin
before, started = set(sys.modules), time.process_time()
importlib.import_module(task["module"])
found["seconds"] = time.process_time() - started
found["loaded"] = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
"""
_CALL = """
import importlib, threading, anyio
from latm._plugins import ModelRef, Plugins, create_backend
from latm.cassettes import decode_request
from latm.errors import LatmError
if task["without"]:
    sys.modules[task["without"]] = None
plugins = Plugins.load({"examined": importlib.import_module(task["module"])}, allow=frozenset())
async def call():
    backend = create_backend(plugins, ModelRef(task["provider"], task["model"]), task["options"], task["key"])
    await backend.complete(decode_request(task["request"]))
    await backend.aclose()
try:
    anyio.run(call)
except LatmError as error:
    found["error"] = [type(error).__name__, str(error)]
others = [each for each in threading.enumerate() if each is not threading.main_thread()]
for each in others:
    each.join(task["moment_s"])  # anyio's own worker threads were told to end, and do it about now
found["threads"] = [each.name for each in others if each.is_alive()]
"""
_PROGRAM = """
import json, sys
task, found = json.load(sys.stdin), {{}}
sys.path[:] = task["path"]
{body}
with open(task["report"], "w") as file:
    json.dump(found, file)
"""


async def examine_afresh(examination: Examination, plain: Scenario, *, module: str, sdk: str | None) -> None:
    """Look at a plugin's module in fresh processes."""
    task = _task(examination.spec, plain, module=module)
    most = f"{_IMPORT_S * 1000:.0f} ms"
    await examination.found.check(
        f"importing {module} takes at most {most}, prints nothing, loads no SDK", lambda: _cheap(module, sdk)
    )
    await examination.found.check(
        "a call in a fresh process prints nothing and leaves no thread", lambda: _tidy(task)
    )
    if sdk is not None:
        await examination.found.check(
            f"without {sdk} there is MissingDependency with a pip line",
            lambda: _missing({**task, "without": sdk}),
        )


async def _cheap(module: str, sdk: str | None) -> None:
    tries = [await _run(_IMPORT, module=module) for _ in range(_IMPORTS)]
    if sdk is not None and sdk.partition(".")[0] in tries[0]["loaded"]:
        raise Failed(f"it imports {sdk!r}; import that in ProviderSpec.create")
    best_s = min(found["seconds"] for found in tries)
    if best_s > _IMPORT_S:
        raise Failed(f"it took {best_s * 1000:.0f} ms of the processor")


async def _tidy(task: dict[str, Any]) -> None:
    found = await _run(_CALL, **task)
    if "error" in found:
        raise Failed(": ".join(found["error"]))
    if found["threads"]:
        raise Failed(f"the thread {found['threads'][0]!r} is left")


async def _missing(task: dict[str, Any]) -> None:
    kind, text = (await _run(_CALL, **task)).get("error", ("", ""))
    if kind != "MissingDependency":
        raise Failed(f"{kind}: {text}" if kind else "it did not matter")
    if "pip install" not in text:
        raise Failed(f"it says no pip line: {text}")


def _task(spec: ProviderSpec, plain: Scenario, *, module: str) -> dict[str, Any]:
    return {
        "module": module,
        "without": None,
        "provider": spec.name,
        "model": plain.model,
        "options": plain_json(plain.options),
        "key": None if spec.key_env is None else CANARY,
        "request": encode_request(plain.request),
        "moment_s": _MOMENT_S,
    }


async def _run(body: str, **task: object) -> dict[str, Any]:
    """What a program found out in a fresh process.

    Raises:
        Failed: it ended otherwise, or something was printed.
    """
    return await anyio.to_thread.run_sync(_run_here, body, task)


def _run_here(body: str, task: dict[str, object]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        done = subprocess.run(  # noqa: S603 - this Python, and a program of our own
            [sys.executable, "-c", _PROGRAM.format(body=body)],
            input=json.dumps({**task, "path": sys.path, "report": str(report)}),
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        said = (done.stdout + done.stderr).strip()
        if done.returncode != 0:
            raise Failed(f"it ended with {said.splitlines()[-1] if said else done.returncode}")
        if said:
            raise Failed(f"it printed {said[:200]!r}")
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return found
