"""How long `import latm` takes, and with it the loading of every plugin, beside what Python takes to start.

All are run in turns in one go, so that a busy machine slows all; medians are shown, by the clock and by the
processor's time, and their ratio. The target is 150 ms on the 2-core machine that the project is measured on,
for the import with every provider installed; the loading of all plugins is shown beside it. It is judged by
the processor's time, which the neighbours on a shared machine hardly change.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

ROUNDS = 21
TARGET_MS = 150
PROGRAMS = {
    "python": "pass",
    "latm": "import latm",
    "latm.plugin": "import latm.plugin",
    "latm_sandbox": "import latm_sandbox",
    "latm + Plugins.load()": "import latm; from latm._plugins import Plugins; Plugins.load()",
}
HELD_TO_IT = ("latm", "latm.plugin")


def used_ms() -> float:
    """What this program's children have used of the processor so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def run_ms(program: str) -> tuple[float, float]:
    """How long a program takes by the clock, and how much of the processor's time."""
    start, used = time.perf_counter(), used_ms()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (time.perf_counter() - start) * 1000, used_ms() - used


def main() -> int:
    """Print the table; 1 if an import takes longer than it may."""
    for program in PROGRAMS.values():
        run_ms(program)  # the first run writes the bytecode
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for _ in range(ROUNDS):
        for name, program in PROGRAMS.items():
            times[name].append(run_ms(program))
    clock = {name: statistics.median(each for each, _ in taken) for name, taken in times.items()}
    cpu = {name: statistics.median(each for _, each in taken) for name, taken in times.items()}
    bare = cpu["python"]
    print(
        f"{'medians of':22}{'clock ms':>10}{'cpu ms':>10}{'above bare':>12}{'ratio':>8}   {ROUNDS} runs each"
    )
    for name, median in cpu.items():
        print(f"{name:22}{clock[name]:10.1f}{median:10.1f}{median - bare:12.1f}{median / bare:8.2f}")
    over = [name for name in HELD_TO_IT if cpu[name] - bare > TARGET_MS]
    for name in HELD_TO_IT:
        print(
            f"{name}: {'OVER' if name in over else 'within'} the target of {TARGET_MS} ms above bare Python"
        )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
