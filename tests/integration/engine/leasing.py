"""A process in which several callers make the same tool at once; run by the drill beside it.

Usage: python leasing.py SPEC, where SPEC is JSON: base_url, library, callers, and die_at: the number of the
`model.replied` event at which the process sends itself SIGKILL, or null. It says "ready", begins at a line on
its stdin, and says each thing that happens as one line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from integration.engine import scripts
from latm import AsyncEngine, Config


def say(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def config(spec: Mapping[str, Any]) -> Config:
    return Config(
        roles={"maker": "openai:m"},
        providers={"openai": {"base_url": spec["base_url"], "api_key": "k"}},
        library=spec["library"],
        making={"protocol": "paper"},
    )


async def main(spec: Mapping[str, Any]) -> None:
    replies = 0

    def listen(name: str, fields: Mapping[str, object]) -> None:
        nonlocal replies
        if name in {"make.waiting", "make.start"}:
            say(event=name)
        replies += name == "model.replied"
        if name == "model.replied" and replies == spec["die_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    async with AsyncEngine(config(spec), on_event=listen) as engine:
        say(event="ready")
        sys.stdin.readline()

        async def call() -> None:
            tool = await engine.make("adding", scripts.EXAMPLES)
            say(event="made", version=tool.version, run=tool.provenance.run, source=tool.source)

        async with anyio.create_task_group() as group:
            for _ in range(spec["callers"]):
                group.start_soon(call)
        say(event="done", paid=engine.ledger.total().calls)


if __name__ == "__main__":
    anyio.run(main, json.loads(sys.argv[1]), backend="asyncio")
