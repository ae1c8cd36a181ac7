"""What a strict making costs beside its models: they reply at once, so all time is the engine's and cells'.

Usage: python tests/bench/making.py [--rounds N] [--json FILE]

The task is adding numbers up, with nine examples, one property of 100 cases, no parser, an exam of three. The
first round starts every cell; the others find an engine at work. Trust ratios more than times.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from integration.engine import strict_scripts as scripts
from latm import Config, Engine
from latm.testing import scripted_provider

TARGET_S = 5.0


def measure(rounds: int, library: Path) -> list[dict[str, float]]:
    """Seconds by stage of each making."""
    now: list[tuple[str, float]] = []

    def hear(name: str, fields) -> None:
        if name in ("make.stage", "make.done"):
            now.append((str(fields.get("stage", "")), time.perf_counter()))

    maker = scripts.Maker()
    models = {"maker": maker, "user": scripts.user}
    config = Config(roles={"maker": "it:maker", "user": "it:user"}, library=f"sqlite:///{library}")
    found = []
    with Engine(config, plugins={"it": scripted_provider("it", models)}, on_event=hear) as engine:
        for number in range(rounds):
            now.clear()
            begun = time.perf_counter()
            engine.make(f"adding {number}", scripts.EXAMPLES, protocol="strict")
            spent: dict[str, float] = defaultdict(float)
            for (stage, start), (_, end) in itertools.pairwise(now):
                spent[stage] += end - start
            spent["in all"] = time.perf_counter() - begun
            found.append(dict(spent))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path("build/bench-making.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.rounds, Path(folder) / "latm.db")
    print(f"{'stage':16}{'first s':>10}{'later s':>10}")
    for stage in found[0]:
        later = statistics.median(each[stage] for each in found[1:] or found)
        print(f"{stage:16}{found[0][stage]:10.2f}{later:10.2f}")
    print(f"target: under {TARGET_S:g} s in all")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
