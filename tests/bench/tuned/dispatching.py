"""A dispatcher trained on scripted questions against the untrained ones, on the same questions.

All go through the engine's dispatcher: the shortlist of the hard set's 26 tools, the cards, the role with
ledger and journal, the reading of the decision. They take turns, so that a busy moment hits all.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from bench.tuned.questions import labels, questions
from integration.engine.hard_set import FOREIGN, NEAR_MISSES, PARAPHRASES, TOOLS
from latm import Config, Engine, Ledger
from latm._clock import SystemClock
from latm._events import Events
from latm._intervals import wilson
from latm._plugins import Plugins
from latm._roles import Roles
from latm.dispatcher import Dispatcher
from latm.library import Library
from latm.tuner import TuningSpec
from latm.tuner._statistics import holm, mcnemar

UNTRAINED = ("local:tfidf", "local:bm25")
REAL = {
    "word-sorting": "word_sorting",
    "dyck-languages": "dyck_languages",
    "tracking-shuffled-objects": "tracking_shuffled_objects_five_objects",
}
FIRST = 10  # the first ten of the paper's questions are the makers' examples
SHOWN = 0.05  # p below which a difference is called one


@dataclass(frozen=True)
class Kind:
    """How a dispatcher is trained.

    Attributes:
        per_label: questions of each task, and of none.
        look_alikes: whether half of the latter look like the tasks.
        above: the confidence from which on it chooses.
        sentences: a directory of a sentence model; empty for TF-IDF.
    """

    per_label: int
    look_alikes: bool = True
    above: float = 0.9
    sentences: str = ""

    @property
    def name(self) -> str:
        return (
            f"tuned {self.per_label}"
            + ("" if self.look_alikes else ", `none` is foreign")
            + (" always chooses" if self.above == 0 else "")
            + (", sentences" if self.sentences else "")
        )


@dataclass
class Row:
    """What one dispatcher did."""

    said: dict[str, list[str | None]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)


Asked = Mapping[str, Sequence[tuple[str | None, str]]]


def asked(paper: Path, most: int) -> tuple[Asked, str]:
    """The questions by kind, each with its tool or None; and what is missing."""
    sets: dict[str, Sequence[tuple[str | None, str]]] = {}
    missing = ""
    if paper.is_dir():
        sets["real"] = [
            (tool, each["input"])
            for tool, name in REAL.items()
            for each in json.loads((paper / f"{name}.json").read_text())["examples"][FIRST : FIRST + most]
        ]
    else:
        missing = f"the paper's questions are not measured with: no directory {paper}"
    sets["paraphrase"] = [(kind.name, question) for kind, question in PARAPHRASES[-most * 6 :]]
    sets["near miss"] = [(None, question) for _, question in NEAR_MISSES[-most * 6 :]]
    sets["foreign"] = [(None, question) for question in FOREIGN]
    return sets, missing


def trained(kinds: Sequence[Kind], folder: Path) -> dict[str, str]:
    """Models by the names of their kinds, trained by the engine."""
    config = Config(library=f"sqlite:///{folder}/tuning.db", providers=_providers(folder))
    models: dict[str, str] = {}
    with Engine(config) as engine:
        for number, kind in enumerate(kinds):
            settings: dict[str, object] = {"choose_above": kind.above}
            if kind.sentences:
                settings["embeddings"] = kind.sentences
            spec = TuningSpec(
                name=f"dispatcher-{number}",
                about="a question",
                question="Which function can answer it?",
                labels=labels(),
                training=settings,
                data=str(folder / f"data-{number}"),
            )
            spec.train_file.parent.mkdir(parents=True)
            those = questions(kind.per_label, none=kind.per_label, look_alikes=kind.look_alikes)
            lines = [json.dumps({"text": text, "label": label}) for text, label in those]
            spec.train_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            # A script repeats itself, which the review of texts by a model would not let through.
            models[kind.name] = engine.tuning.train(spec, unreviewed=True).model
    return models


async def measure(models: Mapping[str, str], sets: Asked, folder: Path) -> dict[str, Row]:
    """Every dispatcher on every question, in turns."""
    library = Library(f"sqlite:///{folder}/tools.db")
    for kind in TOOLS:
        library.add(kind.tool)
    plugins = Plugins.load()
    places = {
        name: Roles(
            Config(roles={"dispatcher": model}, providers=_providers(folder)),
            plugins,
            library=library,
            ledger=Ledger(),
            events=Events(None, plugins.event),
            clock=SystemClock(),
        )
        for name, model in models.items()
    }
    dispatchers = {name: Dispatcher(roles=place, library=library) for name, place in places.items()}
    rows = {name: Row() for name in models}
    for warm in (True, False):
        for kind, pairs in sets.items():
            for number, (_, question) in enumerate(pairs[:2] if warm else pairs):
                # Whoever comes first finds cold caches: that is another one each time.
                turns = list(dispatchers)
                for name in turns[number % len(turns) :] + turns[: number % len(turns)]:
                    dispatcher = dispatchers[name]
                    shortlist = await dispatcher.shortlist(question)
                    begun, at_work = time.perf_counter(), time.process_time()
                    decision = await dispatcher.decide(
                        question, shortlist, run=f"{kind} {number}", bill=Ledger()
                    )
                    if not warm:
                        row = rows[name]
                        row.ms.append((time.perf_counter() - begun) * 1e3)
                        row.processor_ms.append((time.process_time() - at_work) * 1e3)
                        tool = decision.task if decision.kind == "tool" else None
                        row.said.setdefault(kind, []).append(tool)
                        row.refused[kind] = row.refused.get(kind, 0) + (decision.kind == "none")
    for place in places.values():
        await place.aclose()
    library.close()
    return rows


def run(
    folder: Path,
    *,
    paper: Path,
    sizes: Sequence[int] = (5, 20, 50),
    most: int = 40,
    sentences: str = "",
) -> Mapping[str, object]:
    """Train, measure, print; gives the figures."""
    largest, middle = sizes[-1], sizes[len(sizes) // 2]
    kinds = [Kind(size) for size in sizes]
    kinds += [Kind(largest, above=0.0), Kind(largest, look_alikes=False)]
    if sentences:
        kinds.append(Kind(middle, sentences=sentences))
    sets, missing = asked(paper, most)
    models = {name: name for name in UNTRAINED} | trained(kinds, folder)
    rows = anyio.run(measure, models, sets, folder)
    print("Dispatching: the right tool for its questions; no tool for near misses and foreign questions")
    print("(labels: the paper's six tasks and `none`; trained on N questions of each, written by a script)")
    if missing:
        print(missing)
    return {"missing": missing, "rows": _show(rows, sets)}


def _show(rows: Mapping[str, Row], sets: Asked) -> dict[str, object]:
    """Print the table and what follows from it."""
    right = {name: _right(row, sets) for name, row in rows.items()}
    base, base_ms = right[UNTRAINED[0]], statistics.median(rows[UNTRAINED[0]].processor_ms)
    heads = [f"{kind} {'right' if pairs[0][0] else 'taken'}" for kind, pairs in sets.items()]
    print(
        f"{'':28}" + "".join(f"{head:>18}" for head in heads) + "  unknown P, R    p50    p95  cpu ms ratio"
    )
    found: dict[str, object] = {}
    verdicts: list[str] = []
    tested = _tested(base, right)
    for name, row in rows.items():
        counts = {
            kind: (sum(right[name][kind] if pairs[0][0] else map(bool, row.said[kind])), len(pairs))
            for kind, pairs in sets.items()
        }
        precision, recall = _unknown(row, sets)
        p50, p95 = statistics.median(row.ms), statistics.quantiles(row.ms, n=20)[-1]
        worked = statistics.median(row.processor_ms)
        print(
            f"{name:28}" + "".join(f"{share(*each):>18}" for each in counts.values())
            + f"    {precision:.2f}, {recall:.2f} {p50:6.1f} {p95:6.1f} {worked:7.1f} {worked / base_ms:5.1f}"
        )  # fmt: skip
        found[name] = {
            "counts": counts,
            "precision": precision,
            "recall": recall,
            "said none": row.refused,
            "ms": {"p50": p50, "p95": p95, "processor p50": worked},
            "lost, won, p": tested.get(name, {}),
        }
        if name not in UNTRAINED:
            verdicts.append(_verdict(name, tested[name], _wrong(row, sets)))
    print(f"Against {UNTRAINED[0]} on the same questions (McNemar, Holm's correction for all of them):")
    print("\n".join(verdicts))
    print(_no_help(found))
    return found


def _right(row: Row, sets: Asked) -> dict[str, list[bool]]:
    return {
        kind: [tool == said for (tool, _), said in zip(pairs, row.said[kind], strict=True)]
        for kind, pairs in sets.items()
    }


def _wrong(row: Row, sets: Asked) -> int:
    """Questions of a tool that were given another."""
    return sum(
        tool is not None and said is not None and said != tool
        for kind, pairs in sets.items()
        for (tool, _), said in zip(pairs, row.said[kind], strict=True)
    )


def _unknown(row: Row, sets: Asked) -> tuple[float, float]:
    """Precision and recall of "no tool", on the hard set: paraphrases, near misses, foreign questions."""
    pairs = [
        (tool is None, said is None)
        for kind, those in sets.items()
        if kind != "real"
        for (tool, _), said in zip(those, row.said[kind], strict=True)
    ]
    both = sum(unknown and refused for unknown, refused in pairs)
    return (
        both / max(1, sum(refused for _, refused in pairs)),
        both / max(1, sum(unknown for unknown, _ in pairs)),
    )


def _tested(
    base: Mapping[str, Sequence[bool]], right: Mapping[str, Mapping[str, Sequence[bool]]]
) -> dict[str, dict[str, tuple[int, int, float]]]:
    """Each trained row against the base on each set; one family of tests."""
    each = [
        (name, kind, _against(base[kind], those))
        for name, sets in right.items()
        if name not in UNTRAINED
        for kind, those in sets.items()
    ]
    found: dict[str, dict[str, tuple[int, int, float]]] = {}
    for (name, kind, (lost, won, _)), p in zip(each, holm([test[2] for _, _, test in each]), strict=True):
        found.setdefault(name, {})[kind] = (lost, won, p)
    return found


def _against(base: Sequence[bool], other: Sequence[bool]) -> tuple[int, int, float]:
    """Questions that only the base, and that only the other got right; and the exact p."""
    lost = sum(one and not two for one, two in zip(base, other, strict=True))
    won = sum(two and not one for one, two in zip(base, other, strict=True))
    return lost, won, mcnemar(lost, won)[0]


def _verdict(name: str, tests: Mapping[str, tuple[int, int, float]], wrong: int) -> str:
    told: dict[str, list[str]] = {"better": [], "worse": [], "no difference shown": []}
    for kind, (lost, won, p) in tests.items():
        outcome = "no difference shown" if p >= SHOWN else "better" if won > lost else "worse"
        told[outcome].append(f"{kind} (+{won} -{lost}, p {p:.2g})")
    parts = [f"{outcome} on {', '.join(those)}" for outcome, those in told.items() if those]
    return f"  {name}: {'; '.join(parts)}; {wrong} questions given a wrong tool"


def _no_help(found: Mapping[str, dict[str, object]]) -> str:
    """In one line where training does not help, or does harm."""
    harmed: dict[str, list[str]] = {}
    idle: dict[str, list[str]] = {}
    for name, figures in found.items():
        if name in UNTRAINED:
            continue
        for kind, (lost, won, p) in figures["lost, won, p"].items():  # type: ignore[attr-defined]
            if lost > won and p < SHOWN:
                harmed.setdefault(kind, []).append(f"{lost - won} more")
            elif p >= SHOWN:
                idle.setdefault(kind, []).append(name)
    parts = [f"worse on {kind} ({', '.join(each)} wrong)" for kind, each in harmed.items()]
    parts += [f"nothing shown on {kind} ({len(each)} of the trained)" for kind, each in idle.items()]
    return f"Where it does not help: {'; '.join(parts) or 'nowhere here'}; and it takes longer."


def share(right: int, n: int) -> str:
    """Right of all, with the ends of Wilson's 95 % interval in per cent."""
    low, high = wilson(right, n)
    return f"{right}/{n} ({100 * low:.0f}-{100 * high:.0f})"


def _providers(folder: Path) -> dict[str, dict[str, object]]:
    return {"local": {"models": str(folder / "models")}}
