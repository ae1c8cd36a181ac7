"""What a call costs, beside what else runs Python apart: one interleaved run, a table, and a JSON file.

Usage: python tests/bench/sandbox.py [--seconds S] [--json FILE]

llm-sandbox and pydantic-monty are measured where they are installed: `make bench` installs them. Every figure
of ours is the sync `Sandbox`'s, calling `add(1, 2)` in a fresh forked state. The ways are
measured in turns, so that a busy moment of the machine hits all of them; trust ratios more than times.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker

from latm_sandbox import PoolPolicy, Program, Sandbox
from latm_sandbox.docker._image import host_tag

ADD = Program("def add(a, b):\n    return a + b")
SNIPPET = "def add(a, b):\n    return a + b\nprint(add(1, 2))"
_REST_S = 0.005  # a cell has cleaned up after a call and forked the next child long before
Way = Callable[[], None]


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)] * 1000


def timed(way: Way) -> float:
    begun = time.perf_counter()
    way()
    return time.perf_counter() - begun


@contextlib.contextmanager
def ours(**options) -> Iterator[tuple[Sandbox, Way]]:
    with Sandbox(**options) as sandbox:

        def call() -> None:
            assert sandbox.call(ADD, 1, 2).value == 3

        call()
        yield sandbox, call


FORKER = """
import os
while os.read(0, 1):
    pid = os.fork()
    if pid == 0:
        os.write(1, b"3")
        os._exit(0)
    os.waitpid(pid, 0)
"""


@contextlib.contextmanager
def bare_fork() -> Iterator[Way]:
    """The floor on this machine now: a bare interpreter forks a child, which replies."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", FORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )

    def call() -> None:
        process.stdin.write(b"1")
        assert process.stdout.read(1) == b"3"

    with process:
        yield call
        process.stdin.close()


def docker_run() -> None:
    command = ["docker", "run", "--rm", "--network", "none", host_tag(), "python3", "-c", SNIPPET]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


@contextlib.contextmanager
def docker_exec() -> Iterator[Way]:
    client = docker.from_env()
    container = client.containers.run(
        host_tag(), ["python3", "-c", "import time; time.sleep(3600)"], detach=True, network_mode="none"
    )
    try:

        def call() -> None:
            assert container.exec_run(["python3", "-c", SNIPPET]).output == b"3\n"

        yield call
    finally:
        container.remove(force=True)
        client.close()


def host_subprocess() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SNIPPET], capture_output=True, text=True, check=True
    )
    assert done.stdout == "3\n"


@contextlib.contextmanager
def llm_sandbox() -> Iterator[Way]:
    """A session that stays open; it wants a folder and a command in its image."""
    from llm_sandbox import SandboxSession

    recipe = f'FROM {host_tag()}\nWORKDIR /sandbox\nCMD ["python3", "-c", "import time; time.sleep(3600)"]\n'
    client = docker.from_env()
    image, _ = client.images.build(
        fileobj=io.BytesIO(recipe.encode()), tag="latm-bench:llm-sandbox", rm=True, forcerm=True
    )
    try:
        with SandboxSession(
            lang="python",
            image="latm-bench:llm-sandbox",
            skip_environment_setup=True,
            runtime_configs={"network_mode": "none"},
        ) as session:

            def call() -> None:
                assert session.run(SNIPPET).stdout == "3\n"

            yield call
    finally:
        client.images.remove(image.id, force=True)
        client.close()


@contextlib.contextmanager
def monty() -> Iterator[Way]:
    """A pool of workers that interpret a subset of Python; each call has a session of its own."""
    import pydantic_monty

    code = SNIPPET.replace("print(add(1, 2))", "add(1, 2)")
    with pydantic_monty.Monty() as workers:

        def call() -> None:
            with workers.checkout() as session:
                assert session.feed_run(code) == 3

        yield call


def cold_start() -> float:
    """Seconds from a new sandbox to its first result, in this process, with the image there."""
    begun = time.perf_counter()
    with Sandbox(pool=PoolPolicy(cells=1, spare=0)) as sandbox:
        assert sandbox.call(ADD, 1, 2).value == 3
        return time.perf_counter() - begun


def throughput(call: Way, callers: int, seconds: float) -> float:
    counts = [0] * callers
    until = time.perf_counter() + seconds

    def work(index: int) -> None:
        while time.perf_counter() < until:
            call()
            counts[index] += 1

    threads = [threading.Thread(target=work, args=(index,)) for index in range(callers)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begun)


def idle_memory() -> dict[str, float]:
    """MiB of an idle bound cell: anonymous memory of its processes, shared pages once, and of its shim."""
    with ours(pool=PoolPolicy(cells=1, spare=0)) as (sandbox, _):
        cell = sandbox.call(ADD, 1, 2).cell.partition(":")[2]
        state = subprocess.run(
            ["docker", "inspect", "-f", "{{.State.Pid}}", cell], capture_output=True, text=True, check=True
        )
        pid = int(state.stdout)
        time.sleep(0.2)  # the next child is being forked
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        shim = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        return {
            "guest": sum(anonymous(process) for process in (pid, *children)),
            "shim": anonymous(shim),
        }


def anonymous(pid: object) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss_Anon:\s+(\d+)", text, re.MULTILINE)[1]) / 1024


def refill(seconds: float) -> tuple[list[float], float]:
    """Single-use cells: times of calls that found a full pool, and cells a second when none is idle."""
    policy = PoolPolicy(cells=6, spare=5)
    times: list[float] = []
    made, gone = threading.Semaphore(0), threading.Semaphore(0)

    def hear(name: str, _fields: object) -> None:
        if name in ("cell_started", "cell_destroyed"):
            (made if name == "cell_started" else gone).release()

    with ours(pool=policy, fresh_cell_per_call=True, on_event=hear) as (_, call):
        for _ in range(policy.spare):
            made.acquire(timeout=10)
        for _ in range(15):  # each finds a full pool, and nothing under way
            made.acquire(timeout=10)
            gone.acquire(timeout=10)
            times.append(timed(call))
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            call()
            count += 1
        return times, count / (time.perf_counter() - begun)


def measure(seconds: float) -> dict[str, object]:
    slow: dict[str, Way] = {"docker run --rm": docker_run}
    fast: dict[str, Way] = {"host subprocess -I -S": host_subprocess}
    with contextlib.ExitStack() as stack:
        fast["bare fork and reply"] = stack.enter_context(bare_fork())
        _, fast["latm_sandbox"] = stack.enter_context(ours(pool=PoolPolicy(cells=4)))
        fast["docker exec (SDK)"] = stack.enter_context(docker_exec())
        for name, module, way in (
            ("llm-sandbox", "llm_sandbox", llm_sandbox),
            ("pydantic-monty", "pydantic_monty", monty),
        ):
            if importlib.util.find_spec(module) is not None:
                fast[name] = stack.enter_context(way())
        times: dict[str, list[float]] = {name: [] for name in (*fast, *slow)}
        rested = times["latm_sandbox, at rest"] = []
        until = time.perf_counter() + seconds * 3
        while time.perf_counter() < until:
            for name, way in fast.items():
                times[name] += [
                    timed(way) for _ in range(2 if name.startswith(("docker", "llm", "host")) else 40)
                ]
            times["docker run --rm"].append(timed(docker_run))
            for _ in range(10):
                time.sleep(_REST_S)
                rested.append(timed(fast["latm_sandbox"]))
        calls = {str(n): throughput(fast["latm_sandbox"], n, seconds) for n in (1, 2, 8, 32)}
    cold = [cold_start() for _ in range(3)]
    single, a_second = refill(seconds)
    return {
        "ms": {
            **{
                name: {"p50": percentile(all_, 0.5), "p95": percentile(all_, 0.95)}
                for name, all_ in times.items()
            },
            "latm_sandbox, cold start": {"p50": percentile(cold, 0.5), "p95": percentile(cold, 0.95)},
            "latm_sandbox, single-use cell": {
                "p50": percentile(single, 0.5),
                "p95": percentile(single, 0.95),
            },
        },
        "calls_a_second_by_callers": calls,
        "single_use_refill_a_second": a_second,
        "idle_MiB": idle_memory(),
        "load_average": os.getloadavg(),
        "cores": os.cpu_count(),
    }


def show(found: dict) -> None:
    warm = found["ms"]["latm_sandbox"]["p50"]
    print(f"{'':34}{'p50 ms':>10}{'p95 ms':>10}{'x ours':>9}")
    for name, row in sorted(found["ms"].items(), key=lambda item: item[1]["p50"]):
        print(f"{name:34}{row['p50']:10.3f}{row['p95']:10.3f}{row['p50'] / warm:9.2f}")
    calls = ", ".join(f"{n}: {rate:.0f}" for n, rate in found["calls_a_second_by_callers"].items())
    print(f"calls a second by callers          {calls}")
    print(f"single-use cells a second          {found['single_use_refill_a_second']:.1f}")
    idle, load = found["idle_MiB"], ", ".join(f"{x:.1f}" for x in found["load_average"])
    print(f"idle cell, anonymous MiB           guest {idle['guest']:.1f}, shim {idle['shim']:.1f}")
    print(f"load average                       {load} on {found['cores']} cores")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--json", type=Path, default=Path("build/bench-sandbox.json"))
    options = parser.parse_args()
    found = measure(options.seconds)
    show(found)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
