"""What dispatching takes of its own as the library grows: time for a question, size of the prompt, memory.

Usage: python tests/bench/dispatching.py [--tools N,N] [--questions N] [--json FILE]

The library is a real one, in SQLite, with the hard set's tools of tests/integration/engine and synthetic
ones: names, contracts and questions of words whose frequencies fall as those of English do (Zipf), and a
history of 4 kB each. The questions are the hard set's, and others made like the synthetic tools'. A
question's time is everything up to the request of the dispatcher's model: the look whether the library
changed, the index, the cards; on a machine that does other work, the processor's time says what it takes of
itself. "After a change" is the question after one of a new task was kept. The target is at most 10 ms at p95
with 10,000 tools, and a prompt that does not grow. Also recall: whether the right tool of a reworded question
is among the five.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from integration.engine.hard_set import FOREIGN, NEAR_MISSES, PARAPHRASES, TOOLS, Kind
from latm import Demonstration, Example, Scorecard, Tool
from latm._records import Attempt
from latm.dispatcher import Dispatcher, request
from latm.dispatcher._known import Known
from latm.library import Library

TARGET_MS = 10.0
VOCABULARY, CHOSEN = 20_000, random.Random(1)
WEIGHTS = [1 / rank for rank in range(1, VOCABULARY + 1)]
WORDS = ["".join(CHOSEN.choices("abcdefghiklmnoprstuvw", k=CHOSEN.randint(3, 9))) for _ in range(VOCABULARY)]
HISTORY = (Attempt(stage="propose", number=1, reply="x" * 4_000),)


def text(words: int) -> str:
    return " ".join(CHOSEN.choices(WORDS, WEIGHTS, k=words))


def synthetic(number: int) -> Tool:
    kind = Kind(
        name=f"{CHOSEN.choice(WORDS)}-{CHOSEN.choice(WORDS)}-{number}",
        contract=text(40),
        demonstrations=tuple(Demonstration(text(25), f"f({text(5)!r})") for _ in range(3)),
        templated=(),
        paraphrases=(),
        near_misses=(),
    )
    tool = kind.tool
    return Tool(**{
        **{name: getattr(tool, name) for name in tool.__dataclass_fields__},
        "scorecard": Scorecard(attempts=HISTORY),
    })  # fmt: skip


def fill(library: Library, count: int) -> None:
    for kind in TOOLS:
        library.add(kind.tool)
    for number in range(count - len(TOOLS)):
        library.add(synthetic(number))


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "p50": round(cuts[49] * 1e3, 2),
        "p95": round(cuts[94] * 1e3, 2),
        "max": round(max(seconds) * 1e3, 2),
    }


def recall(known: Known, limit: int) -> float:
    found = [kind.name in [each.name for each in known.shortlist(question).candidates[:limit]]
             for kind, question in PARAPHRASES]  # fmt: skip
    return round(sum(found) / len(found), 3)


async def measure(count: int, questions: int, folder: str) -> dict[str, object]:
    library = Library(f"sqlite:///{folder}/{count}.db")
    started = time.perf_counter()
    fill(library, count)
    filled_s = time.perf_counter() - started
    tracemalloc.start()
    known = Known(library)
    known.refresh()
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    dispatcher = Dispatcher(roles=None, library=library)  # type: ignore[arg-type]  # no model is asked here
    started = time.perf_counter()
    await dispatcher.shortlist("the first question")
    built_s = time.perf_counter() - started
    asked = [question for _, question in (*PARAPHRASES, *NEAR_MISSES)] + list(FOREIGN)
    asked += [text(random.Random(number).randint(5, 60)) for number in range(questions - len(asked))]
    CHOSEN.shuffle(asked)
    times: list[float] = []
    worked: list[float] = []
    sizes: list[int] = []
    for question in asked:
        started, at_work = time.perf_counter(), time.process_time()
        shortlist = await dispatcher.shortlist(question)
        prompt = request(question, dispatcher.known.with_misses(shortlist.candidates))
        times.append(time.perf_counter() - started)
        worked.append(time.process_time() - at_work)
        sizes.append(len(str(prompt.system)) + len(json.dumps(dict(prompt.response_schema or {}))))
    found = {f"recall@{limit}": recall(known, limit) for limit in (1, 3, 5)}
    changes: list[float] = []
    for number in range(20):
        library.remember(f"new-{number}", Example(text(20), "an answer"))
        started = time.perf_counter()
        await dispatcher.shortlist(asked[number])
        changes.append(time.perf_counter() - started)
    library.close()
    return {
        "tools": count,
        "filled_s": round(filled_s, 1),
        "index_built_s": round(built_s, 2),
        "index_MiB": round(memory / 2**20, 1),
        "question_ms": milliseconds(times),
        "question_processor_ms": milliseconds(worked),
        "after_a_change_ms": milliseconds(changes),
        "prompt_characters": {"p50": round(statistics.median(sizes)), "max": max(sizes)},
        **found,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", default="26,1000,10000")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            anyio.run(measure, int(count), options.questions, folder) for count in options.tools.split(",")
        ]
    for row in rows:
        print(json.dumps(row))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    largest = rows[-1]["question_processor_ms"]["p95"]  # type: ignore[index]
    print(f"p95 with {rows[-1]['tools']} tools: {largest} ms of work, at most {TARGET_MS:g} wanted")
    return int(largest > TARGET_MS)


if __name__ == "__main__":
    sys.exit(main())
