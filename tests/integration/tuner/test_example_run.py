"""docs/examples/complaints/run.py as its README says, and the figures that stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from latm.library import Library
from latm.tuner.comparison import Comparison

from .test_complaints import EXAMPLE

POINTS = 3  # that another version of scikit-learn may make of it


def figures() -> dict[str, tuple[float, float, float]]:
    """The README's rows: right, and the interval, in per cent."""
    readme = (EXAMPLE / "README.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| (\d+) % \| ([\d.]+) to ([\d.]+) \|$", readme, re.MULTILINE)
    return {name: (float(right), float(low), float(high)) for name, right, low, high in rows}


def test_the_readme_s_figures_are_those_that_come_out(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = subprocess.run(
        [sys.executable, str(EXAMPLE / "run.py"), "--out", str(out)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    library = Library(f"sqlite:///{out / 'latm.db'}")
    (kept,) = library.comparisons("complaints")
    library.close()
    made = Comparison.from_record(kept.record)

    told = figures()
    names = {
        "majority class": "majority",
        "zero-shot, the base": "base",
        **{f"tuned on {size} samples": f"tuned ({size})" for size in (15, 60, 300)},
    }
    assert told.keys() == names.keys()
    for name, contender in names.items():
        score = made.score("validation.jsonl", contender)
        found = (score.accuracy * 100, score.low * 100, score.high * 100)
        assert all(abs(one - other) <= POINTS for one, other in zip(told[name], found, strict=True)), name
    assert made.better() == (made.contenders[-1].model,), "300 samples are shown to help, fewer are not"
    assert made.score("held-out.jsonl", "tuned (300)").accuracy == 1

    page = (out / "comparison.html").read_text()
    assert "tuned (300) is better than base on validation.jsonl" in page
    assert (out / "curve.svg").read_text().lstrip().startswith(("<?xml", "<svg"))
