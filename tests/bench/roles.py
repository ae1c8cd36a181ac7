"""What our layer adds to a call of a model, beside the bare SDK: one interleaved run, and how it splits.

Usage: python tests/bench/roles.py [--calls N] [--callers N] [--json FILE]

All ways call the same loopback server, which runs in a process of its own and replies at once. They take
turns, so that a busy moment of the machine hits all; "above" is the time above the bare SDK. The target
is at most 1 ms at p50 with ledger and journal. On a machine that does other work, p50 says how long threads
wait for a processor: p10 and the processor time (p50) say what the layer itself takes. Then many callers at
once: what the process holds afterwards must not grow with how often that is done.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import anyio
import openai

from latm import Config, Ledger
from latm._clock import SystemClock
from latm._events import Events
from latm._plugins import ModelRef, Plugins, create_backend
from latm._roles import Purpose, Roles
from latm.library import Library
from latm.plugin import Message, Request

TARGET_MS = 1.0
TEXT = "word " * 400
ASK = Request(messages=(Message("user", TEXT),), system="Reply.")
Way = Callable[[int], Awaitable[object]]
Times = dict[str, tuple[list[float], list[float]]]

SERVER = """
import asyncio, json, re
BODY = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                 "message": {"role": "assistant", "content": "hello there " * 20, "refusal": None}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}}).encode()
HEAD = "HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: {}\\r\\n\\r\\n"
REPLY = HEAD.format(len(BODY)).encode() + BODY
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await reader.readexactly(int(re.search(rb"content-length: *(\\d+)", head, re.I)[1]))
            writer.write(REPLY)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


class NoLibrary:
    """Takes what the journal would, and forgets it."""

    def record(self, entry: object) -> None:
        pass


@contextlib.contextmanager
def server() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def roles(base_url: str, library: Library | NoLibrary, *, places: int = 8, **config: object) -> Roles:
    table = {"base_url": base_url, "api_key": "k", "concurrency": places}
    settings = Config(
        roles={"user": "openai:m"},
        providers={"openai": table},
        prices={"openai:m": {"input": 1, "output": 2}},
        **config,  # type: ignore[arg-type]
    )
    plugins = Plugins.load()
    events = Events(None, plugins.event)
    return Roles(
        settings,
        plugins,
        library=library,  # type: ignore[arg-type]
        ledger=Ledger(),
        events=events,
        clock=SystemClock(),
    )


def purpose(number: int) -> Purpose:
    return Purpose(run="bench", step=str(number), bill=Ledger())


@contextlib.asynccontextmanager
async def ways(base_url: str, folder: Path) -> AsyncIterator[Mapping[str, Way]]:
    """From the bare SDK to the whole layer, each with one thing more than the one before."""
    client = openai.AsyncOpenAI(api_key="k", base_url=base_url, max_retries=0)
    turns = [{"role": "system", "content": "Reply."}, {"role": "user", "content": TEXT}]
    backend = create_backend(Plugins.load(), ModelRef("openai", "m"), {"base_url": base_url, "api_key": "k"})
    limits = {"usd": 1000, "run": {"calls": 10**9}, "day": {"tokens": 10**12}}
    places = [
        roles(base_url, NoLibrary()),
        roles(base_url, Library(f"sqlite:///{folder / 'whole.db'}")),
        roles(base_url, Library(f"sqlite:///{folder / 'bound.db'}"), budget=limits),
    ]
    ledger, whole, bound = [await each.get("user") for each in places]
    yield {
        "bare SDK": lambda _n: client.chat.completions.create(model="m", messages=turns),  # type: ignore[arg-type]
        "backend": lambda _n: backend.complete(ASK),
        "+ role, ledger": lambda n: ledger.complete(ASK, purpose(n)),
        "+ journal": lambda n: whole.complete(ASK, purpose(n)),
        "+ budgets": lambda n: bound.complete(ASK, purpose(n)),
    }
    for each in (*places, backend):
        await each.aclose()
    await client.close()


async def overhead(base_url: str, folder: Path, calls: int) -> Times:
    async with ways(base_url, folder) as chosen:
        times: Times = {name: ([], []) for name in chosen}
        for number in range(-20, calls):
            for name, way in chosen.items():
                begun, used = time.perf_counter(), time.process_time()
                await way(number)
                if number >= 0:
                    times[name][0].append((time.perf_counter() - begun) * 1000)
                    times[name][1].append((time.process_time() - used) * 1000)
        return times


def held() -> dict[str, float]:
    """What the process holds: MiB of memory, descriptors and threads."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "RSS MiB": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
    }


async def crowd(base_url: str, folder: Path, callers: int) -> list[dict[str, float]]:
    """Many callers at once, five times over; what is held after each."""
    place = roles(base_url, Library(f"sqlite:///{folder / 'crowd.db'}"), places=callers)
    role = await place.get("user")
    rows = [{"calls/s": 0.0, **held()}]
    for _ in range(5):
        begun = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for number in range(callers):
                tasks.start_soon(role.complete, ASK, purpose(number))
        rows.append({"calls/s": callers / (time.perf_counter() - begun), **held()})
    await place.aclose()
    return rows


def share(times: list[float], part: float) -> float:
    return sorted(times)[int(len(times) * part)]


def show(times: Times) -> float:
    """Print the table; gives what the layer adds with ledger and journal."""
    bare = [share(times["bare SDK"][0], 0.1), *(share(each, 0.5) for each in times["bare SDK"])]
    print(f"{'':16}{'p10 ms':>9}{'above':>8}{'p50 ms':>9}{'above':>8}{'p90 ms':>9}{'cpu ms':>9}{'above':>8}")
    for name, (wall, used) in times.items():
        low, middle, worked = share(wall, 0.1), share(wall, 0.5), share(used, 0.5)
        print(
            f"{name:16}{low:9.3f}{low - bare[0]:8.3f}{middle:9.3f}{middle - bare[1]:8.3f}"
            f"{share(wall, 0.9):9.3f}{worked:9.3f}{worked - bare[2]:8.3f}"
        )
    return share(times["+ journal"][0], 0.5) - bare[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--callers", type=int, default=500)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with server() as base_url, tempfile.TemporaryDirectory() as name:
        times = anyio.run(overhead, base_url, Path(name), options.calls)
        print(f"{options.calls} interleaved calls of each")
        added = show(times)
        verdict = "within" if added <= TARGET_MS else "OVER"
        print(f"ledger and journal add {added:.3f} ms, {verdict} the target of {TARGET_MS} ms\n")
        rows = anyio.run(crowd, base_url, Path(name), options.callers)
        print(f"{options.callers} callers at once, five times over; what the process holds after each")
        for row in rows:
            print("".join(f"{label} {value:9.1f}   " for label, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps({"ms": times, "crowd": rows}))


if __name__ == "__main__":
    main()
