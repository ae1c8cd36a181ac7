"""The local tuner on docs/examples/complaints, by the engine, with few and many texts of its script."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import anyio

from bench.tuned.dispatching import share
from latm import Config, Engine
from latm._plugins import ModelRef, Plugins, create_backend
from latm.tuner import TuningRoles, TuningSpec
from latm.tuner._samples import read_samples
from latm.tuner.formats import Template

EXAMPLE = Path(__file__).parents[3] / "docs/examples/complaints"
MEASURED = EXAMPLE / "validation.jsonl"


def run(
    folder: Path, *, sizes: Sequence[int] = (15, 60, 300), sentences: str = "", texts: int | None = None
) -> Mapping[str, object]:
    """Write, train, compare, print; gives the figures."""
    print("Complaints: 100 texts, no wording of which was trained on")
    print(f"{'':24}{'right':>16}{'macro F1':>10}{'ECE':>7}{'training s':>12}{'p50 ms':>9}{'texts/s':>9}")
    found: dict[str, object] = {}
    for base in ("", sentences) if sentences else ("",):
        found |= _compared(folder, base, sizes, texts)
    return found


def _compared(folder: Path, sentences: str, sizes: Sequence[int], texts: int | None) -> dict[str, object]:
    """Zero-shot and the tuned ones, with one way to see texts."""
    spec = TuningSpec.load(EXAMPLE / "complaints.toml").replace(data=str(folder / "complaints"))
    spec = spec.replace(held_out=0, samples=max(sizes))
    if sentences:
        roles = TuningRoles(maker=spec.roles.maker, base=f"local:zero-shot/{sentences}")
        spec = spec.replace(roles=roles)
    options: dict[str, object] = {"models": str(folder / "models")}
    config = Config(library=f"sqlite:///{folder}/complaints.db", providers={"local": options})
    with Engine(config, plugins={"scripted-maker": _scripted_maker()}) as engine:
        engine.tuning.synthesise(spec, data=[MEASURED])
        models = [engine.tuning.train(spec, data=[MEASURED], samples=size) for size in sizes]
        made = engine.tuning.compare(spec, data=[MEASURED], models=[each.model for each in models]).comparison
    trained_s = {each.model: each.seconds for each in models}
    found: dict[str, object] = {}
    for entrant, score in zip(made.contenders, made.scores, strict=True):
        seconds = trained_s.get(entrant.model)
        by_sentences = bool(sentences) and entrant.kind in {"base", "tuned"}
        name = f"{entrant.name}, sentences" if by_sentences else entrant.name
        if sentences and not by_sentences:
            continue  # it is in the rows above already
        served = None
        if seconds is not None:
            served = anyio.run(_serving, spec, entrant.model.partition(":")[2], options, texts)
        error = score.calibration_error
        row = [
            "-" if error is None else f"{error:.2f}",
            "-" if seconds is None else f"{seconds:.1f}",
            *(("-", "-") if served is None else (f"{served:.1f}", f"{1e3 / served:.0f}")),
        ]
        print(
            f"{name:24}{share(score.right, score.n):>16}{score.macro_f1:10.2f}"
            f"{row[0]:>7}{row[1]:>12}{row[2]:>9}{row[3]:>9}"
        )
        found[name] = {"right": score.right, "n": score.n, "f1": score.macro_f1, "ece": error,
                       "training_s": seconds, "p50_ms": served}  # fmt: skip
    return found


async def _serving(spec: TuningSpec, model: str, options: Mapping[str, object], texts: int | None) -> float:
    """The median of milliseconds that a text takes, one after the other."""
    backend = create_backend(Plugins.load(), ModelRef("local", model), options)
    template, taken = Template.of(spec), list[float]()
    for number, sample in enumerate(read_samples(MEASURED)[:texts]):
        request = template.request(sample.text)
        begun = time.perf_counter()
        await backend.complete(request)
        if number >= 2:
            taken.append((time.perf_counter() - begun) * 1e3)
    await backend.aclose()
    return statistics.median(taken)


def _scripted_maker() -> ModuleType:
    name = "scripted_maker"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
