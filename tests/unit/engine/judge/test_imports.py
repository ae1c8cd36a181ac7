"""Hypothesis is for the judge's cells: the host only sends text."""

from __future__ import annotations

import subprocess
import sys


def test_the_judge_does_not_import_hypothesis():
    probe = "import sys, latm.maker.judge as j\nassert 'hypothesis' not in sys.modules\nprint(*j.__all__)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["CASES", "Crash", "Judge", "Robustness", "Verdict", "judging_sandbox"]


def test_what_is_sent_is_one_program_that_needs_nothing_of_ours():
    from latm.maker.judge._cells import program

    for parts in (("common", "replay"), ("common", "draw"), ("common", "draw", "shapes", "explore")):
        source = program(*parts).source
        assert "import latm" not in source
        assert "from latm" not in source
        assert source.count("__future__") == 1
        compile(source, "<program>", "exec")
