"""What a question costs in our own layer: models reply at once, so all time is the engine's and the cells'.

Usage: python tests/bench/engine.py [--rounds N] [--tools N,N,N] [--json FILE]

The ways take turns with a bare call of the sandbox, so that a busy moment of the machine hits all of them;
trust ratios more than times. On a machine that does other work p50 says how long threads wait for a
processor; p10 and the processor time of this process ("cpu", p50) say what the layer itself takes. A question
is new each time but for the repeats, and audits are off. Then: how many questions a second 1, 8 and 64
callers get; how long the local index takes and how long the dispatcher's prompt is in libraries of 10, 1,000
and 10,000 tools; what the process holds; and what a question leaves in the database.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import itertools
import json
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio

from latm import AsyncEngine, Config, Demonstration, Provenance, Tool
from latm.library import Library
from latm.plugin import Request, Usage
from latm.testing import ScriptedBackend, scripted_provider
from latm_sandbox import AsyncSandbox

PARSER_RATIO = 2.0
TOOL_MS = 10.0
SHORTLIST_MS = 10.0
WORDS = [f"{first}{last}" for first in ("am", "bir", "ce", "del") for last in ("ber", "tor", "ra", "lin")]
HEAD, OTHER, FOREIGN = "Sort these words: ", "Put words in alphabetical order: ", "Who wrote about: "
SOURCE = (
    "def sort_words(words: list[str]) -> list[str]:\n    '''Sort words alphabetically.'''\n"
    "    return sorted(words)\n"
)
PARSER = (
    f"HEAD = {HEAD!r}\n\n\ndef parse(question):\n"
    "    return {'words': question[len(HEAD):].split()} if question.startswith(HEAD) else None\n\n\n"
    "def render(arguments):\n    return HEAD + ' '.join(arguments['words'])\n"
)
ORIGIN = Provenance(
    protocol="strict",
    maker="it:maker",
    run="bench",
    examples_sha256="0" * 64,
    source_sha256="0" * 64,
    usage=Usage(),
    cost_usd=Decimal(0),
    seconds=0.0,
    created="2026-11-01T00:00:00Z",
)
TOOL = Tool(
    name="word-sorting",
    version=1,
    source=SOURCE,
    function="sort_words",
    contract="sort_words(words: list[str]) -> list[str]\n\nSort words alphabetically.",
    demonstrations=(Demonstration(f"{HEAD}fig apple", 'sort_words(["fig", "apple"])'),),
    provenance=ORIGIN,
    call_style="call",
    parser=PARSER,
)
Way = Callable[[], Awaitable[object]]


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)] * 1000


def listed(number: int) -> str:
    """Words that no other question has in this order."""
    rng = random.Random(number)
    return " ".join([*rng.sample(WORDS, 8), f"w{number}"])


def user(request: Request) -> str:
    words = request.messages[-1].text.partition(": ")[2].split()
    return f"```python\nsort_words({words!r})\n```"


def dispatcher(request: Request) -> str:
    fits = not request.messages[-1].text.startswith(FOREIGN)
    return json.dumps({"decision": TOOL.name if fits else "none", "task": None})


def config(library: Path) -> Config:
    return Config(
        roles={role: f"it:{role}" for role in ("maker", "user", "dispatcher", "fallback")},
        providers={"it": {"concurrency": 64}},
        prices={"it:user": {"input": 1, "output": 2}},
        library=f"sqlite:///{library}",
        auditing={"share": 0, "first": 0},
    )


@asynccontextmanager
async def opened(library: Path) -> AsyncIterator[tuple[AsyncEngine, ScriptedBackend]]:
    asked = ScriptedBackend(dispatcher)
    models = {"maker": [], "user": user, "dispatcher": asked, "fallback": lambda _: "Answer: nobody"}
    async with AsyncEngine(config(library), plugins={"it": scripted_provider("it", models)}) as engine:
        yield engine, asked


def stored(library: Path, tools: int = 1) -> Path:
    """A library with the tool and others around it."""
    with_tools = Library(f"sqlite:///{library}")
    with_tools.add(TOOL)
    for number in range(1, tools):
        with_tools.add(another(number))
    with_tools.close()
    return library


def another(number: int) -> Tool:
    """A tool of another kind; each has words of its own, and shares some with many."""
    rng = random.Random(number)
    shared = " ".join(rng.sample(WORDS, 4))
    thing = f"thing{number} part{number % 97} kind{number % 11}"
    return dataclasses.replace(
        TOOL,
        name=f"task-{number}",
        contract=f"f{number}(values: list[int]) -> int\n\nCount {thing} among {shared}.",
        demonstrations=(Demonstration(f"Count {thing} in {shared}: 1 2 3", f"f{number}([1, 2, 3])"),),
        parser=None,
    )


NUMBERS = itertools.count()


def ways(engine: AsyncEngine, sandbox: AsyncSandbox) -> Mapping[str, tuple[str, Way]]:
    """What is measured, with the layer that has to answer."""
    again = f"{OTHER}{listed(10**6)}"

    async def call() -> object:
        words = listed(next(NUMBERS)).split()
        outcome = await sandbox.apply(TOOL.program, (words,))
        assert outcome.value == sorted(words)
        return outcome

    return {
        "sandbox call": ("", call),
        "repeat": ("repeat", lambda: engine.solve(again)),
        "parser": ("parser", lambda: engine.solve(f"{HEAD}{listed(next(NUMBERS))}")),
        "tool": ("dispatcher", lambda: engine.solve(f"{OTHER}{listed(next(NUMBERS))}")),
        "strong model": ("dispatcher", lambda: engine.solve(f"{FOREIGN}{listed(next(NUMBERS))}")),
    }


async def latencies(library: Path, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of each way, by the wall and of the processor."""
    async with opened(library) as (engine, _), AsyncSandbox() as sandbox:
        chosen = ways(engine, sandbox)
        times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in chosen}
        for number in range(-10, rounds):
            for name, (layer, way) in chosen.items():
                begun, used = time.perf_counter(), time.process_time()
                answer = await way()
                if number >= 0:
                    times[name][0].append(time.perf_counter() - begun)
                    times[name][1].append(time.process_time() - used)
                    assert not layer or (answer.layer, answer.route) == (
                        layer,
                        "model" if name == "strong model" else "tool",
                    ), (name, answer)
        return times


async def throughput(library: Path, seconds: float) -> dict[str, dict[str, float]]:
    """Questions a second, by way and callers."""
    found: dict[str, dict[str, float]] = {}
    async with opened(library) as (engine, _), AsyncSandbox() as sandbox:
        for name, (_, way) in ways(engine, sandbox).items():
            found[name] = {}
            for callers in (1, 8, 64):
                await way()
                done, begun = 0, time.perf_counter()

                async def work(until: float, way: Way = way) -> None:
                    nonlocal done
                    while time.perf_counter() < until:
                        await way()
                        done += 1

                async with anyio.create_task_group() as tasks:
                    for _ in range(callers):
                        tasks.start_soon(work, begun + seconds)
                found[name][str(callers)] = done / (time.perf_counter() - begun)
    return found


async def dispatching(folder: Path, tools: int, rounds: int) -> dict[str, float]:
    """Of a library of so many tools: the time of the index, once new and later, the prompt, and memory."""
    library = folder / f"{tools}.db"
    await anyio.to_thread.run_sync(stored, library, tools)
    before = resident()
    async with opened(library) as (engine, asked):
        index = engine._rooms.solver.dispatcher
        begun = time.perf_counter()
        await index.shortlist(f"{OTHER}{listed(0)}")
        first = time.perf_counter() - begun
        times: list[float] = []
        questions = [f"{OTHER}{listed(number)}" for number in range(rounds)]
        questions += [f"Count thing{n} of part{n % 97} in amber cedar: 4" for n in range(rounds)]
        for question in questions:
            begun = time.perf_counter()
            found = await index.shortlist(question)
            times.append(time.perf_counter() - begun)
            assert found.candidates
        answer = await engine.solve(f"{OTHER}{listed(-1)}")
        assert answer.tool == TOOL.name
        request = asked.requests[-1]
        held = resident() - before
    return {
        "first_ms": first * 1000,
        "p50_ms": percentile(times, 0.5),
        "p95_ms": percentile(times, 0.95),
        "prompt_characters": len(request.system or "")
        + len(json.dumps(request.response_schema, default=dict)),
        "held_MiB": held,
    }


def resident() -> float:
    """MiB of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def growth(folder: Path, questions: int) -> dict[str, dict[str, float]]:
    """What a question of each way leaves: KiB in the database and in the process, after a first hundred."""
    found: dict[str, dict[str, float]] = {}
    for wanted in ("repeat", "parser", "tool", "strong model"):
        library = stored(folder / f"grows by {wanted}.db")
        async with opened(library) as (engine, _), AsyncSandbox() as sandbox:
            _, way = ways(engine, sandbox)[wanted]
            for _ in range(100):
                await way()
            await engine.settle()
            size, memory = written(library), resident()
            for _ in range(questions):
                await way()
            await engine.settle()
            found[wanted] = {
                "database_KiB": (written(library) - size) / questions / 1024,
                "memory_KiB": (resident() - memory) / questions * 1024,
            }
    return found


def written(library: Path) -> int:
    """Bytes of the database, with what is still in its log."""
    connection = sqlite3.connect(library)
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        return pages * size
    finally:
        connection.close()


async def measure(rounds: int, tools: list[int]) -> dict:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = await latencies(stored(folder / "ways.db"), rounds)
        return {
            "ms": {
                way: {
                    "p10": percentile(wall, 0.1),
                    "p50": percentile(wall, 0.5),
                    "p95": percentile(wall, 0.95),
                    "cpu": percentile(used, 0.5),
                }
                for way, (wall, used) in times.items()
            },
            "questions_a_second": await throughput(stored(folder / "crowd.db"), 2.0),
            "dispatching": {str(count): await dispatching(folder, count, rounds) for count in tools},
            "growth": await growth(folder, rounds * 2),
            "load_average": os.getloadavg(),
            "cores": os.cpu_count(),
        }


def verdicts(found: Mapping) -> Iterator[str]:
    """Each target, and whether it is met."""
    ms, sizes = found["ms"], found["dispatching"]
    ratio = ms["parser"]["p50"] / ms["sandbox call"]["p50"]
    largest = sizes[max(sizes, key=int)]
    prompts = {each["prompt_characters"] for each in sizes.values()}
    spread = max(prompts) / min(prompts)
    for what, value, bound in (
        ("parser path, times a sandbox call (p50)", ratio, PARSER_RATIO),
        ("tool path by a user model, ms (p50)", ms["tool"]["p50"], TOOL_MS),
        (f"index of {max(map(int, sizes)):,} tools, ms (p50)", largest["p50_ms"], SHORTLIST_MS),
        ("longest prompt of the dispatcher, times the shortest", spread, 1.25),
    ):
        yield f"{what:54}{value:9.2f}   at most {bound:g}: {'met' if value <= bound else 'NOT MET'}"


def show(found: Mapping) -> None:
    call = found["ms"]["sandbox call"]["p50"]
    columns = f"{'p10':>8}{'p50':>8}{'p95':>8}{'cpu':>8}{'x call':>9}"
    print(f"{'ms':16}{columns}{'1 caller':>12}{'8':>8}{'64':>8} a second")
    for name, row in found["ms"].items():
        rate = found["questions_a_second"][name]
        print(
            f"{name:16}{row['p10']:8.2f}{row['p50']:8.2f}{row['p95']:8.2f}{row['cpu']:8.2f}"
            f"{row['p50'] / call:9.2f}{rate['1']:12.0f}{rate['8']:8.0f}{rate['64']:8.0f}"
        )
    print(f"\n{'tools':20}{'first ms':>10}{'p50 ms':>10}{'p95 ms':>10}{'prompt':>10}{'MiB':>8}")
    for count, row in found["dispatching"].items():
        print(
            f"{int(count):<20,}{row['first_ms']:10.1f}{row['p50_ms']:10.2f}{row['p95_ms']:10.2f}"
            f"{row['prompt_characters']:10}{row['held_MiB']:8.1f}"
        )
    print(f"\n{'a question leaves':20}{'database KiB':>14}{'memory KiB':>12}")
    for name, row in found["growth"].items():
        print(f"{name:20}{row['database_KiB']:14.2f}{row['memory_KiB']:12.2f}")
    load = ", ".join(f"{each:.1f}" for each in found["load_average"])
    print(f"\nload average {load} on {found['cores']} cores")
    print("\n".join(verdicts(found)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--tools", default="10,1000,10000")
    parser.add_argument("--json", type=Path, default=Path("build/bench-engine.json"))
    options = parser.parse_args()
    found = anyio.run(measure, options.rounds, [int(each) for each in options.tools.split(",")])
    show(found)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
