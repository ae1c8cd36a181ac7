"""For authors of launchers: the contract, run on theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio

from latm_sandbox._launcher import Finding, LauncherSpec
from latm_sandbox._limits import Limits, PoolPolicy
from latm_sandbox._outcome import Outcome
from latm_sandbox._program import Program
from latm_sandbox._sandbox import AsyncSandbox

__all__ = ["check_launcher"]

_BASE = Program("def add(a, b):\n    return a + b\n")
_REFUSED = "\ntry:\n    {}\nexcept OSError:\n    ans = 'refused'\nelse:\n    ans = 'done'"

# What is run, the status that it must have, and the value that `ans` must have then.
_RUNS: tuple[tuple[str, str, str, Any], ...] = (
    ("a value", "ans = add(1, 2)", "ok", 3),
    ("an error", "ans = 1 / 0", "error", None),
    ("what does not load", "ans = (]", "invalid", None),
    ("a loop", "while True: pass\nans = 1", "timeout", None),
    ("a sleep", "import time\ntime.sleep(60)\nans = 1", "timeout", None),
    ("too much memory", "ans = len(bytearray(1 << 32))", "memory", None),
    ("too much output", "while True: print('x' * 1000)\nans = 1", "output", None),
    ("too large a result", "ans = 'x' * (1 << 21)", "output", None),
    ("what cannot cross", "ans = object()", "unserialisable", None),
    ("a hard exit", "import os\nos._exit(0)\nans = 1", "killed", None),
    ("a signal to all", "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\nans = 1", "ok", 1),
    ("a signal to the supervisor", "import os\nos.kill(1, 9)\nans = 1", "ok", 1),
    (
        "a fork bomb",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\nans = 1",
        "timeout",
        None,
    ),
    ("scratch", "open('/tmp/x', 'w').write('x')\nans = open('/tmp/x').read()", "ok", "x"),
    ("scratch is emptied", "import os\nans = os.listdir('/tmp')", "ok", []),
    ("scratch is bounded", _REFUSED.format("open('/tmp/x', 'wb').write(b'x' * (64 << 20))"), "ok", "refused"),
    ("the root is read-only", _REFUSED.format("open('/x', 'w')"), "ok", "refused"),
    ("the devices are read-only", _REFUSED.format("open('/dev/x', 'w')"), "ok", "refused"),
    (
        "no network",
        _REFUSED.format("__import__('socket').create_connection(('1.1.1.1', 80), 1)"),
        "ok",
        "refused",
    ),
    ("no supervisor's memory", _REFUSED.format("open('/proc/1/mem', 'r+b')"), "ok", "refused"),
    ("nobody", "import os\nans = os.getuid()", "ok", 65534),
    ("no host's name", "import os\nans = os.uname().nodename", "ok", "cell"),
    ("no other processes", "import os\nans = sum(p.isdigit() for p in os.listdir('/proc'))", "ok", 2),
)


async def check_launcher(
    spec: LauncherSpec, *, options: Mapping[str, object] | None = None
) -> tuple[Finding, ...]:
    """Run the contract of cells on a launcher.

    Args:
        spec: the launcher.
        options: its own options.

    Returns:
        One finding for each clause; the launcher keeps the contract when all are ok.

    Raises:
        SandboxUnavailable: it cannot start anything here.
    """
    findings: list[Finding] = []
    limits = Limits(wall_s=10.0, cpu_s=10.0)
    quick = Limits(wall_s=1.0)
    async with AsyncSandbox(
        launcher=spec.name,
        launchers=(spec,),
        launcher_options=options,
        limits=limits,
        pool=PoolPolicy(cells=2),
    ) as sandbox:
        for name, code, status, ans in _RUNS:
            outcome = await sandbox.run(
                _BASE, code, want=("ans",), limits=quick if status == "timeout" else None
            )
            findings.append(_judged(name, outcome, status, ans))
            after = await sandbox.call(_BASE, 1, 2)
            findings.append(_judged(f"the call after {name}", after, "ok", 3))
        first = await sandbox.call(_BASE, 1, 2)
        with anyio.move_on_after(0.3):
            await sandbox.run(_BASE, "import time\ntime.sleep(60)")
        second = await sandbox.call(_BASE, 1, 2)
        kept = first.cell == second.cell
        findings.append(Finding(name="a cancelled call's cell goes", ok=not kept, detail=second.cell))
        findings.append(
            Finding(name="cells are named", ok=first.cell.startswith(f"{spec.name}:"), detail=first.cell)
        )
    return tuple(findings)


def _judged(name: str, outcome: Outcome, status: str, ans: Any) -> Finding:
    value = outcome.values.get("ans", outcome.value)
    ok = outcome.status == status and value == ans
    return Finding(name=name, ok=ok, detail=f"{outcome.status}, {value!r}, {outcome.error}")
