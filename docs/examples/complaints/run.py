"""The published experiment without a network: texts, models of 15, 60 and 300 samples, their worth.

    python docs/examples/complaints/run.py [--out DIRECTORY] [--embeddings DIRECTORY]

The texts are written by a script that stands in for a strong model, see scripted_maker.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from latm import Config, Engine
from latm.tuner import TuningRoles, TuningSpec
from latm.tuner.comparison import curve_svg, page, table

HERE = Path(__file__).parent
SIZES = (15, 60, 300)


def main() -> int:
    """Run it; everything that it writes is in one directory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("complaints-run"), help="where to write")
    parser.add_argument("--embeddings", type=Path, help="a directory that sentence-transformers wrote")
    asked = parser.parse_args()
    out: Path = asked.out.resolve()
    sys.path.insert(0, str(HERE))
    import scripted_maker

    spec = TuningSpec.load(HERE / "complaints.toml").replace(data=str(out / "data"))
    if asked.embeddings is not None:
        base = f"local:zero-shot/{asked.embeddings.resolve()}"
        spec = spec.replace(roles=TuningRoles(maker=spec.roles.maker, base=base))
    data = [HERE / "validation.jsonl"]
    out.mkdir(parents=True, exist_ok=True)
    config = Config(
        library=f"sqlite:///{out / 'latm.db'}", providers={"local": {"models": str(out / "models")}}
    )
    with Engine(config, plugins={"scripted-maker": scripted_maker}) as engine:
        written = engine.tuning.synthesise(spec, data=data)
        print(f"{written.train.path}: {len(written.train.samples)} texts, of a scripted maker")
        reviewed = engine.tuning.review(spec, data=data)
        print(f"review: {len(reviewed.review.findings)} findings, may train: {reviewed.review.may_train}")
        models = [engine.tuning.train(spec, data=data, samples=size) for size in SIZES]
        for size, model in zip(SIZES, models, strict=True):
            print(f"{size} samples: {model.model}, {model.seconds:.1f} s")
        compared = engine.tuning.compare(spec, data=data, models=[each.model for each in models])
    print(table(compared.comparison))
    (out / "comparison.html").write_text(page(compared.comparison, trained=models), encoding="utf-8")
    (out / "curve.svg").write_text(curve_svg(compared.comparison), encoding="utf-8")
    print(f"to look at: {out / 'comparison.html'} and {out / 'curve.svg'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
