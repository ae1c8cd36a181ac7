"""A process that makes a tool, and may be told to kill itself; run by the drill beside it.

Usage: python killed.py SPEC, where SPEC is JSON: base_url, library, record, protocol, and die_at: the number
of the `model.replied` event at which the process sends itself SIGKILL, or null.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from integration.engine import scripts, strict_scripts
from latm import Config, Engine


def main() -> None:
    spec = json.loads(sys.argv[1])
    replies = 0

    def listen(name: str, fields: Mapping[str, object]) -> None:
        nonlocal replies
        replies += name == "model.replied"
        if name == "model.replied" and replies == spec["die_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    strict = spec["protocol"] == "strict"
    maker = {"model": "openai:m", "record": spec["record"]}
    config = Config(
        roles={"maker": maker, "user": "openai:u"} if strict else {"maker": maker},
        providers={"openai": {"base_url": spec["base_url"], "api_key": "k"}},
        library=spec["library"],
        prices={model: {"input": 1, "output": 2} for model in ("openai:m", "openai:u")},
        budget={"run": {"usd": 1}},
        making={"protocol": spec["protocol"], **(strict_scripts.QUICK if strict else {})},
    )
    with Engine(config, on_event=listen) as engine:
        tool = engine.make("adding", (strict_scripts if strict else scripts).EXAMPLES)
        spent = engine.ledger.total().calls
    made = tool.provenance
    json.dump([tool.source, made.run, made.usage.total, str(made.cost_usd), spent], sys.stdout)


if __name__ == "__main__":
    main()
