"""What a dispatcher trained on synthetic questions is worth, and what the local tuner learns of complaints.

Usage: python tests/bench/tuning.py [--sizes N,N] [--questions N] [--embeddings DIR] [--weights] [--json FILE]

Nobody's model writes anything here. The questions to train on are put together by a script of hand-written
templates (tests/bench/tuned/questions.toml), and the complaints by that of docs/examples/complaints: a strong
model's would be other ones. The questions to measure with are the hard set's paraphrases, near misses and
foreign ones, and the paper's own, where ../shared/paper is there; none shares four words in a row with a
template. A decision's time is that of the role's request, ledger and journal included; trust the processor's
time and the ratio. Figures: McNemar's exact test on the same questions, Wilson's 95 % intervals, and the
expected calibration error (ECE) of the confidence.

--embeddings DIR, which sentence-transformers wrote, adds what is trained on its vectors.
--weights shows instead how the weight of the descriptions was chosen.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench.tuned import complaints, dispatching, weights  # noqa: E402 - the path comes first

PAPER = ROOT.parent / "shared" / "paper"


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="5,20,50", help="questions of each label to train on")
    parser.add_argument("--texts", default="15,60,300", help="complaints to train on")
    parser.add_argument("--questions", type=int, default=40, help="of each of the paper's tasks, at most")
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--weights", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(given)
    sentences = "" if options.embeddings is None else str(options.embeddings.resolve())
    begun = time.perf_counter()
    if options.weights:
        found = {"weights": weights.run(sentences=sentences, splits=2 if sentences else 4)}
    else:
        sizes = [int(each) for each in options.sizes.split(",")]
        texts = [int(each) for each in options.texts.split(",")]
        with tempfile.TemporaryDirectory() as name:
            told = dispatching.run(
                Path(name), paper=PAPER, sizes=sizes, most=options.questions, sentences=sentences
            )
            print()
            found = {
                "dispatching": told,
                "complaints": complaints.run(Path(name), sizes=texts, sentences=sentences),
            }
    command = ["tests/bench/tuning.py", *(sys.argv[1:] if given is None else given)]
    print(f"\n{time.perf_counter() - begun:.0f} s: python {shlex.join(command)}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
